"""Keys as a caller may see them: a side that is hidden hides the key, and the order is the specification's."""

from __future__ import annotations

from server.flight.keys import foreign_keys, primary_keys
from server.flight.proto import flight_sql_pb2 as sql
from server.requests import VisibleCatalog
from watersmeet.spi import Column, ForeignKey, Table


def _table(name: str, columns: str, *keys: ForeignKey, primary: tuple[str, ...] = ()) -> Table:
    return Table(
        schema="main",
        name=name,
        columns=tuple(Column(name=column, type="INTEGER") for column in columns),
        primary_key=primary,
        primary_key_name=f"{name}_key" if primary else None,
        foreign_keys=keys,
    )


def _key(name: str, columns: str, table: str, references: str) -> ForeignKey:
    return ForeignKey(
        name=name, columns=tuple(columns), schema="main", table=table, references=tuple(references), on_delete=0
    )


def _catalog(*tables: Table, name: str = "c") -> VisibleCatalog:
    return VisibleCatalog(name=name, schemas=("main",), tables=tables)


PARENT = _table("parent", "abu", primary=("b", "a"))


def _imported(*tables: Table) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = foreign_keys(
        [_catalog(*tables)], sql.CommandGetImportedKeys(table="child")
    ).to_pylist()
    return rows


def test_a_key_has_its_columns_in_its_own_order() -> None:
    child = _table("child", "xy", _key("k", "yx", "parent", "ba"))
    told = [(row["fk_column_name"], row["pk_column_name"], row["key_sequence"]) for row in _imported(PARENT, child)]
    assert told == [("y", "b", 1), ("x", "a", 2)]
    rows = primary_keys([_catalog(PARENT)], sql.CommandGetPrimaryKeys(table="parent")).to_pylist()
    assert [(row["column_name"], row["key_sequence"]) for row in rows] == [("b", 1), ("a", 2)]


def test_a_key_to_unique_columns_names_no_primary_key() -> None:
    child = _table("child", "xyz", _key("to key", "yx", "parent", "ba"), _key("to unique", "z", "parent", "u"))
    named = {row["fk_key_name"]: row["pk_key_name"] for row in _imported(PARENT, child)}
    assert named == {"to key": "parent_key", "to unique": None}


def test_a_hidden_table_or_column_hides_its_keys() -> None:
    key = _key("k", "yx", "parent", "ba")
    assert _imported(_table("child", "xy", key)) == []
    assert _imported(_table("parent", "a"), _table("child", "xy", key)) == []
    assert _imported(PARENT, _table("child", "x", key)) == []
    exported = sql.CommandGetExportedKeys(table="parent")
    assert foreign_keys([_catalog(PARENT)], exported).num_rows == 0


def test_exported_keys_are_ordered_by_who_refers_and_imported_ones_by_what_is_referred_to() -> None:
    one, two = _key("z", "x", "parent", "u"), _key("a", "x", "parent", "u")
    catalogs = [_catalog(PARENT, _table("child", "x", one, two), name=name) for name in ("d", "c")]
    exported = foreign_keys(catalogs, sql.CommandGetExportedKeys(table="parent")).to_pylist()
    assert [(row["fk_catalog_name"], row["fk_key_name"]) for row in exported] == [
        ("c", "a"), ("c", "z"), ("d", "a"), ("d", "z")
    ]  # fmt: skip
    child = _table("child", "xy", _key("k2", "x", "parent", "u"), _key("k1", "y", "early", "a"))
    imported = _imported(PARENT, _table("early", "a", primary=("a",)), child)
    assert [row["pk_table_name"] for row in imported] == ["early", "parent"]
