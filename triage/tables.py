"""Figures of escalation as rows, and rows as a CSV file that a spreadsheet may open."""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from enum import Enum
from typing import Any

from triage.figures import Report, flat


class Table(Enum):
    """Which figures a CSV file holds."""

    GROUPS = "groups"
    FATIGUE = "fatigue"
    DEADLINES = "deadlines"


def rows_of(report: Report, table: Table) -> list[dict[str, Any]]:
    match table:
        case Table.GROUPS:
            return [flat(group) for group in (report.total, *report.groups)]
        case Table.FATIGUE:
            return [
                {"person": one.person, "pages": one.pages, "at_night": one.at_night}
                | {f"hour_{hour:02}": pages for hour, pages in enumerate(one.by_hour)}
                for one in report.fatigue
            ]
        case Table.DEADLINES:
            return [asdict(one) for one in report.deadlines]


def csv_of(rows: Iterable[Mapping[str, Any]]) -> str:
    """Its first line names the columns; of no rows it is empty."""
    listed = list(rows)
    written = io.StringIO()
    if listed:
        writer = csv.DictWriter(written, list(listed[0]))
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in row.items()} for row in listed)
    return written.getvalue()


def _cell(value: object) -> object:
    """A text that a spreadsheet would take for a formula is marked as text."""
    if isinstance(value, float):
        return round(value, 4)
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") else value
