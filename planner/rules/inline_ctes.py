"""A CTE that is used once becomes a derived table; one that nobody uses goes.

Guards:
- not one used twice: it is computed once
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from connectors.sqlgen.tree import CteRef, Derived, Query, With, transform, walk


def inline_ctes(query: Query) -> Query:
    """CTEs used once as derived tables, unused ones dropped; the very same query if there are none."""
    uses = Counter(node.name for node in walk(query) if isinstance(node, CteRef))

    def change(node: Any) -> Any:
        if not isinstance(node, With):
            return node
        once = {cte.name: cte.query for cte in node.ctes if uses[cte.name] == 1}
        kept = tuple(cte for cte in node.ctes if uses[cte.name] > 1)
        if len(kept) == len(node.ctes):
            return node

        def inline(inner: Any) -> Any:
            if isinstance(inner, CteRef) and inner.name in once:
                return Derived(inner.alias, transform(once[inner.name], inline))
            return inner

        kept = tuple(replace(cte, query=transform(cte.query, inline)) for cte in kept)
        body = transform(node.body, inline)
        return With(kept, body) if kept else body

    made: Query = transform(query, change)
    return made
