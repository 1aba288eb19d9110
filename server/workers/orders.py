"""What a worker is told when it starts. Over its socket: arguments and the environment of a process are no place for secrets."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from server.logs import Form
from server.workers.inprocess import Executor

BEAT = 1.0
"""Seconds between two signs of life."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    number: int
    """Counts the workers of a server from 1 on; in their log lines."""
    open: Callable[..., AbstractContextManager[Executor]]
    """A function of a module, which makes what runs queries."""
    arguments: tuple[object, ...]
    """Its arguments."""
    statements: int
    """That it may run at once."""
    memory: int
    """Bytes that the process may take beyond what it has when it is ready."""
    logs: tuple[Form, str]
    """Form and level of its log lines."""
