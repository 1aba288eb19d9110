"""What the planner refuses a statement with.

PlanningError                2000
 +- SyntaxRefused            2001  DuckDB's grammar does not accept the text
 +- StatementRefused         2002  a statement that this server does not run (DDL, DML, COPY …)
 +- UnknownName              2003  no such table, column or schema (or not allowed to see it)
 +- AmbiguousName            2004  a name that several sources or relations have
 +- InvalidExpression        2005  types or functions do not fit (DuckDB's binder says so)
 +- FunctionRefused          2006  a function that is not on the allow-list
 +- ParameterRefused         2007  a parameter is missing, surplus or of a wrong type
 +- PushdownRequired         2008  pushdown = 'require' and no single source can answer the statement whole
 +- SettingRefused           2009  an unknown setting or a value it cannot have
 +- ReadOnlySource           2010  a change of a table in a source that is not `writable`
 +- ChangeRefused            2011  an UPDATE or DELETE that its source cannot run exactly
 +- TableExists              2012  an ingest that is to make a table which is there
 +- StatementTooLarge        5001  a guard: bytes, tokens, depth, items
"""

from __future__ import annotations


class PlanningError(Exception):
    """Root of the planner's errors; the message says what, where and the next step."""

    code = 2000

    def __init__(self, message: str, *, position: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.position = position

    def __str__(self) -> str:
        return self.message


class SyntaxRefused(PlanningError):
    code = 2001


class StatementRefused(PlanningError):
    code = 2002


class UnknownName(PlanningError):
    code = 2003


class AmbiguousName(PlanningError):
    code = 2004


class InvalidExpression(PlanningError):
    code = 2005


class FunctionRefused(PlanningError):
    code = 2006


class ParameterRefused(PlanningError):
    code = 2007


class PushdownRequired(PlanningError):
    code = 2008


class SettingRefused(PlanningError):
    code = 2009


class ReadOnlySource(PlanningError):
    code = 2010


class ChangeRefused(PlanningError):
    code = 2011


class TableExists(PlanningError):
    code = 2012


class StatementTooLarge(PlanningError):
    code = 5001
