"""Cut: maximal one-source sub-plans become fragments, an exchange stands in place of each.

A query that one source can answer exactly goes whole. Otherwise a SELECT block is a pipeline (FROM and WHERE, GROUP,
HAVING, windows, DISTINCT, ORDER, LIMIT): its source takes the longest prefix that it can run exactly (planner/prefix.py),
and of the stage that it cannot, all but the expressions that stay. Where several sources meet in one FROM, each gets the
largest clusters of its own relations that join inside it (planner/clusters.py), aggregated as far as that is exact and
worth it (planner/partial.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from connectors.sqlgen.tree import (
    Constant,
    Cte,
    CteRef,
    Exchange,
    Expr,
    Input,
    Join,
    OpaqueQuery,
    Query,
    Relation,
    Scan,
    Select,
    SetOp,
    Subquery,
    With,
    conjunction,
    conjuncts,
    rebuild,
    walk,
)
from planner import factored, lookups, partial, prefix, set_operations
from planner.clusters import Cluster, Clusters
from planner.columns import columns_of, groupable, mapping_of, replace_nodes, wanted
from planner.cost import Costs
from planner.placement import Placement, shown
from planner.plan import Fragment, SourceInfo
from planner.profiles import Profile
from planner.rules.algebra import free, has_subquery, has_window, is_volatile, may_fail, movable, tables_of
from planner.sharing import shared
from planner.splits import parts_of
from watersmeet.spi import Read


@dataclass(slots=True)
class Cutter:
    """Cuts one statement."""

    placement: Placement
    pushdown: bool = True
    """False: sources are only scanned."""
    costs: bool = True
    """False: whatever a source can answer goes there, however many rows come back."""
    fragments: list[Fragment] = field(default_factory=list)
    uses: int = 0
    """How often a fragment was found to be one that is there already."""

    def cut(self, query: Query, *, unique: bool = False) -> Query:
        """The local query that is left; the fragments are in `fragments`. `unique`: rows that repeat may be dropped."""
        if self.pushdown and self.costs and (made := factored.cut(self, query)) is not None:
            return made
        if self.pushdown and (found := self.placement.read(query)) is not None and self.fits(query, found[0]):
            return self.whole(query, *found, unique=unique)
        if isinstance(query, With):
            return self.common(query, unique=unique)
        if isinstance(query, SetOp):
            return set_operations.cut(self, query, unique=unique)
        if isinstance(query, OpaqueQuery):
            self.placement.stay(None, _head(query.text), "construct", query.why)
            inputs = tuple(Input(given.name, given.columns, self.cut(given.query)) for given in query.inputs)
            return replace(query, inputs=inputs)
        return self.select(query, unique=unique)

    # ------------------------------------------------------------ fragments

    def fits(self, query: Query, source: SourceInfo) -> bool:
        """Whether the rows that a source would answer with are no many times those that it reads."""
        words = Clusters(self.placement, self.cut, self.pushdown, self.costs).dear(query, source)
        if words is not None:
            self.placement.stay(source.name, shown(query, query), "cost", words)
        return words is None

    def whole(self, query: Query, source: SourceInfo, read: Read, *, unique: bool = False) -> Select:
        """A fragment for the query, and the SELECT that passes its rows on."""
        if unique and isinstance(query, Select) and _repeats_freely(query, unique=True):
            once = self.distinct(query)
            found = self.placement.read(once) if once is not query else None
            query, read = (query, read) if found is None else (once, found[1])
        exchange = self.exchange(query, source, read)
        return Select(columns_of(exchange), exchange)

    def exchange(self, query: Query, source: SourceInfo, read: Read) -> Exchange:
        """Where the rows of a fragment for the query come in; one that asks the same is shared."""
        types = tuple(column.type for column in read.columns)
        query = self.placement.closed(query)
        known = shared(query, source.name, self.fragments)
        if known is not None:
            self.uses += 1
            return Exchange(f"x{known}u{self.uses}", known, types)
        number = len(self.fragments)
        rows = self.placement.statistics.rows(query)
        self.fragments.append(Fragment(id=number, source=source.name, query=query, read=read, estimate=rows))
        return Exchange(f"x{number}", number, types)

    # ------------------------------------------------------------ common table expressions

    def common(self, query: With, *, unique: bool) -> Query:
        """A CTE that one source can compute goes there with the one fragment that reads it; the others are read here."""
        self.placement.statistics.know(query)
        before = dict(self.placement.common)
        refused: set[str] = set()
        while True:
            mark = len(self.fragments), len(self.placement.stays)
            self.placement.common = dict(before)
            kept: list[Cte] = []
            for cte in query.ctes:
                found = self.placement.read(cte.query) if self.pushdown and cte.name not in refused else None
                if found is not None and _same_rows(cte, query, found[0]) and self.fits(cte.query, found[0]):
                    self.placement.common[cte.name] = found[0], cte.query
                else:
                    kept.append(Cte(cte.name, self.cut(cte.query)))
            body = self.cut(query.body, unique=unique)
            spread = self._spread(
                set(self.placement.common) - set(before), (body, *(cte.query for cte in kept)), mark[0]
            )
            if not spread:
                break
            refused |= spread
            del self.fragments[mark[0] :], self.placement.stays[mark[1] :]
        self.placement.common = before
        if isinstance(body, With):
            return With((*kept, *body.ctes), body.body)
        return With(tuple(kept), body) if kept else body

    def _spread(self, names: set[str], local: tuple[Query, ...], first: int) -> set[str]:
        """Those of the CTEs that are read here, or by more than one fragment."""
        readers = [
            {part.name for part in walk(fragment.query) if isinstance(part, CteRef)}
            for fragment in self.fragments[first:]
        ]
        here = {part.name for query in local for part in walk(query) if isinstance(part, CteRef)}
        return {name for name in names if name in here or sum(name in reads for reads in readers) > 1}

    # ------------------------------------------------------------ one block

    def select(self, block: Select, *, unique: bool = False) -> Query:
        """The longest prefix of the block's stages that one source can run; else clusters of its FROM."""
        if self.pushdown and block.relation is not None:
            made = prefix.cut(self, block)
            if made is not None:
                return made
            block = set_operations.aggregated(self, block)
            if self.costs and (joined := lookups.brought(block)) is not None:
                return lookups.cheaper(self, (block, joined), lambda form: self.clustered(form, unique=unique))
        return self.clustered(block, unique=unique)

    def clustered(self, block: Select, *, unique: bool) -> Query:
        """Clusters of each source in place of its relations; the rest of the block stays here."""
        clusters = Clusters(self.placement, self.cut, self.pushdown, self.costs)
        relation = None
        leftover = list(conjuncts(block.where))
        if block.relation is not None:
            relation, leftover = clusters.place(block.relation, leftover)
        self.explain_meeting(block, clusters, leftover)
        rest: Select = self.subqueries(replace(block, relation=relation, where=conjunction(leftover)))
        alone = len(clusters.made) == 1 and relation is clusters.made[0].placeholder and not leftover
        met = self.placement.statistics.below(block) if block.group else None
        for cluster in clusters.made:
            rest = self.received(rest, cluster, met, alone=alone, unique=unique)
        return rest

    def received(self, rest: Select, cluster: Cluster, met: Profile | None, *, alone: bool, unique: bool) -> Select:
        """The rest of a block with a fragment in place of a cluster.

        `met`: the rows of the whole FROM. `alone`: the fragment's rows are all that the block's stages above WHERE read.
        """
        below = Select((), cluster.relation, conjunction(cluster.conditions))
        if self.pushdown:
            made = self.aggregated(rest, cluster, below, met)
            if made is not None:
                return made
        items = wanted(rest, cluster.aliases, self.computable(cluster, rest) if alone and self.pushdown else _nothing)
        query = replace(below, items=items or (Constant("1", "INTEGER"),))
        if alone and self.pushdown:
            query = prefix.top(self, rest, query)
        if self.pushdown and query.limit is None and _repeats_freely(rest, unique=unique):
            query = self.distinct(query)
        found = self.placement.read(query)
        if found is None:
            raise AssertionError(f"a cluster of {cluster.source.name} cannot be printed")  # a bug: each part could be
        return self.put(
            cluster, query, found, lambda columns: replace_nodes(rest, mapping_of(items, columns[: len(items)]))
        )

    def put(
        self,
        cluster: Cluster,
        query: Query,
        found: tuple[SourceInfo, Read],
        reads: Callable[[tuple[Expr, ...]], Select],
    ) -> Select:
        """A fragment for the query that its source can answer; `reads` makes the rest of its columns."""
        exchange = self.exchange(query, *found)
        rest = reads(columns_of(exchange))
        return replace(rest, relation=replace_nodes(rest.relation, {cluster.placeholder: exchange}))

    def computable(self, cluster: Cluster, rest: Select) -> Callable[[Expr], bool]:
        """Whether the source computes an expression of the stages above WHERE."""
        scans = cluster.scans

        def test(expr: Expr) -> bool:
            if (rest.group is not None and not movable(expr)) or may_fail(expr):
                return False  # a filter above windows may yet remove the row that it fails for
            return self.placement.computes(expr, cluster.source, scans, cluster.aliases)

        return test

    # ------------------------------------------------------------ fewer rows of a cluster

    def aggregated(self, rest: Select, cluster: Cluster, below: Select, met: Profile | None) -> Select | None:
        """The rest over a cluster that is aggregated at its source; None where that is not exact or not worth it."""
        missing = _missing(rest.relation, cluster.placeholder)
        if rest.group is None or missing is None:
            return None
        scans = cluster.scans

        def computable(expr: Expr) -> bool:
            plain = movable(expr) and not has_subquery(expr)
            return plain and self.placement.computes(expr, cluster.source, scans, cluster.aliases)

        found = partial.split(rest, cluster.aliases, computable, missing=missing)
        if found is None:
            return None
        costs = Costs(self.placement.statistics)
        rows = self.placement.statistics.below(below)
        tested = partial.tested(found, cluster.aliases, computable, missing=missing)
        if tested is not None and tested.keys != found.keys:
            found = min(found, tested, key=lambda split: self.grouped(rows, split, cluster.source, met))
        parts = parts_of(replace(below, items=found.keys), rows.rows, cluster.source, costs)
        sent = (*found.keys, *found.values)
        if not self.groups_there(rows, found.keys, sent, cluster.source, met, parts):
            return None
        query = partial.below(found.keys, found.values, below)
        printed = self.placement.read(query, quiet=True)
        if printed is None:
            return None
        read = len(found.keys) + len(found.values)
        return self.put(cluster, query, printed, lambda columns: found.received(columns[:read]))

    def grouped(self, rows: Profile, split: partial.Split, source: SourceInfo, met: Profile | None) -> float:
        """What it costs to have a source group rows so."""
        groups = self.placement.statistics.groups(rows, split.keys, met)
        types = [item.type for item in (*split.keys, *split.values)]
        return Costs(self.placement.statistics).grouped(groups, rows.rows, split.keys, types, source.speed)

    def distinct(self, query: Select) -> Select:
        """The query without repeated rows, where that is worth it."""
        if not query.items or not groupable(query.items):
            return query
        rows = self.placement.statistics.below(query)
        once = replace(query, distinct=True)
        found = self.placement.read(once, quiet=True)
        if found is None or not self.groups_there(rows, query.items, query.items, found[0]):
            return query
        return once

    def groups_there(
        self,
        rows: Profile,
        keys: Sequence[Expr],
        items: Sequence[Expr],
        source: SourceInfo,
        met: Profile | None = None,
        parts: int = 1,
    ) -> bool:
        """Whether it is worth to have a source group rows by keys and send these items, rather than its rows in parts.
        `met`: as in Statistics.groups."""
        groups = self.placement.statistics.groups(rows, keys, met)
        types = [item.type for item in items]
        return Costs(self.placement.statistics).groups(groups, rows.rows, keys, types, source.speed, parts)

    # ------------------------------------------------------------ explanations and subqueries

    def explain_meeting(self, block: Select, clusters: Clusters, leftover: list[Expr]) -> None:
        """Note what runs here because rows of several sources meet in it."""
        names = sorted({cluster.source.name for cluster in clusters.made})
        if len(names) < 2 or not self.pushdown:
            return
        scans = [node for node in walk(block.relation) if isinstance(node, Scan)]
        for part in leftover:
            met = sorted({cluster.source.name for cluster in clusters.made if cluster.aliases & tables_of(part)})
            if len(met) > 1:
                reason = f"its two sides are in {' and '.join(met)}"
                self.placement.stay(None, shown(part, part, scans), "several-sources", reason)
        if block.group is not None:
            keys = ", ".join(shown(key, key, scans) for key in block.group)
            reason = f"it groups rows of {' and '.join(names)} that are joined here"
            self.placement.stay(None, f"GROUP BY {keys or '()'}", "several-sources", reason)

    def subqueries(self, node: Any) -> Any:
        """The node with the subqueries in its expressions cut; derived tables are cut already.

        One that is written twice stays one: a sort key of a DISTINCT must be the output that it was.
        """
        known: dict[Subquery, Subquery] = {}

        def visit(part: Any) -> Any:
            if isinstance(part, Subquery):
                if part not in known:
                    arg = None if part.arg is None else visit(part.arg)
                    known[part] = replace(part, query=self.cut(_probed(part), unique=part.kind != "scalar"), arg=arg)
                return known[part]
            if hasattr(part, "alias"):
                return part
            return rebuild(part, visit)

        return rebuild(node, visit)


