"""INSERT, UPDATE and DELETE: what a statement changes, and how its own source says it."""

from __future__ import annotations

from planner.dml.frame import Frame, is_change, read_change
from planner.dml.plan import Change, named_columns, plan_change, require_writable

__all__ = ["Change", "Frame", "is_change", "named_columns", "plan_change", "read_change", "require_writable"]
