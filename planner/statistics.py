"""Rough row counts of queries, from the catalogs' table sizes: for EXPLAIN, and for costs."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.sqlgen.tree import (
    Call,
    Constant,
    Derived,
    Expr,
    Join,
    Query,
    Relation,
    Scan,
    Select,
    SetOp,
    Values,
    With,
    conjuncts,
)
from planner.plan import SourceInfo

_UNKNOWN = 1000
"""Rows of a table that nobody counted."""
_SELECTIVITY = {
    "=": 0.05,
    "is null": 0.05,
    "in": 0.1,
    "~~": 0.1,
    "between": 0.2,
    "<": 0.3,
    "<=": 0.3,
    ">": 0.3,
    ">=": 0.3,
}
"""Textbook fractions, in the absence of histograms."""


def estimate(query: Query, sources: Mapping[str, SourceInfo]) -> int:
    """Estimated rows of a query, at least 1."""
    return max(1, round(_query(query, sources)))


def _query(query: Query, sources: Mapping[str, SourceInfo]) -> float:
    if isinstance(query, With):
        return _query(query.body, sources)
    if isinstance(query, SetOp):
        rows = _query(query.left, sources) + _query(query.right, sources)
        return _limited(rows, query.limit)
    if not isinstance(query, Select):
        return _UNKNOWN
    rows = _relation(query.relation, sources) if query.relation is not None else 1.0
    for part in conjuncts(query.where):
        rows *= _fraction(part)
    if query.group is not None:
        rows = 1.0 if not query.group else max(1.0, rows**0.75)
    return _limited(rows, query.limit)


def _limited(rows: float, limit: Expr | None) -> float:
    return min(rows, float(limit.text)) if isinstance(limit, Constant) and limit.text else rows


def _relation(relation: Relation, sources: Mapping[str, SourceInfo]) -> float:
    if isinstance(relation, Scan):
        rows = sources[relation.source].catalog.tables[relation.schema, relation.table].rows
        return float(_UNKNOWN if rows is None else max(rows, 1))
    if isinstance(relation, Derived):
        return _query(relation.query, sources)
    if isinstance(relation, Values):
        return float(len(relation.rows))
    if isinstance(relation, Join):
        left, right = _relation(relation.left, sources), _relation(relation.right, sources)
        return max(left, right) if relation.condition is not None else left * right
    return float(_UNKNOWN)


def _fraction(part: Expr) -> float:
    if not isinstance(part, Call):
        return 0.5
    if part.name == "=" and not any(isinstance(arg, Constant) for arg in part.args):
        return 0.001  # a join within the WHERE: about one row in a thousand of the product
    return _SELECTIVITY.get(part.name, 0.5)
