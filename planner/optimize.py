"""The ordered rules: each takes a bound query and gives a new one, or the very same one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from connectors.sqlgen.tree import Derived, Join, Query, SetOp, Subquery, With, walk
from planner.rules.decorrelate import decorrelate
from planner.rules.empty import empty
from planner.rules.factor_or import factor_or
from planner.rules.filter_ctes import filter_ctes
from planner.rules.inline_ctes import inline_ctes
from planner.rules.merge_derived import merge_derived
from planner.rules.outer_to_inner import outer_to_inner
from planner.rules.prune import prune
from planner.rules.push_filters import push_filters
from planner.rules.push_limits import push_limits
from planner.rules.redundant import redundant
from planner.rules.semi_to_exists import semi_to_exists
from planner.rules.transitive import transitive

Rule = Callable[[Query], Query]

RULES: tuple[Rule, ...] = (
    inline_ctes,  # first: a CTE used once is a derived table to all rules after it
    semi_to_exists,  # a filter of the block, which its source can take
    redundant,  # before what DISTINCT and ORDER BY would stand in the way of
    factor_or,  # before the filters move, so that each part can move on its own
    decorrelate,  # before filters move: they make the joins that it writes inner ones
    push_filters,  # into what cannot be merged
    outer_to_inner,  # only inner joins let derived tables merge and equalities through
    merge_derived,  # joins of several blocks become one FROM
    transitive,  # over the whole FROM of a block
    filter_ctes,  # all filters of a use stand in its block now
    push_filters,  # the filters that merging and transitivity brought
    empty,  # when all that contradicts itself stands side by side
    push_limits,  # after what could make its outer join an inner one
    prune,  # last: when it is settled who reads what
)

NEEDS: Mapping[Rule, frozenset[object]] = {
    inline_ctes: frozenset([With]),
    semi_to_exists: frozenset(["semi", "anti"]),
    redundant: frozenset([Subquery, SetOp]),
    decorrelate: frozenset([Subquery]),
    push_filters: frozenset([Derived]),
    outer_to_inner: frozenset(["left", "right", "full"]),
    merge_derived: frozenset([Derived]),
    filter_ctes: frozenset([With]),
    push_limits: frozenset(["left", "right"]),
}
"""Classes of nodes, and kinds of joins: where a statement has none of them, the rule has nothing to change. Most rules go
through a whole tree to find that out, and a short statement's planning is short."""


def optimize(query: Query) -> Query:
    """Apply all rules in order."""
    present = kinds(query)
    for rule in RULES:
        if NEEDS.get(rule, present).isdisjoint(present):
            continue
        changed = rule(query)
        if changed is not query:
            query, present = changed, kinds(changed)
    return query


def kinds(query: Query) -> frozenset[object]:
    """The classes of a query's nodes, and the kinds of its joins."""
    return frozenset(node.kind if isinstance(node, Join) else type(node) for node in walk(query))
