"""Cut: maximal one-source sub-plans become fragments, an exchange stands in place of each.

A query that one source can answer exactly goes whole. Otherwise a SELECT block is a pipeline (FROM and WHERE, GROUP,
HAVING, windows, DISTINCT, ORDER, LIMIT): its source takes the longest prefix that it can run exactly. Where several
sources meet in one FROM, each gets the largest clusters of its own relations that join inside it (planner/clusters.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from connectors.sqlgen.dialect import family
from connectors.sqlgen.tree import (
    Call,
    Cast,
    ColumnRef,
    Constant,
    Exchange,
    Expr,
    Input,
    OpaqueExpr,
    OpaqueQuery,
    Query,
    Scan,
    Select,
    SetOp,
    Sort,
    Subquery,
    Window,
    With,
    children,
    conjunction,
    conjuncts,
    rebuild,
    walk,
)
from planner.clusters import Clusters
from planner.placement import Placement, shown
from planner.plan import Fragment, SourceInfo
from planner.rules.algebra import has_window, tables_of
from planner.statistics import estimate
from watersmeet.spi import Read


@dataclass(slots=True)
class Cutter:
    """Cuts one statement."""

    placement: Placement
    pushdown: bool = True
    """False: sources are only scanned."""
    fragments: list[Fragment] = field(default_factory=list)

    def cut(self, query: Query) -> Query:
        """The local query that is left; the fragments are in `fragments`."""
        if self.pushdown and (found := self.placement.read(query)) is not None:
            return self.whole(query, *found)
        if isinstance(query, With):
            ctes = tuple(replace(cte, query=self.cut(cte.query)) for cte in query.ctes)
            return With(ctes, self.cut(query.body))
        if isinstance(query, SetOp):
            return replace(query, left=self.cut(query.left), right=self.cut(query.right))
        if isinstance(query, OpaqueQuery):
            self.placement.stay(None, _head(query.text), "construct", query.why)
            inputs = tuple(Input(given.name, given.columns, self.cut(given.query)) for given in query.inputs)
            return replace(query, inputs=inputs)
        return self.select(query)

    # ------------------------------------------------------------ fragments

    def whole(self, query: Query, source: SourceInfo, read: Read) -> Select:
        """A fragment for the query, and the SELECT that passes its rows on."""
        exchange = self.exchange(query, source, read)
        return Select(columns_of(exchange), exchange)

    def exchange(self, query: Query, source: SourceInfo, read: Read) -> Exchange:
        number = len(self.fragments)
        rows = estimate(query, self.placement.sources)
        self.fragments.append(Fragment(id=number, source=source.name, query=query, read=read, estimate=rows))
        return Exchange(f"x{number}", number, tuple(column.type for column in read.columns))

    # ------------------------------------------------------------ one block

    def select(self, block: Select) -> Query:
        """The longest prefix of the block's stages that one source can run; else clusters of its FROM."""
        if self.pushdown and block.relation is not None:
            for attempt in (self.before_order, self.before_distinct, self.grouped):
                made = attempt(block)
                if made is not None:
                    return made
        return self.clustered(block)

    def before_order(self, block: Select) -> Query | None:
        """All but ORDER BY and LIMIT at the source."""
        if not block.order and block.limit is None and block.offset is None:
            return None
        return self.items_at_source(block, distinct=block.distinct)

    def before_distinct(self, block: Select) -> Query | None:
        """All but DISTINCT, ORDER BY and LIMIT at the source."""
        return self.items_at_source(block, distinct=False) if block.distinct else None

    def items_at_source(self, block: Select, *, distinct: bool) -> Query | None:
        keys = tuple(key.expr for key in block.order)
        if block.distinct and not all(key in block.items for key in keys):
            return None
        items = tuple(dict.fromkeys((*block.items, *keys)))
        below = replace(block, items=items, distinct=distinct, order=(), limit=None, offset=None)
        found = self.placement.read(below)
        if found is None:
            return None
        exchange = self.exchange(below, *found)
        columns = dict(zip(items, columns_of(exchange), strict=True))
        order = tuple(Sort(columns[key.expr], key.descending, key.nulls_first) for key in block.order)
        return Select(
            tuple(columns[item] for item in block.items),
            exchange,
            distinct=block.distinct and not distinct,
            order=order,
            limit=block.limit,
            offset=block.offset,
        )

    def grouped(self, block: Select) -> Query | None:
        """FROM, WHERE, GROUP and what of HAVING is exact at the source; all above the grouping here."""
        if block.group is None or (block.sets is not None and _has_grouping(block)):
            return None
        above = (*block.items, block.having, block.qualify, *block.order)
        atoms = Atoms()
        for node in above:
            if node is not None:
                atoms.collect(node, block.group)
        items = tuple(dict.fromkeys((*block.group, *atoms.calls))) or (Constant("1", "INTEGER"),)
        below = Select(items, block.relation, block.where, block.group, block.sets)
        kept: list[Expr] = list(conjuncts(block.having))
        pushed: list[Expr] = []
        for part in list(kept):
            if self.placement.read(replace(below, having=conjunction([*pushed, part]))) is not None:
                pushed.append(part)
                kept.remove(part)
        below = replace(below, having=conjunction(pushed))
        found = self.placement.read(below)
        if found is None:
            return None
        below, found = self.top_groups(block, below, found, kept)
        exchange = self.exchange(below, *found)
        columns: dict[Expr, Expr] = {
            item: column
            for item, column in zip(items, columns_of(exchange), strict=True)
            if not isinstance(item, Constant)
        }
        rest = Select(
            block.items,
            exchange,
            None,
            qualify=block.qualify,
            distinct=block.distinct,
            order=block.order,
            limit=block.limit,
            offset=block.offset,
        )
        made = replace_nodes(rest, {**{call: _average(call, columns) for call in atoms.averages}, **columns})
        where = tuple(replace_nodes(part, columns) for part in kept)
        finished: Query = self.subqueries(replace(made, where=conjunction(where)))
        return finished

    def top_groups(
        self, block: Select, below: Select, found: tuple[SourceInfo, Read], kept: list[Expr]
    ) -> tuple[Select, tuple[SourceInfo, Read]]:
        """With ORDER BY … LIMIT over exact keys, the source need only send the first groups."""
        limit = _both(block.limit, block.offset)
        if limit is None or kept or block.qualify is not None or block.distinct or any(map(has_window, block.items)):
            return below, found
        top = replace(below, order=block.order, limit=limit)
        better = self.placement.read(top)
        return (top, better) if better is not None else (below, found)

    # ------------------------------------------------------------ several sources

    def clustered(self, block: Select) -> Query:
        """Clusters of each source in place of its relations; the rest of the block stays here."""
        clusters = Clusters(self.placement, self.cut, self.pushdown)
        relation = None
        leftover = list(conjuncts(block.where))
        if block.relation is not None:
            relation, leftover = clusters.place(block.relation, leftover)
        self.explain_meeting(block, clusters, leftover)
        rest: Query = self.subqueries(replace(block, relation=relation, where=conjunction(leftover)))
        for cluster in clusters.made:
            needed = tuple(
                dict.fromkeys(
                    node for node in walk(rest) if isinstance(node, ColumnRef) and node.table in cluster.aliases
                )
            )
            items: tuple[Expr, ...] = tuple(dict.fromkeys(replace(node, nullable=True) for node in needed))
            query = Select(items or (Constant("1", "INTEGER"),), cluster.relation, conjunction(cluster.conditions))
            if self.pushdown and not leftover and len(clusters.made) == 1 and relation is cluster.placeholder:
                query = self.top(block, query)
            found = self.placement.read(query)
            if found is None:
                raise AssertionError(
                    f"a cluster of {cluster.source.name} cannot be printed"
                )  # a bug: each part could be
            exchange = self.exchange(query, *found)
            columns = dict(zip(items, columns_of(exchange), strict=True)) if items else {}
            mapping: dict[Any, Any] = {node: columns[replace(node, nullable=True)] for node in needed}
            rest = replace_nodes(rest, {**mapping, cluster.placeholder: exchange})
        return rest

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

    def top(self, block: Select, query: Select) -> Select:
        """The query with ORDER BY and LIMIT where the source can send the first rows only; here they run again."""
        limit = _both(block.limit, block.offset)
        plain = block.group is None and block.qualify is None and not block.distinct
        if limit is None or not plain or any(map(has_window, block.items)):
            return query
        better = replace(query, order=block.order, limit=limit)
        return better if self.placement.read(better) is not None else query

    def subqueries(self, node: Any) -> Any:
        """The node with the subqueries in its expressions cut; derived tables are cut already."""

        def visit(part: Any) -> Any:
            if isinstance(part, Subquery):
                arg = None if part.arg is None else visit(part.arg)
                return replace(part, query=self.cut(part.query), arg=arg)
            if hasattr(part, "alias"):
                return part
            return rebuild(part, visit)

        return rebuild(node, visit)


