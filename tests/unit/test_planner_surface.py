"""Whatever DuckDB answers, a plan over three sources answers alike: names, types, rows, pushed or not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.sqlgen.tree import walk
from planner.errors import PlanningError
from planner.pipeline import plan
from planner.plan import PlanRequest, SessionInfo
from tests.unit.cases import FIXTURES, Case, read_cases
from tests.unit.small_world import NOW, SmallWorld, multiset, request

CASES = [case for file in sorted((FIXTURES / "surface").glob("*.sql")) for case in read_cases(file)]


@pytest.fixture(scope="module")
def world() -> SmallWorld:
    return SmallWorld()


@pytest.mark.parametrize("pushdown", ["on", "off"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_answer_is_duckdbs(case: Case, pushdown: str, world: SmallWorld) -> None:
    names, types, rows = world.oracle(case.sql)
    made = plan(request(case.sql, pushdown), world.sources)
    assert [column.name for column in made.columns] == names
    assert [column.type for column in made.columns] == types
    assert multiset(world.run(made)) == multiset(rows), (made.local_sql, made.fragments)


@pytest.mark.parametrize(
    ("sql", "code", "words"),
    [
        ("SELECT * FROM nowhere", 2003, "table nowhere does not exist"),
        ("SELECT * FROM xx", 2003, "xx does not exist"),
        ("SELECT nope FROM x", 2003, "column nope does not exist"),
        ("SELECT a FROM x, y", 2004, "ambiguous"),
        ("SELEC 1", 2002, "SELEC"),
        ("SELECT FROM WHERE", 2001, "syntax error"),
        ("SELECT 1; DROP TABLE x", 2002, "cannot be run here"),
        ("SELECT 1; SELECT 2", 2002, "one statement"),
        ("DROP TABLE x", 2002, "DROP"),
        ("INSERT INTO x VALUES (1)", 2002, "INSERT"),
        ("COPY x TO '/tmp/x'", 2002, "COPY"),
        ("ATTACH 'x.db'", 2002, "ATTACH"),
        ("PRAGMA version", 2002, "PRAGMA"),
        ("SELECT getenv('HOME')", 2006, "getenv"),
        ("SELECT * FROM read_csv('/etc/passwd')", 2006, "read_csv"),
        ("SELECT * FROM '/etc/passwd'", 2003, "does not exist"),
        ("FROM x PIVOT (count(getenv('HOME')) FOR a IN (1))", 2006, "getenv"),
        ("SELECT list_transform([1], lambda v: getenv('HOME'))", 2006, "getenv"),
        ("SELECT * FROM query('SELECT 1')", 2006, "query"),
        ("SELECT b + 1 FROM x", 2005, "No function matches"),
        ("SELECT a FROM x WHERE d = 'no date'", 2005, "not a value of the type DATE"),
        ("SELECT b, count(*) FROM x", 2005, "GROUP BY"),
        ("SELECT a FROM x WHERE sum(a) > 1", 2005, "HAVING"),
        ("SELECT a FROM x ORDER BY 7", 2005, "ORDER BY 7"),
        ("SELECT a FROM x UNION SELECT a, b FROM x", 2005, "different numbers"),
        ("SELECT a FROM x LIMIT -1", 2005, "LIMIT"),
        ("WITH q AS (INSERT INTO x VALUES (1) RETURNING a) SELECT * FROM q", 2002, "INSERT"),
        ("WITH q AS (COPY (SELECT 1) TO 'f') SELECT * FROM q", 2002, "COPY"),
        ("SET pushdown = 'off'", 2002, "session"),
        ("USE s1", 2002, "session"),
        ("", 2001, "empty"),
    ],
)
def test_bad_input_is_a_coded_error_that_says_what(sql: str, code: int, words: str, world: SmallWorld) -> None:
    with pytest.raises(PlanningError) as caught:
        plan(request(sql), world.sources)
    assert caught.value.code == code
    assert words.lower() in str(caught.value).lower()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT " + "(" * 100_000 + "1" + ")" * 100_000,
        "SELECT " + "not " * 50_000 + "true",
        "SELECT " + "+".join(["1"] * 5_000),
        "SELECT '" + "x" * 2_000_000 + "'",
        "SELECT 1 IN (" + ",".join(map(str, range(150_000))) + ")",
    ],
    ids=["parentheses", "nots", "sums", "bytes", "list"],
)
def test_a_bomb_is_refused_by_a_named_limit(sql: str, world: SmallWorld) -> None:
    with pytest.raises(PlanningError) as caught:
        plan(request(sql), world.sources)
    assert caught.value.code == 5001


def test_require_refuses_what_no_single_source_answers_and_says_why(world: SmallWorld) -> None:
    assert plan(request("SELECT a FROM x WHERE a = 1", "require"), world.sources).local_sql is None
    with pytest.raises(PlanningError) as caught:
        plan(request("SELECT x.a FROM x JOIN z ON x.a = z.a", "require"), world.sources)
    assert caught.value.code == 2008


def test_require_lets_pass_what_needs_no_source(world: SmallWorld) -> None:
    assert plan(request("SELECT 1", "require"), world.sources).fragments == ()


def test_a_session_of_an_unknown_catalog_is_refused(world: SmallWorld) -> None:
    asked = PlanRequest(sql="SELECT 1", now=NOW, session=SessionInfo(catalog="nowhere"))
    with pytest.raises(PlanningError, match="catalog nowhere does not exist"):
        plan(asked, world.sources)


def test_parameters_are_typed_by_their_context_and_bound_exactly(world: SmallWorld) -> None:
    sql = "SELECT a, ? AS p FROM x WHERE a > ? AND d >= ? AND b IN (?, ?) LIMIT ?"
    prepared = plan(request(sql), world.sources)
    assert prepared.parameters == (
        ("1", "VARCHAR"), ("2", "INTEGER"), ("3", "DATE"), ("4", "VARCHAR"), ("5", "VARCHAR"), ("6", "BIGINT"),
    )  # fmt: skip
    values = {
        "1": ("v", "VARCHAR"), "2": ("0", "BIGINT"), "3": ("2020-01-01", "VARCHAR"),
        "4": ("q", "VARCHAR"), "5": ("q ", "VARCHAR"), "6": ("10", "INTEGER"),
    }  # fmt: skip
    bound = plan(request(sql, parameters=values), world.sources)
    assert bound.columns == prepared.columns
    assert multiset(world.run(bound)) == multiset([(1, "v"), (2, "v")])
    with pytest.raises(PlanningError) as caught:
        plan(request(sql, parameters={**values, "2": ("1.5", "DOUBLE")}), world.sources)
    assert caught.value.code == 2007
    assert "parameter 2" in str(caught.value)
    with pytest.raises(PlanningError, match="parameter 6 has no value"):
        plan(request(sql, parameters={name: values[name] for name in "12345"}), world.sources)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a FROM x ORDER BY ?, a",
        "SELECT a FROM x GROUP BY ?, a",
        "SELECT DISTINCT ON (?, a) a FROM x",
        "SELECT a FROM x QUALIFY row_number() OVER (PARTITION BY ? ORDER BY a) > 1",
        "SELECT a, row_number() OVER (PARTITION BY ?, a) FROM x",
        "SELECT a, row_number() OVER (ORDER BY ?, a) FROM x",
        "SELECT string_agg(b, ',' ORDER BY ?, b) FROM x",
        "SELECT * REPLACE (? AS b) FROM x",
        "FROM (VALUES (?)) v(a)",
    ],
)
def test_a_parameter_that_could_be_of_any_type_is_text_wherever_it_stands(world: SmallWorld, sql: str) -> None:
    assert plan(request(sql), world.sources).parameters == (("1", "VARCHAR"),)
    bound = plan(request(sql, parameters={"1": ("v", "VARCHAR")}), world.sources)
    literal = plan(request(sql.replace("?", "'v'")), world.sources)
    assert multiset(world.run(bound)) == multiset(world.run(literal))


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SHOW CATALOGS", [("s1",), ("s2",), ("s3",)]),
        ("\ufeffSELECT count(*) FROM s1.information_schema.tables", [(3,)]),
        ("SHOW TABLES FROM s2.main", [("s2", "main", name, "BASE TABLE") for name in ("nation", "w", "z")]),
        ("SELECT count(*) FROM information_schema.columns WHERE table_name = 'x'", [(4,)]),
        ("SELECT table_name FROM s1.information_schema.tables ORDER BY 1", [("region",), ("x",), ("y",)]),
        ("SELECT column_name FROM s1.information_schema.key_column_usage", [("r_regionkey",)]),
        ("PIVOT s1.information_schema.tables ON table_type IN ('BASE TABLE') USING count(*) GROUP BY table_schema",
         [("main", 3)]),
        ("SHOW COLUMNS FROM y", [("a", "INTEGER", "YES", None, None, None), ("e", "BIGINT", "YES", None, None, None),
                                 ("f", "DOUBLE", "YES", None, None, None)]),
    ],
)  # fmt: skip
def test_the_catalogs_describe_themselves(sql: str, rows: list[tuple[object, ...]], world: SmallWorld) -> None:
    assert world.run(plan(request(sql), world.sources)) == rows


def test_the_size_of_a_catalog_makes_no_larger_plan(world: SmallWorld) -> None:
    source = world.sources["s1"]
    table = next(iter(source.catalog.tables.values()))
    column = replace(table.columns[0], remarks='it\'s "quoted" \\ 100 % é\n')
    wide = replace(table, columns=tuple(replace(column, name=f"c{i}") for i in range(5000)))
    catalog = replace(source.catalog, tables={(wide.schema, wide.name): wide})
    made = plan(request("FROM s1.information_schema.columns"), {"s1": replace(source, catalog=catalog)})
    assert sum(1 for _ in walk(made.local)) < 100
    rows = world.run(made)
    assert len(rows) == 5000
    assert {(row[3], row[4]) for row in rows} == {(f"c{i}", i + 1) for i in range(5000)}
    assert {row[8] for row in rows} == {column.remarks}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT list_sum(range(1000000000000))",
        "SELECT length(repeat('x', 1000000000))",
        "SELECT lpad('x', 2000000000, 'y')",
    ],
)
def test_planning_does_not_evaluate_what_may_take_long(sql: str, world: SmallWorld) -> None:
    assert plan(request(sql), world.sources).local_sql is not None


@pytest.mark.parametrize(
    ("sql", "pushed"),
    [
        ("SELECT count(*) FROM z WHERE h::TIMESTAMPTZ > '2020-01-01'", False),
        ("SELECT h FROM z WHERE a > 1", True),
        ("FROM z PIVOT (count(*) FOR a IN (1))", False),
    ],
)
def test_what_depends_on_the_time_zone_stays_here(sql: str, pushed: bool, world: SmallWorld) -> None:
    asked = PlanRequest(sql=sql, now=NOW, session=SessionInfo(time_zone="Europe/Berlin"))
    assert (plan(asked, world.sources).local_sql is None) is pushed
