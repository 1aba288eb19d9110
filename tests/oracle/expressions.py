"""Random typed expressions: what stands in select lists, filters, join conditions, groups and windows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TypeVar

from tests.oracle.vocabulary import COMMON, COMPARISONS, LITERALS, PATTERNS, SORTED, UNITS, Column

T = TypeVar("T")
Choose = Callable[[int], int]
"""n -> one of 0 … n - 1. Options stand with the plainest first, so that a run of zeros makes the smallest statement."""
Scope = Sequence[Column]


class Expressions(ABC):
    """Makes expressions over the columns in scope; subclasses make the queries inside of them."""

    def __init__(self, choose: Choose) -> None:
        self.choose = choose
        self.spice = 0
        """Percent of expressions that are more than a column or a literal."""

    # ------------------------------------------------------------ chance

    def pick(self, options: Sequence[T]) -> T:
        return options[self.choose(len(options))]

    def chance(self, percent: int) -> bool:
        """True in so many of 100 cases; 0 chooses False."""
        return self.choose(100) >= 100 - percent

    @abstractmethod
    def subquery(self, scope: Scope) -> str:
        """A predicate over a subquery."""

    @abstractmethod
    def scalar(self, family: str, scope: Scope) -> str:
        """A scalar subquery of this family."""

    @abstractmethod
    def nests(self) -> bool:
        """Whether a further level of queries may begin here."""

    # ------------------------------------------------------------ values

    def column(self, family: str, scope: Scope) -> str:
        fitting = [name for name, other in scope if other == family]
        return self.pick(fitting) if fitting else self.pick(LITERALS[family])

    def any_column(self, scope: Scope) -> Column:
        return self.pick(scope) if scope else ("1", "int")

    def expression(self, family: str, scope: Scope, depth: int = 0) -> str:
        leaf = self.column(family, scope)
        if depth > 1 or not self.chance(self.spice):
            return self.pick(LITERALS[family]) if self.chance(20) else leaf
        return self.pick(self._shapes(family, leaf, scope, depth))()

    def _shapes(self, family: str, leaf: str, scope: Scope, depth: int) -> list[Callable[[], str]]:
        def again(other: str = family) -> str:
            return self.expression(other, scope, depth + 1)

        def of(*names: str) -> str:
            return self.pick(names)

        # abs of the least integer, an unsigned below zero: rare errors of the statement are no fault of the generator.
        shapes: dict[str, list[Callable[[], str]]] = {
            "int": [
                lambda: f"({leaf} {of(*'+-*')} {of('1', '2', '3')})",
                lambda: f"(- {leaf})",
                lambda: f"abs({leaf})",
                lambda: f"({leaf} {of('%', '//')} {of('3', '2', '-7')})",
                lambda: f"length({again('text')})",
                lambda: f"{of('year', 'month', 'day', 'quarter', 'dayofyear')}({again(of('date', 'timestamp'))})",
                lambda: f"{of('dayofweek', 'isodow', 'week', 'hour', 'minute')}({again('timestamp')})",
                lambda: f"extract({of('second', 'year', 'epoch', 'doy')} FROM {again('timestamp')})::BIGINT",
                lambda: f"strpos({again('text')}, {of(*LITERALS['text'])})",
                lambda: f"({again('date')} - {again('date')})",
                lambda: f"date_diff('{of('day', 'month')}', {self.column('date', scope)}, DATE '2024-06-01')",
                lambda: f"sign({again(of('int', 'decimal'))})",
                lambda: f"{again('decimal')}::INTEGER",
                lambda: f"({self.predicate(scope, 1)})::INTEGER",
                lambda: f"try_cast({again('text')} AS INTEGER)",
            ],
            "decimal": [
                lambda: f"({leaf} {of(*'+-*')} {of('1', '2', '1.5')})",
                lambda: f"(- {leaf})",
                lambda: f"abs({leaf})",
                lambda: f"{of('floor', 'ceil', 'round')}({leaf})",
                lambda: f"round({leaf}, 1)",
                lambda: f"{again('int')}::DECIMAL(20,2)",
            ],
            "double": [
                lambda: f"({again('int')} / {of('2', '3', '0', '-4')})",
                lambda: f"({leaf} {of(*'+-*')} 2)",
                lambda: f"(- {leaf})",
                lambda: f"abs({leaf})",
                lambda: f"{of('floor', 'ceil')}({leaf})",
                lambda: f"{again('int')}::DOUBLE",
                lambda: f"{again('float')}::DOUBLE",
            ],
            "float": [lambda: f"{leaf}::FLOAT", lambda: f"abs({leaf})", lambda: f"(- {leaf})"],
            "text": [
                lambda: f"substr({again()}, {of('1', '0', '2', '-2')}, {of('0', '1', '3')})",
                lambda: f"{of('lower', 'upper', 'trim', 'rtrim', 'reverse')}({again()})",
                lambda: f"({again()} || {again()})",
                lambda: f"concat({again()}, {again()})",
                lambda: f"replace({again()}, 'a', {of(*LITERALS['text'])})",
                lambda: f"{of('left', 'right')}({again()}, {of('1', '2')})",
                lambda: f"{again('int')}::VARCHAR",
                lambda: f"{again('date')}::VARCHAR",
                lambda: f"lpad({again()}, 3, '*')",
                lambda: f"split_part({again()}, 'a', 1)",
            ],
            "date": [
                lambda: f"({again()} + {of('1', '30')})",
                lambda: f"({again()} - 1)",
                lambda: f"{again('timestamp')}::DATE",
                lambda: f"last_day({leaf})",
            ],
            "timestamp": [
                lambda: f"date_trunc('{of(*UNITS)}', {again(of('timestamp', 'date'))}::TIMESTAMP)",
                lambda: f"date_trunc('{of(*UNITS)}', {leaf})",
                lambda: f"{again('date')}::TIMESTAMP",
                lambda: f"({leaf} {of('+', '-')} INTERVAL {of('1 DAY', '1 MONTH', '90 MINUTE')})",
                lambda: f"({self.column('date', scope)} + INTERVAL {of('1 DAY', '1 MONTH')})",
            ],
            "bool": [lambda: f"({self.predicate(scope, depth + 1)})"] * 4,
            "time": [lambda: f"{again('timestamp')}::TIME"],
            "timestamptz": [lambda: f"date_trunc('month', {leaf})"],
        }
        made = list(shapes.get(family, []))
        made += [
            lambda: f"coalesce({again()}, {again()})",
            lambda: f"CASE WHEN {self.predicate(scope, 1)} THEN {again()} ELSE {again()} END",
            lambda: f"nullif({again()}, {again()})",
        ]
        if family in SORTED and family not in ("bool", "blob"):
            made += [lambda: f"{of('greatest', 'least')}({again()}, {again()})"]
            made += [lambda: f"CASE {leaf} WHEN {again()} THEN {again()} ELSE {again()} END"]
        if self.nests():
            made += [lambda: self.scalar(family, scope)]
        return made

    # ------------------------------------------------------------ predicates

    def predicate(self, scope: Scope, depth: int = 0) -> str:
        def again() -> str:
            return self.predicate(scope, depth + 1)

        shapes: list[Callable[[], str]] = [lambda: self.comparison(scope)] * 4
        shapes += [lambda: f"({self.any_value(scope)} IS {self.pick(('', 'NOT '))}NULL)", lambda: self._listed(scope)]
        families = {family for _, family in scope}
        if "text" in families:
            shapes += [lambda: self._like(scope), lambda: self._contains(scope)]
        if "bool" in families:
            shapes += [lambda: self.column("bool", scope)]
        if sum(family == "int" for _, family in scope) > 1:
            shapes += [lambda: self._rows(scope)]
        if depth < 2:
            shapes += [lambda: f"({again()} AND {again()})"] * 2
            shapes += [lambda: f"({again()} OR {again()})"] * 2
            shapes += [lambda: f"(NOT {again()})"]
        if depth < 2 and self.chance(self.spice):
            shapes += [lambda: f"(({again()}) IS {self.pick(('TRUE', 'NOT TRUE', 'FALSE', 'NOT FALSE', 'NULL'))})"]
            shapes += [lambda: f"coalesce({again()}, {self.pick(('FALSE', 'TRUE'))})"]
            shapes += [lambda: f"CASE WHEN {again()} THEN {again()} ELSE {again()} END"]
            shapes += [lambda: f"(({again()}) {self.pick(('=', '<>'))} ({again()}))"]
        if self.nests():
            shapes += [lambda: self.subquery(scope)] * 2
        return self.pick(shapes)()

    def any_value(self, scope: Scope) -> str:
        return self.expression(self.any_column(scope)[1], scope)

    def comparison(self, scope: Scope) -> str:
        family = self.any_column(scope)[1]
        left, right = self.expression(family, scope), self.expression(family, scope)
        if self.chance(12):
            return f"({left} {self.pick(('', 'NOT '))}BETWEEN {right} AND {self.expression(family, scope)})"
        if self.chance(12) and family in ("int", "decimal", "date", "timestamp", "float"):
            other = {"int": "decimal", "decimal": "int", "date": "timestamp", "timestamp": "date", "float": "double"}
            right = self.expression(other[family], scope)
        if family == "date" and self.chance(10):
            right = "'2024-02-29'"  # DuckDB gives it the other side's type
        return f"({left} {self.pick(COMPARISONS)} {right})"

    def _listed(self, scope: Scope) -> str:
        family = self.any_column(scope)[1]
        values = [self.pick(LITERALS[family]) for _ in range(self.pick((2, 1, 3)))]
        if self.chance(15):
            values.append(self.expression(family, scope))
        return f"({self.expression(family, scope)} {self.pick(('IN', 'NOT IN'))} ({', '.join(values)}))"

    def _like(self, scope: Scope) -> str:
        words = ("LIKE", "NOT LIKE", "LIKE", "ILIKE", "NOT ILIKE")
        pattern = self.column("text", scope) if self.chance(8) else self.pick(PATTERNS)
        return f"({self.expression('text', scope)} {self.pick(words)} {pattern})"

    def _contains(self, scope: Scope) -> str:
        name = self.pick(("contains", "starts_with", "ends_with"))
        return f"{name}({self.expression('text', scope)}, {self.expression('text', scope)})"

    def _rows(self, scope: Scope) -> str:
        left = f"({self.column('int', scope)}, {self.column('int', scope)})"
        if self.chance(50):
            return f"({left} {self.pick(('=', '<>', '<', '>='))} ({self.column('int', scope)}, 2))"
        return f"({left} {self.pick(('IN', 'NOT IN'))} ((1, 1), (2, NULL), (3, 5)))"

    # ------------------------------------------------------------ aggregates and windows

    def aggregate(self, scope: Scope) -> Column:
        """An aggregate whose value no order of rows changes."""
        sorted_ = [column for column in scope if column[1] in SORTED] or [("1", "int")]
        key, family = self.pick(sorted_)

        def of_number(name: str) -> Column:
            kind = self.pick(("int", "decimal"))
            sql = f"{name}({self.pick(('', '', 'DISTINCT '))}{self.expression(kind, scope, 1)})"
            return sql, "double" if name == "avg" else kind

        kinds: list[Callable[[], Column]] = [
            lambda: ("count(*)", "int"),
            lambda: (f"count({self.any_value(scope)})", "int"),
            lambda: (f"count(DISTINCT {self.expression(family, scope)})", "int"),
            lambda: of_number("sum"),
            lambda: of_number("avg"),
            lambda: (f"count_if({self.predicate(scope, 1)})", "int"),
        ]
        if family not in ("bool", "blob"):
            kinds += [lambda: (f"{self.pick(('min', 'max'))}({self.expression(family, scope)})", family)] * 2
        if family == "bool":
            kinds += [lambda: (f"{self.pick(('bool_and', 'bool_or'))}({key})", "bool")]
        if any(other == "text" for _, other in scope):
            text = self.column("text", scope)
            kinds += [lambda: (f"string_agg({text}, ',' ORDER BY {text})", "text")]
        sql, result = self.pick(kinds)()
        if self.chance(20):
            sql += f" FILTER (WHERE {self.predicate(scope, 1)})"
        return sql, result

    def window(self, scope: Scope, unique: str | None) -> Column:
        """A window function. `unique`: a column that orders the rows totally, for functions that look at neighbours."""
        sorted_ = [column for column in scope if column[1] in SORTED]
        if not sorted_:
            return "count(*) OVER ()", "int"
        parts = [f"PARTITION BY {self.pick(sorted_)[0]}"] if self.chance(60) else []
        way = self.pick(("", " DESC", " NULLS FIRST", " DESC NULLS LAST"))
        ordered = self.chance(60)
        value, family = self.pick(sorted_)
        plain = [
            ("count(*)", "int"),
            (f"count({value})", "int"),
            *([(f"sum({value})", family)] if family in ("int", "decimal") else []),
            *([(f"{self.pick(('min', 'max'))}({value})", family)] if family not in ("bool", "blob") else []),
        ]
        if unique is not None and self.chance(40):
            order = [f"ORDER BY {unique}{way}"]
            frame = self.pick(("", "", " ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING", " ROWS UNBOUNDED PRECEDING"))
            neighbours = [
                ("row_number()", "int"),
                (f"lag({value})", family),
                (f"lead({value}, 2)", family),
                (f"first_value({value})", family),
                (f"last_value({value})", family),
                ("ntile(3)", "int"),
            ]
            function, result = self.pick([*neighbours, *plain])
            if function.startswith(("row_number", "lag", "lead", "ntile")):
                frame = ""
            return f"{function} OVER ({' '.join(parts + order)}{frame})", result
        if ordered:
            parts.append(f"ORDER BY {self.pick(sorted_)[0]}{way}")
        ranks = [("rank()", "int"), ("dense_rank()", "int")] if ordered else []
        function, result = self.pick([*plain, *ranks])
        return f"{function} OVER ({' '.join(parts)})", result

    def families(self, count: int, scope: Scope = (), *, sorted_: bool = False) -> list[str]:
        """Families for outputs: mostly those that the scope has."""
        found = [family for _, family in scope if family in SORTED or not sorted_]
        return [self.pick(COMMON) if not found or self.chance(12) else self.pick(found) for _ in range(count)]
