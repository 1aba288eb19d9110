"""The three questions that the demo asks, and how each answer is shown: SQL, rows, who was asked for what, time."""

from __future__ import annotations

import json
import sys
import textwrap
import time
from dataclasses import dataclass
from typing import Any

import adbc_driver_flightsql.dbapi as flightsql

from server.client.render import render
from server.client.rows import Rows

WIDTH = 110


@dataclass(frozen=True, slots=True)
class Question:
    title: str
    sql: str


QUESTIONS = (
    Question(
        "Revenue by month: one source can answer it all, so one row a month is what crosses the network.",
        """\
SELECT date_trunc('month', ordered_at) AS month, count(*) AS orders, sum(amount) AS revenue
FROM sales.orders
WHERE status <> 'returned'
GROUP BY date_trunc('month', ordered_at)
ORDER BY month
LIMIT 4""",
    ),
    Question(
        "Which parcels are slow, and where do they go? Three sources joined; each gets its own filter.",
        """\
SELECT c.country, s.carrier, count(*) AS parcels, max(s.days) AS slowest
FROM sales.orders o
JOIN crm.customers c ON c.id = o.customer_id
JOIN lake.shipments s ON s.order_id = o.id
WHERE c.segment = 'business' AND s.days > 6 AND o.ordered_at >= TIMESTAMP '2025-07-01'
GROUP BY c.country, s.carrier
ORDER BY parcels DESC, c.country
LIMIT 5""",
    ),
    Question(
        "Who buys lamps and keeps looking at the cart? Join and sums run in the sources, the rest meets here.",
        """\
WITH spent AS (
  SELECT o.customer_id, sum(o.amount) AS lamps
  FROM sales.orders o JOIN sales.products p ON p.id = o.product_id
  WHERE p.category = 'light'
  GROUP BY o.customer_id
), looked AS (
  SELECT customer_id, count(*) AS visits
  FROM lake.web_events WHERE page = 'cart'
  GROUP BY customer_id
)
SELECT c.name, c.country, spent.lamps, looked.visits
FROM spent JOIN looked ON looked.customer_id = spent.customer_id JOIN crm.customers c ON c.id = spent.customer_id
WHERE looked.visits >= 4
ORDER BY spent.lamps DESC, c.id
LIMIT 5""",
    ),
)


def tell(connection: flightsql.Connection, sources: dict[str, str]) -> None:
    """Ask every question and show the answers on stdout. `sources`: what each source is, by its name."""
    for number, question in enumerate(QUESTIONS, 1):
        print(f"\n\033[1m{number}. {question.title}\033[0m" if sys.stdout.isatty() else f"\n{number}. {question.title}")
        print(textwrap.indent(question.sql, "     "), end="\n\n")
        with connection.cursor() as cursor:
            started = time.monotonic()
            cursor.execute(question.sql)
            answer = cursor.fetch_arrow_table()
            milliseconds = (time.monotonic() - started) * 1000
            cursor.execute(f"EXPLAIN (FORMAT JSON) {question.sql}")
            (*_, plan) = cursor.fetchone() or ("{}",)
        render(Rows(answer.schema, iter(answer.to_batches())), "table", sys.stdout)
        print(f"in {milliseconds:.0f} ms. Asked of the sources:")
        _asked(json.loads(plan), sources)


def _asked(plan: dict[str, Any], sources: dict[str, str]) -> None:
    for fragment in plan["fragments"]:
        name = fragment["source"]
        text = textwrap.fill(
            f"{name} ({sources[name]}): {fragment['sql']}",
            WIDTH,
            initial_indent="  -> ",
            subsequent_indent="     ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        print(text)
