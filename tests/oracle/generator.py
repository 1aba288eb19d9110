"""Random typed statements over the hostile tables: the oracle's second corpus, made from a seed.

Statements are valid and their answers determined: every LIMIT stands over an ORDER BY of all outputs, no aggregate or
window depends on the order of rows, doubles are compared but neither grouped nor sorted (0.0 and -0.0 may stand for
each other).

Each choice is a call of `choose`, with the plainest option first. So the list of numbers chosen is the statement, a seed
is one way to make such a list, and tests/oracle/shrinking.py makes a failing one smaller. Not hypothesis, which was
tried: a seed in a message gives its statement back until this file changes, a derandomized run of hypothesis changes
with its test and its version.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

from tests.oracle.expressions import Choose, Expressions, Scope
from tests.oracle.vocabulary import LITERALS, PORTABLE, RELATIONS, SORTED, UNIQUE, Column, copy

SET_OPERATIONS = ("UNION ALL", "UNION", "EXCEPT", "INTERSECT", "EXCEPT ALL", "INTERSECT ALL")
JOINS = ("JOIN", "JOIN", "JOIN", "LEFT JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "SEMI JOIN", "ANTI JOIN")
Query = tuple[str, list[str]]
"""(SQL with outputs o0, o1 …, their families)"""


def statement(seed: int) -> str:
    """The statement of a seed."""
    return Generator(random.Random(seed).randrange).statement()


def placeable(seed: int) -> str:
    """A statement over tables that every source has, each named '@wide' or '@deep': see `placed`."""
    return Generator(random.Random(seed).randrange, tables=PORTABLE).statement(place=False)


def placed(sql: str, choose: Callable[[], str]) -> str:
    """The statement with each '@table' at the source that `choose` gives.

    >>> placed("SELECT 1 FROM @wide t0", lambda: "my")
    'SELECT 1 FROM my.shop.wide t0'
    """
    first, *rest = sql.split("@")
    return first + "".join(copy("@" + part[:4], choose()) + part[4:] for part in rest)


class Generator(Expressions):
    """Makes statements; each call of `statement` another one."""

    def __init__(self, choose: Choose, tables: Sequence[str] = tuple(RELATIONS)) -> None:
        super().__init__(choose)
        self.tables = tables
        self.made = 0
        """Aliases given so far."""
        self.room = 0
        """How many further relations the statement may read."""
        self.ctes: dict[str, list[str]] = {}

    def statement(self, *, place: bool = True) -> str:
        """A query of any shape, with or without WITH."""
        self.begin()
        sql = self._with() if self.chance(18) else self._top()
        return self.placed(sql) if place else sql

    def begin(self) -> None:
        """A new statement: how large it may become, and how wild."""
        self.room, self.ctes, self.made = self.pick((3, 5, 7)), {}, 0
        self.spice = self.pick((10, 30, 45))

    def placed(self, sql: str) -> str:
        """The text with each '@table' at a source of the generator's choice."""
        return placed(sql, lambda: self.pick(("lake", "pg", "my")))

    def _top(self) -> str:
        sql, families = self.query(self.pick((2, 1, 3)))
        if not all(family in SORTED for family in families):
            return sql
        if self.chance(20):
            limit = f" LIMIT {self.pick((3, 1, 7, 0))}" if self.chance(85) else ""
            offset = f" OFFSET {self.pick((1, 2, 5))}" if self.chance(35) or not limit else ""
            return f"SELECT * FROM ({sql}) ORDER BY ALL{self.pick(('', ' DESC', ' NULLS FIRST'))}{limit}{offset}"
        if self.chance(15):
            ways = ("", " DESC", " NULLS FIRST", " DESC NULLS LAST")
            keys = ", ".join(f"{i + 1}{self.pick(ways)}" for i in range(len(families)))
            return f"SELECT * FROM ({sql}) ORDER BY {keys}" if self.chance(50) else f"{sql} ORDER BY {keys}"
        return sql

    def _with(self) -> str:
        parts: dict[str, str] = {}
        for number in range(self.pick((1, 1, 2))):
            sql, families = self.query(self.pick((2, 3)))
            name = self.pick((f"c{number}", f"c{number}", "people"))
            word = self.pick(("AS", "AS", "AS MATERIALIZED", "AS NOT MATERIALIZED"))
            if name not in self.ctes:
                parts[name] = f"{name} {word} ({sql})"
                self.ctes[name] = families
            self.room += 3
        text = self._top()
        # DuckDB does not look into one that nobody reads: faults in it would count as ours.
        used: list[str] = []
        for name, part in reversed(parts.items()):
            if re.search(rf"(?<![.\w]){name} t\d", " ".join((*used, text))):
                used.insert(0, part)
        return f"WITH {', '.join(used)} {text}" if used else text

    # ------------------------------------------------------------ queries

    def query(self, count: int, families: list[str] | None = None, outer: Scope = ()) -> Query:
        """A SELECT, or a set operation of several. `families`: those that the outputs must have."""
        if self.room > 1 and self.chance(14):
            operator = self.pick(SET_OPERATIONS)
            left, families = self._plain(families, outer, count, sorted_=True)
            sql = f"{left} {operator} {self._plain(families, outer)[0]}"
            if self.room and self.chance(20):
                sql = f"({sql}) {self.pick(SET_OPERATIONS)} {self._plain(families, outer)[0]}"
            return sql, families
        if families is None and self.chance(35):
            return self._grouped(outer)
        return self._plain(families, outer, count)

    def _plain(self, families: list[str] | None, outer: Scope = (), count: int = 1, *, sorted_: bool = False) -> Query:
        scope, source, unique = self.source(outer, families or ())
        kinds = list(families or self.families(count, scope, sorted_=sorted_))
        items = []
        for i, family in enumerate(kinds):
            sql = self.expression(family, scope)
            if self.chance(12):
                function, kind = self.window(scope, unique)
                if families is None or kind == family:
                    sql, kinds[i] = function, kind
            items.append(f"{sql} AS o{i}")
        # Not over doubles: which of 0.0 and -0.0 stands for both is left open.
        distinct = "DISTINCT " if self.chance(15) and all(kind in SORTED for kind in kinds) else ""
        sql = f"SELECT {distinct}{', '.join(items)} FROM {source}{self.where([*scope, *outer])}"
        if self.chance(8):
            function, kind = self.window(scope, unique)
            test = f"{function} <= 2" if kind == "int" else f"{function} IS NOT NULL"
            sql += f" QUALIFY {test}"
        return sql, kinds

    def _grouped(self, outer: Scope = ()) -> Query:
        scope, source, _ = self.source(outer)
        wanted = self.families(self.pick((1, 0, 2)), scope, sorted_=True)
        keys = [(self.expression(family, scope, self.pick((2, 2, 1))), family) for family in wanted]
        # A key that reads no column is a constant, and GROUP BY of a number would be an ordinal.
        keys = [(sql, family) for sql, family in keys if any(name in sql for name, _ in scope)]
        aggregates = [self.aggregate(scope) for _ in range(self.pick((1, 2)))]
        items = [sql for sql, _ in (*keys, *aggregates)]
        families = [family for _, family in (*keys, *aggregates)]
        group = self._group_by([sql for sql, _ in keys])
        plain = [sql for sql, _ in keys if "SELECT" not in sql]  # each writing of a subquery is another expression
        if plain and "(" in group and self.chance(40):
            items.append(f"grouping({plain[0]})")
            families.append("int")
        if plain and not group.startswith(" GROUP BY ALL") and self.chance(12):
            items.append(f"rank() OVER (ORDER BY count(*), {', '.join(plain)})")
            families.append("int")
        # What a group has: a column of the block above it, so to speak. Doubles may differ by the order of their rows.
        grouped = [(sql, family) for sql, family in (*keys, *aggregates) if family in SORTED and "SELECT" not in sql]
        if grouped and self.chance(15):
            families.append(self.pick(grouped)[1])
            items.append(self.expression(families[-1], grouped, 2))
        having = ""
        if self.chance(25):
            test = self.pick((f"count(*) {self.pick(('>', '<>', '<='))} 1", f"{aggregates[0][0]} IS NOT NULL"))
            test = self.predicate(grouped) if grouped and self.chance(50) else test
            having = f" HAVING {test}" + (f" AND {plain[0]} IS NOT NULL" if plain and self.chance(30) else "")
        named = ", ".join(f"{item} AS o{i}" for i, item in enumerate(items))
        return f"SELECT {named} FROM {source}{self.where([*scope, *outer])}{group}{having}", families

    def _group_by(self, keys: list[str]) -> str:
        if not keys:
            return ""
        listed = ", ".join(keys)
        ways = [", ".join(str(i + 1) for i in range(len(keys))), listed, ", ".join(f"o{i}" for i in range(len(keys)))]
        ways += ["ALL", f"ROLLUP ({listed})", f"CUBE ({listed})", f"GROUPING SETS (({listed}), ({keys[0]}), ())"]
        return f" GROUP BY {self.pick(ways)}"

    # ------------------------------------------------------------ FROM

    def source(self, outer: Scope = (), wanted: Sequence[str] = ()) -> tuple[list[Column], str, str | None]:
        """The columns and the text of a FROM, and a column that tells its rows apart, if one is known to.

        `wanted`: families that the columns should be of, if that can be.
        """
        columns, text, unique = self._relation(outer, wanted)
        for _ in range(self.pick((0, 0, 1, 1, 2)) if self.room > 0 else 0):
            unique = None
            if self.room > 0 and self.chance(8):
                own, relation = self._lateral(columns)
                how, on = self.pick(((" CROSS JOIN", ""), (",", ""), (" LEFT JOIN", " ON TRUE")))
                text, columns = f"{text}{how} LATERAL {relation}{on}", columns + own
                continue
            if self.room > 0 and self.chance(5):
                own, joined = self._nearest(columns)
                text, columns = f"{text} {joined}", columns + own
                continue
            own, relation, _ = self._relation(outer)
            if self.chance(6):
                text, columns = f"{text} CROSS JOIN {relation}", columns + own
                continue
            kind = self.pick(JOINS)
            shared = _shared(columns, own)
            if shared and self.chance(12):
                # The shared columns are unqualified from here on; no further join, or they might be ambiguous.
                natural = len(shared) == len({name.split(".")[-1] for name, _ in own} & _names(columns))
                joined = f"NATURAL {kind} {relation}" if natural and self.chance(40) else ""
                used = list(shared) if joined else [self.pick(sorted(shared))]
                text += f" {joined}" if joined else f" {kind} {relation} USING ({', '.join(used)})"
                kept = columns if kind in ("SEMI JOIN", "ANTI JOIN") else columns + own
                if joined and kind in ("SEMI JOIN", "ANTI JOIN"):
                    return kept, text, None
                return [*((name, shared[name]) for name in used), *kept], text, None
            text += f" {kind} {relation} ON {self.condition(columns, own)}"
            columns = columns if kind in ("SEMI JOIN", "ANTI JOIN") else columns + own
        return columns, text, unique

    def _alias(self) -> str:
        self.made += 1
        return f"t{self.made - 1}"

    def _relation(self, outer: Scope, wanted: Sequence[str] = ()) -> tuple[list[Column], str, str | None]:
        self.room -= 1
        alias = self._alias()
        if self.ctes and self.chance(55):
            name = self.pick(tuple(self.ctes))
            return _outputs(alias, self.ctes[name]), f"{name} {alias}", None
        if self.room > 0 and self.chance(28):
            return self._derived(alias)
        if self.chance(6):
            return self._values(alias)
        table = self.pick([name for name in self.tables if set(wanted) <= set(RELATIONS[name].values())] or self.tables)
        columns = [(f"{alias}.{name}", family) for name, family in RELATIONS[table].items()]
        return columns, f"{table} {alias}", f"{alias}.id" if table in UNIQUE else None

    def _derived(self, alias: str) -> tuple[list[Column], str, None]:
        sql, families = self.query(self.pick((2, 1, 3)))
        if self.chance(20) and all(family in SORTED for family in families):
            offset = f" OFFSET {self.pick((1, 3))}" if self.chance(30) else ""
            sql = f"SELECT * FROM ({sql}) ORDER BY ALL LIMIT {self.pick((5, 2))}{offset}"
        if self.chance(25):
            names = [f"k{i}" for i in range(len(families))]
            columns = [(f"{alias}.{name}", family) for name, family in zip(names, families, strict=True)]
            return columns, f"({sql}) AS {alias}({', '.join(names)})", None
        return _outputs(alias, families), f"({sql}) {alias}", None

    def _values(self, alias: str) -> tuple[list[Column], str, None]:
        families = [self.pick(("int", "text", "date", "decimal")) for _ in range(self.pick((1, 2)))]
        rows = ", ".join(
            # The first row says the types: a column of NULLs alone has none.
            "(" + ", ".join(self.pick((*LITERALS[family], *["NULL"] * bool(row))) for family in families) + ")"
            for row in range(self.pick((2, 1, 4)))
        )
        names = ", ".join(f"o{i}" for i in range(len(families)))
        return _outputs(alias, families), f"(VALUES {rows}) {alias}({names})", None

    def _lateral(self, scope: Scope) -> tuple[list[Column], str]:
        alias = self._alias()
        inner, source, unique = self._relation(())
        condition = self.condition(scope, inner)
        column, family = self.pick(inner)
        if unique and self.chance(40):
            sql = f"SELECT {column} AS o0 FROM {source} WHERE {condition} ORDER BY {unique} LIMIT 1"
        elif self.chance(40):
            sql, family = f"SELECT count({column}) AS o0 FROM {source} WHERE {condition}", "int"
        else:
            sql = f"SELECT {column} AS o0 FROM {source} WHERE {condition}"
        return [(f"{alias}.o0", family)], f"({sql}) {alias}"

    def _nearest(self, left: Scope) -> tuple[list[Column], str]:
        """An ASOF join. What is nearest is a unique number, so that no two rows are equally near."""
        self.room -= 1
        alias, table = self._alias(), self.pick([name for name in self.tables if name in UNIQUE])
        own = [(f"{alias}.{name}", family) for name, family in RELATIONS[table].items()]
        operator, kind = self.pick((">=", "<=", ">", "<")), self.pick(("ASOF JOIN", "ASOF LEFT JOIN"))
        condition = f"{self.column('int', left)} {operator} {alias}.id"
        shared = sorted({family for _, family in left} & {family for _, family in own} & SORTED)
        if shared and self.chance(40):
            family = self.pick(shared)
            condition = f"{self.column(family, left)} = {self.column(family, own)} AND {condition}"
        return own, f"{kind} {table} {alias} ON {condition}"

    def condition(self, left: Scope, right: Scope) -> str:
        """A join condition, or a correlation."""
        shared = sorted({family for _, family in left} & {family for _, family in right} - {"bool"})
        if not shared:
            return "TRUE"
        family = "int" if "int" in shared and not self.chance(40) else self.pick(shared)
        operator = self.pick(("=", "=", "=", "=", "IS NOT DISTINCT FROM", "<"))
        of = self.column if not self.chance(15) else (lambda kind, scope: self.expression(kind, scope, 1))
        equality = f"{of(family, left)} {operator} {of(family, right)}"
        return equality + (f" AND {self.predicate([*left, *right], 1)}" if self.chance(30) else "")

    def where(self, scope: Scope) -> str:
        return f" WHERE {self.predicate(scope)}" if self.chance(75) else ""

    # ------------------------------------------------------------ subqueries

    def nests(self) -> bool:
        return self.room > 0 and self.chance(35)

    def _inner(self, scope: Scope) -> tuple[list[Column], str, str]:
        """A FROM and a WHERE of their own, correlated or not."""
        inner, source, _ = self.source()
        where = self.where(inner)
        if scope and self.chance(50):
            correlated = self.condition(scope, inner)
            where = f"{where} AND {correlated}" if where else f" WHERE {correlated}"
        return inner, source, where

    def subquery(self, scope: Scope) -> str:
        inner, source, where = self._inner(scope)
        if not self.chance(60):
            return f"{self.pick(('', 'NOT '))}EXISTS (SELECT 1 FROM {source}{where})"
        columns = [(name, family) for name, family in inner if family not in ("bool", "double", "float")]
        column, family = self.pick(columns) if columns else ("1", "int")
        value = self.expression(family, scope, 1)
        match self.pick(("in", "in", "any", "all", "row")):
            case "any":
                return f"({value} {self.pick(('=', '<', '>=', '<>'))} ANY (SELECT {column} FROM {source}{where}))"
            case "all":
                return f"({value} {self.pick(('<>', '<=', '>', '='))} ALL (SELECT {column} FROM {source}{where}))"
            case "row":
                left = f"({self.column('int', scope)}, {value})"
                return f"({left} {self.pick(('IN', 'NOT IN'))} (SELECT {self.column('int', inner)}, {column} FROM {source}{where}))"
            case _:
                return f"({value} {self.pick(('IN', 'NOT IN'))} (SELECT {column} FROM {source}{where}))"

    def scalar(self, family: str, scope: Scope) -> str:
        inner, source, where = self._inner(scope)
        if family == "int" and self.chance(50):
            return f"(SELECT count({self.pick(('*', self.any_column(inner)[0]))}) FROM {source}{where})"
        if family == "bool":
            return f"EXISTS (SELECT 1 FROM {source}{where})"
        if family not in SORTED or family == "blob":
            return self.column(family, scope)
        return f"(SELECT {self.pick(('max', 'min'))}({self.column(family, inner)}) FROM {source}{where})"


def _outputs(alias: str, families: Sequence[str]) -> list[Column]:
    return [(f"{alias}.o{i}", family) for i, family in enumerate(families)]


def _names(columns: Scope) -> set[str]:
    return {name.split(".")[-1] for name, _ in columns}


def _shared(left: Scope, right: Scope) -> dict[str, str]:
    """Column names that both sides have once, with the same family."""
    names = [name.split(".")[-1] for name, _ in left]
    once = {name.split(".")[-1]: family for name, family in left if names.count(name.split(".")[-1]) == 1}
    return {
        name.split(".")[-1]: family
        for name, family in right
        if once.get(name.split(".")[-1]) == family and family in SORTED
    }
