"""Print UPDATE and DELETE as a source's SQL, from a block that says which rows: FROM the table, WHERE the condition."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.sqlgen.dialect import Dialect
from connectors.sqlgen.printer import Printer
from connectors.sqlgen.tree import Scan, Select


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """What an UPDATE gives to a column: the block's expression at the same place."""

    column: str
    """The source's own spelling."""
    write: str = "{0}"
    """See watersmeet.spi.Column.write."""
    scale: int | None = None
    """Digits after the point to which the value is rounded, half away from zero; None where it has no more."""


def update_of(block: Select, assignments: tuple[Assignment, ...], dialect: Dialect) -> str:
    """UPDATE … SET … WHERE …. Raises Refused."""
    printer = Printer(dialect, block)
    parts = []
    for item, assignment in zip(block.items, assignments, strict=True):
        value = printer.expr(item)
        if assignment.scale is not None:
            value = f"ROUND({value}, {assignment.scale})"
        parts.append(f"{printer.name(assignment.column)} = {assignment.write.format(value)}")
    assert isinstance(block.relation, Scan)
    return f"UPDATE {printer.relation(block.relation)} SET {', '.join(parts)}{_where(printer, block)}"


def delete_of(block: Select, dialect: Dialect) -> str:
    """DELETE FROM … WHERE …. Raises Refused."""
    printer = Printer(dialect, block)
    scan = block.relation
    assert isinstance(scan, Scan)
    table = f"{printer.name(scan.schema)}.{printer.name(scan.table)}"
    return dialect.delete.format(table=table, alias=printer.name(scan.alias)) + _where(printer, block)


def _where(printer: Printer, block: Select) -> str:
    return "" if block.where is None else f" WHERE {printer.expr(block.where)}"
