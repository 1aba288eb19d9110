"""The engine's own dialect: the surface language, so everything may be printed as it stands."""

from __future__ import annotations

from connectors.sqlgen.dialect import Dialect


def literal(text: str | None, type_: str) -> str | None:
    """A constant of exactly this type.

    >>> literal("it's", "VARCHAR"), literal("5", "SMALLINT"), literal(None, "DATE")
    ("'it''s'", "CAST('5' AS SMALLINT)", 'CAST(NULL AS DATE)')
    """
    if text is None:
        return "NULL" if type_ == '"NULL"' else f"CAST(NULL AS {type_})"
    if type_ == "BOOLEAN":
        return "TRUE" if text.lower() == "true" else "FALSE"
    quoted = "'" + text.replace("'", "''") + "'"
    return quoted if type_ == "VARCHAR" else f"CAST({quoted} AS {type_})"


DUCKDB = Dialect(
    name="duckdb",
    quote='"',
    literal=literal,
    scalars={},
    aggregates={},
    joins=frozenset({"inner", "left", "right", "full", "semi", "anti"}),
    full_join_needs_equality=False,
    grouping_sets=True,
    lateral=True,
    group_text="{0}",
    keys={"int": "({0} IN ({keys}))"},
    anything=True,
)