@dataclass(slots=True)
class Atoms:
    """What the stages above a grouping read: group keys and aggregates."""

    calls: list[Expr] = field(default_factory=list)
    averages: list[Call] = field(default_factory=list)

    def collect(self, node: Any, keys: tuple[Expr, ...]) -> None:
        if node in keys:
            return
        if isinstance(node, Call) and node.aggregate:
            if node.name == "avg" and family(node.args[0].type) in ("int", "decimal"):
                self.averages.append(node)
                self.calls += [_sum(node), _count(node)]
            else:
                self.calls.append(node)
            return
        if isinstance(node, Window):
            for part in (*node.call.args, *node.partition, *node.order, node.call.filter):
                if part is not None:
                    self.collect(part, keys)
            return
        if isinstance(node, Subquery):
            if node.arg is not None:
                self.collect(node.arg, keys)
            return
        for child in children(node):
            self.collect(child, keys)


def _sum(call: Call) -> Call:
    shape = (
        "HUGEINT"
        if family(call.args[0].type) == "int"
        else f"DECIMAL(38,{call.args[0].type.rstrip(')').split(',')[1]})"
    )
    return replace(call, name="sum", type=shape)


def _count(call: Call) -> Call:
    return replace(call, name="count", type="BIGINT")


def _average(call: Call, columns: dict[Expr, Expr]) -> Expr:
    """avg of integers and decimals is the sum as DOUBLE over the count, bit for bit as DuckDB computes it."""
    total = Cast(columns[_sum(call)], "DOUBLE")
    return Call("/", (total, columns[_count(call)]), "DOUBLE")


