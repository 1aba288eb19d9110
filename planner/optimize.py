"""The ordered rules: each takes a bound query and gives a new one, or the very same one."""

from __future__ import annotations

from collections.abc import Callable

from connectors.sqlgen.tree import Query
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

RULES: tuple[Callable[[Query], Query], ...] = (
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


def optimize(query: Query) -> Query:
    """Apply all rules in order."""
    for rule in RULES:
        query = rule(query)
    return query