def _same_rows(cte: Cte, query: With, source: SourceInfo) -> bool:
    """Whether all that read a CTE see the same rows of it: a source that computes it anew may have others below a LIMIT."""
    if source.dialect.ctes_once or all(getattr(part, "limit", None) is None for part in walk(cte.query)):
        return True
    return sum(isinstance(part, CteRef) and part.name == cte.name for part in walk(query)) < 2


def _probed(part: Subquery) -> Query:
    """A subquery's query; one row is enough for an EXISTS that is asked once."""
    query = part.query
    if part.kind != "exists" or not isinstance(query, Select) or free(query):
        return query
    if query.limit is not None or query.offset is not None:
        return query
    return replace(query, order=(), limit=Constant("1", "BIGINT"))


def _missing(relation: Relation | None, placeholder: Exchange) -> bool | None:
    """Whether outer joins may leave a cluster out; None where a join of another kind is above it."""
    if relation == placeholder:
        return False
    if not isinstance(relation, Join) or relation.kind not in ("inner", "left", "right"):
        return None
    for side, outer in ((relation.left, "right"), (relation.right, "left")):
        found = _missing(side, placeholder)
        if found is not None:
            return found or relation.kind == outer
    return None


def _repeats_freely(block: Select, *, unique: bool) -> bool:
    """Whether rows that repeat below a block's expressions change nothing above it."""
    limited = block.limit is not None or block.offset is not None
    plain = block.group is None and block.qualify is None and not any(map(has_window, (*block.items, *block.order)))
    return plain and (block.distinct or (unique and not limited)) and not is_volatile(block)


def _nothing(_: Expr) -> bool:
    return False


def _head(text: str) -> str:
    return text if len(text) <= 120 else text[:117] + "…"
