"""What ends a statement that was planned and may not go on, or cannot.

ExecutionError              5000
 +- AdmissionRefused        5002  too many statements run and wait
 +- StatementTimeout        5003  limits.statement_timeout, or the caller's own deadline
 +- MemoryExceeded          5004  limits.memory
 +- SpillExceeded           5005  limits.spill, or the disk is full
 +- StatementCancelled      5006  by the client, an operator or the server's end
 +- RowTooLarge             5007  a row that no client could receive
 +- WorkerLost              5008  the process that ran the statement ended: a crash, or it was killed
 +- NoWorkers               5009  no process that could run the statement is ready
 +- ChangeInDoubt           5010  as WorkerLost, of a change: it was kept, or it was not
 +- EvaluationFailed        2050  the statement's own values: a bad cast, an overflow
 +- EngineFailed            9001  the local engine failed in a way that it should not
"""

from __future__ import annotations


class ExecutionError(Exception):
    """Root; the message says what, where and the next step. Picklable."""

    code = 5000

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return self.message


class AdmissionRefused(ExecutionError):
    code = 5002


class StatementTimeout(ExecutionError):
    code = 5003


class MemoryExceeded(ExecutionError):
    code = 5004


class SpillExceeded(ExecutionError):
    code = 5005


class StatementCancelled(ExecutionError):
    code = 5006


class RowTooLarge(ExecutionError):
    code = 5007


class WorkerLost(ExecutionError):
    code = 5008


class NoWorkers(ExecutionError):
    code = 5009


class ChangeInDoubt(ExecutionError):
    code = 5010


class EvaluationFailed(ExecutionError):
    code = 2050


class EngineFailed(ExecutionError):
    code = 9001