def columns_of(exchange: Exchange) -> tuple[ColumnRef, ...]:
    """All columns of an exchange."""
    return tuple(ColumnRef(exchange.alias, f"c{i}", type_) for i, type_ in enumerate(exchange.types))


def replace_nodes(node: Any, mapping: dict[Any, Any]) -> Any:
    """The tree with whole nodes replaced, the largest first.

    Inside the query of a subquery only what reads a column of ours is meant: its count(*) is its own.
    """
    correlated = {key: value for key, value in mapping.items() if tables_of(key)}

    def replaced(part: Any, known: dict[Any, Any]) -> Any:
        found = known.get(part)
        if found is not None:
            return found
        if isinstance(part, Subquery):
            arg = None if part.arg is None else replaced(part.arg, known)
            return replace(part, query=replaced(part.query, correlated), arg=arg)
        if isinstance(part, Window):
            # sum(a) OVER () is no sum(a): only what the window function reads is meant.
            rest = rebuild(replace(part, call=_NO_CALL), lambda child: replaced(child, known))
            return replace(rest, call=rebuild(part.call, lambda child: replaced(child, known)))
        return rebuild(part, lambda child: replaced(child, known))

    return replaced(node, mapping)


_NO_CALL = Call("", (), "")


def _both(limit: Expr | None, offset: Expr | None) -> Expr | None:
    """How many first rows LIMIT and OFFSET together need; None if that is not known."""
    if not isinstance(limit, Constant) or limit.text is None:
        return None
    if offset is None:
        return limit
    if not isinstance(offset, Constant) or offset.text is None:
        return None
    return Constant(str(int(limit.text) + int(offset.text)), "BIGINT")


def _has_grouping(block: Select) -> bool:
    return any(isinstance(node, OpaqueExpr) and node.text.startswith("GROUPING(") for node in walk(block))


def _head(text: str) -> str:
    return text if len(text) <= 120 else text[:117] + "…"
