"""The engine's own dialect: the surface language, so everything may be printed as it stands."""

from __future__ import annotations

from connectors.sqlgen.dialect import Dialect, family, items_of_rows


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


def listed(texts: tuple[str, ...], types: tuple[str, ...]) -> str | None:
    r"""Keys as a list, of rows for several columns.

    >>> listed(("1\x002",), ("INTEGER",)), listed(("it's",), ("VARCHAR",)), listed(("2020-02-01",), ("DATE",))
    ('1,2', "'it''s'", "DATE '2020-02-01'")
    >>> listed(("1\x002", "a\x00b"), ("INTEGER", "VARCHAR"))
    "(1,'a'),(2,'b')"
    """
    items = []
    for text, type_ in zip(texts, types, strict=True):
        if family(type_) in ("int", "decimal"):
            items.append(text)
        else:
            word = "" if type_ == "VARCHAR" else f"{type_} "
            items.append(f"{word}'" + text.replace("'", "''").replace("\0", f"'\0{word}'") + "'")
    return items_of_rows(items)


DUCKDB = Dialect(
    name="duckdb",
    quote='"',
    literal=literal,
    scalars={},
    aggregates={},
    joins=frozenset({"inner", "left", "right", "full", "semi", "anti"}),
    full_join_needs_equality=False,
    place="rowid",
    grouping_sets=True,
    sums_once=True,
    lateral=True,
    group_text="{0}",
    keys=frozenset({"int", "decimal", "text", "date", "timestamp", "timestamptz"}),
    key_list=listed,
    anything=True,
)
