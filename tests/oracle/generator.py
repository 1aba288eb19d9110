"""Random typed statements over the hostile tables: the oracle's second corpus, made from a seed.

Statements are valid and their answers determined: every LIMIT stands over an ORDER BY of all outputs, no aggregate
depends on the order of rows, doubles are compared but neither grouped nor sorted (0.0 and -0.0 may stand for each other).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar


def _columns(text: str) -> dict[str, str]:
    """Column -> family.

    >>> _columns("a:int b:text")
    {'a': 'int', 'b': 'text'}
    """
    return dict(part.split(":") for part in text.split())


RELATIONS: Mapping[str, Mapping[str, str]] = {
    "pg.public.people": _columns(
        "id:int name:text nick:text code:text city:text born:date weight:double balance:decimal vip:bool boss:int mood:text"
    ),
    "pg.public.orders": _columns(
        "id:int person:int amount:decimal qty:int placed:date ts:timestamp status:text",
    ),
    "pg.public.pairs": _columns("a:int b:int"),
    "pg.public.items": _columns("id:int label:text"),
    "pg.public.numbers": _columns("id:int i2:int m:decimal f8:double"),
    "pg.public.nothing": _columns("a:int b:text c:decimal d:date"),
    "my.shop.customers": _columns(
        "id:int name:text email:text code:text city:text tier:text active:int credit:decimal score:double born:date"
        " joined:timestamp small:int"
    ),
    "my.shop.orders": _columns("id:int customer:int item:text qty:int price:decimal placed:date"),
    "my.crm.pairs": _columns("a:int b:int"),
    "my.shop.numbers": _columns("id:int i1:int m:decimal f8:double"),
    "my.shop.nothing": _columns("a:int b:text c:decimal d:date"),
    "lake.main.events": _columns("id:int kind:text ts:timestamp person:int val:double lvl:text"),
    "lake.main.pairs": _columns("a:int b:int"),
    "lake.main.regions": _columns("city:text region:text"),
}
"""Tables and the families of those of their columns that statements use."""

LITERALS: Mapping[str, Sequence[str]] = {
    "int": ("0", "1", "2", "3", "5", "-1", "-7", "100", "NULL::INTEGER"),
    "decimal": ("0.00", "10.00", "1.5", "-5.50", "20", "0.01", "-1.25"),
    "double": ("0.0::DOUBLE", "1.5::DOUBLE", "-1.5::DOUBLE", "60.25::DOUBLE", "'NaN'::DOUBLE", "1e300"),
    "text": (
        "'ana'",
        "'Ana'",
        "'Paris'",
        "'Paris '",
        "''",
        "'open'",
        "'é'",
        "'ab'",
        "'z'",
        "'O''Hara'",
        "'\\'",
        "'50%'",
    ),
    "date": ("DATE '2024-01-15'", "DATE '1980-02-29'", "DATE '0001-01-01'", "DATE '9999-12-31'", "'2024-02-29'"),
    "timestamp": ("TIMESTAMP '2024-01-15 10:30:00'", "TIMESTAMP '2000-01-01 00:00:00.5'", "TIMESTAMP '1970-01-01'"),
    "bool": ("TRUE", "FALSE", "NULL::BOOLEAN"),
}
FAMILIES = tuple(LITERALS)
_COMPARISONS = ("=", "=", "<>", "<", ">", "<=", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM")
_PATTERNS = ("'%a%'", "'An_'", "'_'", "'%\\%'", "'P%s%'", "'%o'", "'%'", "'ab'")
T = TypeVar("T")
Column = tuple[str, str]
"""(SQL, family)"""


@dataclass
class Generator:
    """Makes statements; each call of `statement` another one."""

    random: random.Random
    depth: int = 0

    def statement(self) -> str:
        """A SELECT, or a set operation of two."""
        if self._chance(0.12):
            families = self._families(2, doubles=False)
            operator = self._pick(("UNION", "UNION ALL", "EXCEPT", "INTERSECT", "EXCEPT ALL", "INTERSECT ALL"))
            return f"{self._plain(families)} {operator} {self._plain(families)}"
        if self._chance(0.35):
            return self._grouped()
        if self._chance(0.2):
            sql = self._plain(self._families(self._pick((1, 2, 3)), doubles=False))
            return f"SELECT * FROM ({sql}) ORDER BY ALL LIMIT {self._pick((1, 3, 7))}"
        return self._plain(self._families(self._pick((1, 2, 3))))

    # ------------------------------------------------------------ queries

    def _plain(self, families: Sequence[str]) -> str:
        columns, source = self._source()
        items = ", ".join(f"{self._expression(family, columns)} AS o{i}" for i, family in enumerate(families))
        # Not over doubles: which of 0.0 and -0.0 stands for both is left open.
        distinct = "DISTINCT " if self._chance(0.2) and "double" not in families else ""
        return f"SELECT {distinct}{items} FROM {source}{self._where(columns)}"

    def _grouped(self) -> str:
        columns, source = self._source()
        keys = [self._expression(family, columns) for family in self._families(self._pick((0, 1, 2)), doubles=False)]
        keys = [key for key in keys if any(name in key for name, _ in columns)]
        aggregates = [self._aggregate(columns) for _ in range(self._pick((1, 2)))]
        items = ", ".join(f"{item} AS o{i}" for i, item in enumerate([*keys, *aggregates]))
        group = " GROUP BY " + ", ".join(str(i + 1) for i in range(len(keys))) if keys else ""
        having = f" HAVING count(*) {self._pick(('>', '<>', '<='))} 1" if self._chance(0.25) else ""
        return f"SELECT {items} FROM {source}{self._where(columns)}{group}{having}"

    def _aggregate(self, columns: Sequence[Column]) -> str:
        kind = self._pick(("count(*)", "count", "distinct", "sum", "min", "max", "filter"))
        if kind == "count(*)":
            return "count(*)"
        if kind in ("min", "max"):
            return f"{kind}({self._expression(self._pick(('int', 'decimal', 'text', 'date', 'timestamp')), columns)})"
        if kind == "sum":
            return f"sum({self._column(self._pick(('int', 'decimal')), columns)})"
        if kind == "filter":
            return f"count(*) FILTER (WHERE {self._predicate(columns)})"
        inner = self._expression(self._families(1, doubles=False)[0], columns)
        return f"count({'DISTINCT ' if kind == 'distinct' else ''}{inner})"

    def _source(self) -> tuple[list[Column], str]:
        columns: list[Column] = []
        source = ""
        for number in range(self._pick((1, 1, 2, 2, 3)) if self.depth == 0 else 1):
            alias = f"{'tuvw'[min(self.depth, 3)]}{number}"
            table = self._pick(tuple(RELATIONS))
            own = [(f"{alias}.{name}", family) for name, family in RELATIONS[table].items()]
            relation = f"{table} {alias}"
            if self._chance(0.3):
                own, relation = self._derived(alias, table)
            if not source:
                source, columns = relation, own
                continue
            kind = self._pick(("JOIN", "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "SEMI JOIN", "ANTI JOIN"))
            source += f" {kind} {relation} ON {self._condition(columns, own)}"
            columns = columns if kind in ("SEMI JOIN", "ANTI JOIN") else columns + own
        return columns, source

    def _derived(self, alias: str, table: str) -> tuple[list[Column], str]:
        """A derived table: a filter, perhaps a limit; groups; a window; a union with itself."""
        inner = list(RELATIONS[table].items())
        names = ", ".join(RELATIONS[table])
        columns = [(f"{alias}.{name}", family) for name, family in inner]
        where = self._where(inner)
        key, family = self._pick([column for column in inner if column[1] != "double"])
        match self._pick(("filter", "limit", "groups", "window", "union", "distinct")):
            case "groups":
                sql = f"SELECT {key} AS k, count(*) AS n FROM {table}{where} GROUP BY {key}"
                columns = [(f"{alias}.k", family), (f"{alias}.n", "int")]
            case "window":
                ordered = self._pick([name for name, other in inner if other != "double"])
                function = self._pick(
                    (f"rank() OVER (PARTITION BY {key} ORDER BY {ordered})", f"count(*) OVER (PARTITION BY {key})")
                )
                sql = f"SELECT {names}, {function} AS r FROM {table}{where}"
                columns.append((f"{alias}.r", "int"))
            case "union":
                sql = f"SELECT {names} FROM {table}{where} UNION ALL SELECT {names} FROM {table}{self._where(inner)}"
            case "distinct":
                sql = f"SELECT DISTINCT {key} AS k FROM {table}{where}"
                columns = [(f"{alias}.k", family)]
            case "limit":
                sql = f"SELECT {names} FROM {table}{where} ORDER BY ALL LIMIT {self._pick((2, 5))}"
            case _:
                sql = f"SELECT {names} FROM {table}{where}"
        return columns, f"({sql}) {alias}"

    def _condition(self, left: Sequence[Column], right: Sequence[Column]) -> str:
        shared = sorted({family for _, family in left} & {family for _, family in right} - {"bool"})
        if not shared:
            return "TRUE"
        family = "int" if "int" in shared and self._chance(0.6) else self._pick(shared)
        operator = self._pick(("=", "=", "=", "=", "IS NOT DISTINCT FROM", "<"))
        equality = f"{self._column(family, left)} {operator} {self._column(family, right)}"
        return equality + (f" AND {self._predicate([*left, *right])}" if self._chance(0.3) else "")

    def _where(self, columns: Sequence[Column]) -> str:
        return f" WHERE {self._predicate(columns)}" if self._chance(0.75) else ""

    # ------------------------------------------------------------ predicates

    def _predicate(self, columns: Sequence[Column], depth: int = 0) -> str:
        shapes: list[Callable[[], str]] = [lambda: self._comparison(columns)] * 4
        shapes += [lambda: f"{self._any(columns)} IS {self._pick(('', 'NOT '))}NULL", lambda: self._listed(columns)]
        if any(family == "text" for _, family in columns):
            shapes += [lambda: self._like(columns)]
        if any(family == "bool" for _, family in columns):
            shapes += [lambda: self._column("bool", columns)]
        if depth < 2:
            shapes += [lambda: f"({self._predicate(columns, depth + 1)} AND {self._predicate(columns, depth + 1)})"]
            shapes += [lambda: f"({self._predicate(columns, depth + 1)} OR {self._predicate(columns, depth + 1)})"]
            shapes += [lambda: f"(NOT {self._predicate(columns, depth + 1)})"]
        if self.depth < 2:
            shapes += [lambda: self._subquery(columns)]
        return self._pick(shapes)()

    def _comparison(self, columns: Sequence[Column]) -> str:
        family = self._pick(columns)[1]
        if family == "bool":
            return f"({self._column('bool', columns)} IS {self._pick(('TRUE', 'NOT TRUE', 'FALSE', 'NOT FALSE'))})"
        left, right = self._expression(family, columns), self._expression(family, columns)
        if self._chance(0.15):
            return f"({left} {self._pick(('', 'NOT '))}BETWEEN {right} AND {self._expression(family, columns)})"
        return f"({left} {self._pick(_COMPARISONS)} {right})"

    def _listed(self, columns: Sequence[Column]) -> str:
        family = self._pick(columns)[1]
        values = ", ".join(self.random.sample(LITERALS[family], 3))
        return f"({self._column(family, columns)} {self._pick(('IN', 'NOT IN'))} ({values}))"

    def _like(self, columns: Sequence[Column]) -> str:
        return f"({self._column('text', columns)} {self._pick(('LIKE', 'NOT LIKE'))} {self._pick(_PATTERNS)})"

    def _subquery(self, columns: Sequence[Column]) -> str:
        self.depth += 1
        inner, source = self._source()
        where = self._where(inner)
        if self._chance(0.5):
            correlated = self._condition(columns, inner)
            where = f"{where} AND {correlated}" if where else f" WHERE {correlated}"
        self.depth -= 1
        if self._chance(0.5):
            return f"{self._pick(('', 'NOT '))}EXISTS (SELECT 1 FROM {source}{where})"
        family = self._pick(inner)[1]
        if family in ("bool", "double") or not any(other == family for _, other in columns):
            return f"{self._column('int', columns)} <= (SELECT count(*) FROM {source}{where})"
        column = self._column(family, inner)
        if self._chance(0.3):
            return f"{self._column(family, columns)} {self._pick(('=', '<', '>='))} (SELECT max({column}) FROM {source}{where})"
        return f"{self._column(family, columns)} {self._pick(('IN', 'NOT IN'))} (SELECT {column} FROM {source}{where})"

    # ------------------------------------------------------------ expressions

    def _expression(self, family: str, columns: Sequence[Column], depth: int = 0) -> str:
        leaf = self._column(family, columns)
        if depth > 1 or self._chance(0.55):
            return leaf if self._chance(0.7) else self._pick(LITERALS[family])

        def again(other: str = family) -> str:
            return self._expression(other, columns, depth + 1)

        shapes: list[Callable[[], str]] = [
            lambda: f"coalesce({again()}, {again()})",
            lambda: f"CASE WHEN {self._comparison(columns)} THEN {again()} ELSE {again()} END",
            lambda: f"nullif({again()}, {again()})",
        ]
        if family in ("int", "decimal"):
            shapes += [lambda: f"({leaf} {self._pick('+-*')} {self._pick(('1', '2', '3'))})", lambda: f"(- {leaf})"]
            shapes += [lambda: f"{self._pick(('greatest', 'least'))}({again()}, {again()})", lambda: f"abs({leaf})"]
        if family == "int":
            shapes += [lambda: f"length({again('text')})", lambda: f"year({again('date')})", lambda: f"({leaf} % 3)"]
        if family == "double":
            shapes += [lambda: f"({again('int')} / {self._pick(('2', '3', '0', '-4'))})"]
        if family == "text":
            shapes += [
                lambda: f"substr({again()}, {self._pick(('0', '1', '2', '-2'))}, {self._pick(('0', '1', '3'))})",
                lambda: f"{self._pick(('lower', 'upper', 'trim', 'rtrim', 'reverse'))}({again()})",
                lambda: f"({again()} || {again()})",
                lambda: f"concat({again()}, {again()})",
                lambda: f"replace({again()}, 'a', {self._pick(LITERALS['text'])})",
                lambda: f"left({again()}, 2)",
            ]
        if family == "timestamp":
            shapes += [lambda: f"date_trunc('{self._pick(('day', 'month', 'year', 'hour'))}', {again()})"]
        return self._pick(shapes)()

    def _column(self, family: str, columns: Sequence[Column]) -> str:
        fitting = [name for name, other in columns if other == family]
        return self._pick(fitting) if fitting else self._pick(LITERALS[family])

    def _any(self, columns: Sequence[Column]) -> str:
        return self._expression(self._pick(columns)[1], columns)

    def _families(self, count: int, doubles: bool = True) -> list[str]:
        return [self._pick([family for family in FAMILIES if doubles or family != "double"]) for _ in range(count)]

    def _pick(self, options: Sequence[T]) -> T:
        return options[self.random.randrange(len(options))]

    def _chance(self, probability: float) -> bool:
        return self.random.random() < probability
