"""A small film database with the skew and the correlations of IMDB, and queries of the Join Order Benchmark's shapes.

The queries are our own; the shapes (stars around title, chains through keyword and company, filters on skewed and
correlated columns, LIKE, IN, ranges, NULLs) are those of Leis et al., "How Good Are Query Optimizers, Really?", 2015.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import duckdb
import psycopg
from pydantic import SecretStr

from bench.setting import Databases
from connectors import duckdb as lake
from connectors import mysql, postgres
from tests.oracle.world import connect_mysql, postgres_database
from tests.tpch.placements import Placed, mysql_database

TITLES = 60_000

# Popular films (low ids) have more of everything; companies and keywords are taken by a power law; kind, year, country
# and information depend on each other.
_ROWS = {
    "kind_type": "SELECT i + 1 AS id, ['movie','tv series','tv movie','video movie','video game','episode','short'][i + 1] AS kind"
    " FROM range(7) r(i)",
    "title": f"""SELECT i AS id, concat(CASE WHEN i % 50 = 0 THEN 'The ' WHEN i % 97 = 0 THEN 'Dark ' ELSE '' END,
        md5(i::VARCHAR)[:10], CASE WHEN i % 31 = 0 THEN ' Part ' || (i % 5) ELSE '' END) AS title,
        CASE WHEN hash(i) % 100 < 62 THEN 6 WHEN hash(i) % 100 < 85 THEN 1 ELSE 2 + (hash(i) % 4)::INTEGER END AS kind_id,
        CASE WHEN hash(i, 1) % 20 = 0 THEN NULL
             WHEN hash(i) % 100 < 62 THEN 2013 - floor(30 * pow((hash(i, 2) % 1000) / 1000.0, 3))::INTEGER
             ELSE 2013 - floor(90 * pow((hash(i, 2) % 1000) / 1000.0, 2))::INTEGER END AS production_year,
        CASE WHEN hash(i) % 100 < 62 THEN (hash(i, 3) % 24)::INTEGER + 1 END AS episode_nr
        FROM range(1, {TITLES} + 1) r(i)""",
    "keyword": "SELECT i AS id, concat(['sequel','murder','love','hero','robot','war','music','city'][(i % 8 + 1)::INTEGER], '-', i)"
    " AS keyword FROM range(1, 3001) r(i)",
    "movie_keyword": f"""SELECT i AS id, 1 + floor({TITLES} * pow((hash(i) % 100000) / 100000.0, 3))::INTEGER AS movie_id,
        1 + floor(3000 * pow((hash(i, 1) % 100000) / 100000.0, 4))::INTEGER AS keyword_id FROM range(1, 150001) r(i)""",
    "company_name": """SELECT i AS id, concat(md5((i + 7)::VARCHAR)[:8], CASE WHEN i % 9 = 0 THEN ' Film' ELSE ' Pictures' END) AS name,
        CASE WHEN hash(i, 4) % 100 < 40 THEN '[us]' WHEN hash(i, 4) % 100 < 55 THEN '[gb]' WHEN hash(i, 4) % 100 < 62 THEN '[de]'
             WHEN hash(i, 4) % 100 < 70 THEN NULL ELSE '[' || chr((97 + hash(i, 5) % 26)::INTEGER) || 'x]' END AS country_code
        FROM range(1, 4001) r(i)""",
    "movie_companies": f"""SELECT i AS id, 1 + floor({TITLES} * pow((hash(i, 6) % 100000) / 100000.0, 2))::INTEGER AS movie_id,
        1 + floor(4000 * pow((hash(i, 7) % 100000) / 100000.0, 5))::INTEGER AS company_id,
        CASE WHEN hash(i, 8) % 3 = 0 THEN 2 ELSE 1 END AS company_type_id,
        CASE WHEN hash(i, 9) % 2 = 0 THEN NULL WHEN hash(i, 9) % 5 = 1 THEN '(co-production)' WHEN hash(i, 9) % 7 = 1
             THEN '(presents)' ELSE '(' || (1980 + hash(i, 10) % 33) || ') (USA) (TV)' END AS note
        FROM range(1, 80001) r(i)""",
    "info_type": "SELECT i AS id, CASE i WHEN 1 THEN 'rating' WHEN 2 THEN 'genres' WHEN 3 THEN 'budget' ELSE 'info ' || i END AS info"
    " FROM range(1, 114) r(i)",
    "movie_info": f"""SELECT i AS id, 1 + floor({TITLES} * pow((hash(i, 11) % 100000) / 100000.0, 1.5))::INTEGER AS movie_id,
        type_id AS info_type_id, CASE type_id WHEN 1 THEN ((hash(i, 13) % 90) / 10.0 + 1)::VARCHAR
            WHEN 2 THEN ['Drama','Drama','Drama','Comedy','Comedy','Horror','Action','Short'][(1 + hash(i, 14) % 8)::INTEGER]
            ELSE 'x' || hash(i, 15) % 5000 END AS info
        FROM (SELECT i, 1 + floor(113 * pow((hash(i, 12) % 100000) / 100000.0, 3))::INTEGER AS type_id FROM range(1, 250001) r(i))""",
    "name": """SELECT i AS id, concat(chr((65 + hash(i, 16) % 26)::INTEGER), md5(i::VARCHAR)[:7], ', ', md5((i * 3)::VARCHAR)[:5]) AS name,
        CASE hash(i, 17) % 10 WHEN 0 THEN NULL WHEN 1 THEN 'f' WHEN 2 THEN 'f' WHEN 3 THEN 'f' ELSE 'm' END AS gender
        FROM range(1, 40001) r(i)""",
    "cast_info": f"""SELECT i AS id, 1 + floor(40000 * pow((hash(i, 18) % 100000) / 100000.0, 3))::INTEGER AS person_id,
        1 + floor({TITLES} * pow((hash(i, 19) % 100000) / 100000.0, 2))::INTEGER AS movie_id,
        1 + floor(11 * pow((hash(i, 20) % 1000) / 1000.0, 3))::INTEGER AS role_id,
        CASE WHEN hash(i, 21) % 4 > 0 THEN NULL WHEN hash(i, 21) % 8 = 0 THEN '(voice)' ELSE '(uncredited)' END AS note
        FROM range(1, 400001) r(i)""",
}
_PLACES = {
    "pg": ("title", "movie_keyword", "keyword", "movie_companies", "company_name"),
    "my": ("cast_info", "name", "movie_info"),
    "lake": ("kind_type", "info_type"),
}

_STAR = "FROM title t, movie_companies mc, company_name cn WHERE t.id = mc.movie_id AND mc.company_id = cn.id AND "
_WORDS = "FROM title t, movie_keyword mk, keyword k WHERE t.id = mk.movie_id AND mk.keyword_id = k.id AND "
_FACTS = "FROM title t, movie_info mi, info_type it WHERE t.id = mi.movie_id AND mi.info_type_id = it.id AND "
_CAST = "FROM title t, cast_info ci, name n WHERE t.id = ci.movie_id AND ci.person_id = n.id AND "
_STATEMENTS = (
    f"SELECT t.title AS a, cn.name AS b {_STAR} cn.country_code = '[us]' AND t.production_year > 2005",
    f"SELECT t.title AS a {_STAR} cn.country_code = '[de]' AND mc.note LIKE '%(TV)%'",
    f"SELECT t.title AS a {_STAR} cn.country_code IS NULL AND t.production_year BETWEEN 1950 AND 1980",
    f"SELECT t.title AS a {_STAR} mc.note IS NOT NULL AND mc.note NOT LIKE '%(co-production)%' AND t.kind_id = 1",
    f"SELECT t.title AS a {_STAR} cn.name LIKE '%Film%' AND mc.company_type_id = 2 AND t.title LIKE 'The %'",
    f"SELECT cn.country_code, count(*) AS n {_STAR} t.production_year = 2010 GROUP BY cn.country_code",
    f"SELECT t.title AS a {_WORDS} k.keyword LIKE '%sequel%' AND t.production_year > 2000",
    f"SELECT t.title AS a {_WORDS} k.keyword IN ('murder-1', 'love-2', 'hero-3', 'robot-4') AND t.kind_id IN (1, 2)",
    f"SELECT t.title AS a {_WORDS} k.keyword = 'sequel-8' AND t.episode_nr IS NULL",
    f"SELECT t.production_year, count(*) AS n {_WORDS} k.keyword LIKE 'war%' GROUP BY t.production_year HAVING count(*) > 200",
    f"SELECT t.title AS a {_FACTS} it.info = 'rating' AND mi.info > '8.0' AND t.production_year > 2008",
    f"SELECT mi.info AS a {_FACTS} it.info = 'genres' AND mi.info IN ('Horror', 'Action') AND t.kind_id = 1",
    f"SELECT mi.info AS a {_FACTS} it.info = 'budget' AND t.title LIKE '%Part%'",
    f"SELECT mi.info, count(*) AS n {_FACTS} it.info = 'genres' AND t.production_year < 1990 GROUP BY mi.info",
    f"SELECT n.name AS a {_CAST} ci.note = '(voice)' AND n.gender = 'f' AND t.production_year > 2010",
    f"SELECT n.name AS a {_CAST} ci.role_id = 1 AND n.name LIKE 'B%' AND t.kind_id = 6",
    f"SELECT n.name AS a {_CAST} ci.note IN ('(voice)', '(uncredited)') AND n.gender IS NULL AND t.production_year = 1999",
    f"SELECT n.id, count(*) AS films {_CAST} t.kind_id = 1 GROUP BY n.id HAVING count(*) > 60",
    "SELECT t.title AS a FROM title t, kind_type kt WHERE t.kind_id = kt.id AND kt.kind = 'episode' AND t.episode_nr <= 3",
    "SELECT kt.kind, count(*) AS n FROM title t, kind_type kt WHERE t.kind_id = kt.id AND t.production_year >= 2000 GROUP BY kt.kind",
    (
        "SELECT count(*) AS n FROM title t WHERE t.production_year > 1990 AND EXISTS (SELECT 1 FROM movie_keyword mk WHERE"
        " mk.movie_id = t.id AND mk.keyword_id < 20)"
    ),
    "SELECT t.id FROM title t WHERE t.kind_id = 1 AND NOT EXISTS (SELECT 1 FROM movie_companies mc WHERE mc.movie_id = t.id)",
    "SELECT t.id FROM title t WHERE t.id IN (SELECT ci.movie_id FROM cast_info ci WHERE ci.role_id = 10)",
    (
        "SELECT a.movie_id, count(*) AS n FROM movie_keyword a, movie_companies b WHERE a.movie_id = b.movie_id AND"
        " b.company_id < 5 GROUP BY a.movie_id"
    ),
    (
        "SELECT t.title AS a FROM title t, movie_keyword mk, keyword k, movie_companies mc, company_name cn WHERE"
        " t.id = mk.movie_id AND k.id = mk.keyword_id AND t.id = mc.movie_id AND cn.id = mc.company_id AND"
        " mc.movie_id = mk.movie_id AND cn.country_code = '[gb]' AND k.keyword LIKE '%love%'"
    ),
    (
        "SELECT t.title AS a FROM title t, cast_info ci, movie_info mi, info_type it WHERE t.id = ci.movie_id AND"
        " t.id = mi.movie_id AND ci.movie_id = mi.movie_id AND it.id = mi.info_type_id AND it.info = 'rating' AND"
        " ci.role_id = 2 AND t.production_year BETWEEN 2000 AND 2005"
    ),
)
QUERIES = {f"f{number:02}": sql for number, sql in enumerate(_STATEMENTS, 1)}


@contextmanager
def placed(servers: Databases, folder: Path) -> Iterator[Placed]:
    """Make the tables at their sources, with keys and statistics; gone at the end."""
    with duckdb.connect() as con:
        for name, sql in _ROWS.items():
            con.execute(f"CREATE TABLE {name} AS {sql}")
            con.execute(f"COPY {name} TO '{folder / name}.csv' (FORMAT csv, HEADER false, NULLSTR '\\N')")
        shapes = {name: [(row[0], row[1]) for row in con.execute(f"DESCRIBE {name}").fetchall()] for name in _ROWS}
        with duckdb.connect(str(folder / "films.duckdb")) as file:
            for name in _PLACES["lake"]:
                file.execute(f"CREATE TABLE {name} ({_columns(shapes[name])})")
                file.execute(f"COPY {name} FROM '{folder / name}.csv' (FORMAT csv, HEADER false, NULLSTR '\\N')")
    with ExitStack() as stack:
        url = stack.enter_context(postgres_database(servers.postgres))
        with psycopg.connect(url, autocommit=True) as pg:
            for name in _PLACES["pg"]:
                pg.execute(f"CREATE TABLE {name} ({_columns(shapes[name])})".encode())
                with pg.cursor().copy(f"COPY {name} FROM STDIN (FORMAT csv, NULL '\\N')".encode()) as copy:
                    copy.write((folder / f"{name}.csv").read_bytes())
            pg.execute("ANALYZE")
        database = stack.enter_context(mysql_database(servers.mysql, "films"))
        with connect_mysql(servers.mysql) as my, my.cursor() as cursor:
            cursor.execute(f"USE {database}")
            for name in _PLACES["my"]:
                cursor.execute(f"CREATE TABLE {name} ({_columns(shapes[name])})")
                cursor.execute(
                    f"LOAD DATA LOCAL INFILE '{folder / name}.csv' INTO TABLE {name} CHARACTER SET utf8mb4"
                    " FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' ESCAPED BY '\\\\'"
                )
                cursor.execute(f"ANALYZE TABLE {name} PERSISTENT FOR ALL")
        yield Placed(
            "films",
            {
                "pg": postgres.Config(kind="postgres", url=SecretStr(url)),
                "my": mysql.Config(kind="mysql", url=SecretStr(servers.mysql), schemas=(database,)),
                "lake": lake.Config(kind="duckdb", path=folder / "films.duckdb"),
            },
        )


def _columns(shape: list[tuple[str, str]]) -> str:
    types = {"VARCHAR": "VARCHAR(100)"}
    return ", ".join(
        f"{name} {types.get(type_, 'INTEGER')}{' PRIMARY KEY' if name == 'id' else ''}" for name, type_ in shape
    )
