"""The ways to see a plan besides its text: the stages, a Mermaid flowchart, an SVG."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from bench.planning import sources
from planner import explain, picture
from planner.errors import SyntaxRefused
from planner.pipeline import plan
from planner.plan import FederatedPlan, PlanRequest
from server.cli import main

JOIN = (
    "WITH late AS (SELECT o_custkey, o_totalprice FROM sales.orders WHERE o_orderdate > DATE '1998-01-01')"
    " SELECT c_name, sum(o_totalprice) FROM crm.customer JOIN late ON c_custkey = o_custkey"
    " WHERE c_name <> '<b>\"x\"</b>' GROUP BY c_name"
)


def planned(sql: str) -> FederatedPlan:
    return plan(PlanRequest(sql=sql, now=datetime(2026, 1, 1, tzinfo=UTC)), sources())


def test_the_stages_begin_with_the_bound_statement_and_end_with_the_cut() -> None:
    shown = explain.staged(planned(f"EXPLAIN (FORMAT STAGES) {JOIN}"))
    titles = [line.removeprefix("-- ") for line in shown.splitlines() if line.startswith("-- ")]
    assert titles[0] == "bind" and titles[-1] == "cut"
    assert "optimize: inline_ctes" in titles and "optimize: merge_derived" in titles
    assert "fragment x0" in shown


def test_each_stage_is_sql_that_duckdb_parses() -> None:
    for name, sql in planned(f"EXPLAIN (FORMAT STAGES) {JOIN}").stages:
        with duckdb.connect() as con:
            read = con.execute("SELECT json_serialize_sql($1)->>'error'", [sql]).fetchone()
        assert read == ("false",), name


def test_a_rule_that_changes_nothing_is_no_stage() -> None:
    assert [name for name, _ in planned("EXPLAIN (FORMAT STAGES) SELECT 1 AS one").stages] == ["bind"]


def test_only_an_explain_of_stages_pays_for_them() -> None:
    assert planned(JOIN).stages == ()


def test_analyze_has_no_stages() -> None:
    with pytest.raises(SyntaxRefused, match="STAGES|stages"):
        planned(f"EXPLAIN ANALYZE (FORMAT STAGES) {JOIN}")


def test_the_pictures_show_sources_fragments_and_rows() -> None:
    document = json.loads(explain.as_json(planned(JOIN)))
    drawn = ET.fromstring(picture.svg(document))
    texts = "\n".join(node.text or "" for node in drawn.iter("{http://www.w3.org/2000/svg}text"))
    chart = picture.mermaid(document)
    for part in ("sales", "crm", "fragment x0", "fragment x1", "local (DuckDB)", "answer", "rows"):
        assert part in texts and part in chart
    assert "<b>" not in chart.replace("<br/>", "")


def test_a_whole_statement_flows_from_its_source_to_the_answer() -> None:
    chart = picture.mermaid(json.loads(explain.as_json(planned("SELECT count(*) FROM sales.orders"))))
    assert "local" not in chart and "x0 -->|" in chart


@pytest.fixture
def config(tmp_path: Path) -> Path:
    duckdb.connect(str(tmp_path / "lake.duckdb")).execute("CREATE TABLE t AS SELECT 1 AS a").close()
    file = tmp_path / "w.yaml"
    file.write_text(f"version: 1\nsources:\n  lake: {{kind: duckdb, path: {tmp_path / 'lake.duckdb'}}}\n")
    return file


def test_the_command_writes_pictures_and_stages(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask = ["explain", "-c", str(config), "SELECT a FROM lake.t"]
    assert main([*ask, "--graph", str(tmp_path / "p.svg")]) == 0
    assert ET.fromstring((tmp_path / "p.svg").read_text()).tag.endswith("svg")
    assert main([*ask, "--graph", str(tmp_path / "p.mmd")]) == 0
    assert (tmp_path / "p.mmd").read_text().startswith("flowchart")
    assert main([*ask, "--stages"]) == 0
    assert capsys.readouterr().out.startswith("-- bind\n")


def test_a_picture_of_another_kind_is_bad_usage(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", "-c", str(config), "SELECT 1", "--graph", str(tmp_path / "p.png")]) == 2
    assert ".svg and .mmd" in capsys.readouterr().err
    assert main(["explain", "-c", str(config), "SELECT 1", "--graph", str(tmp_path / "no" / "p.svg")]) == 1
    assert "cannot write" in capsys.readouterr().err
