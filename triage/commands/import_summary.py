"""What an import did, for people and for programs."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import orjson

from triage.history.rows import BadRow, History
from triage.memory.importing import Imported, Sifted
from triage.recurrence.fusion import LearnedWeights
from triage.store.importing import KnownPattern

MOST_FREQUENT = 5
_SHOWN = 5
_WIDTH = 70


@dataclass(slots=True, kw_only=True)
class ImportSummary:
    """``named``: the most frequent patterns by id; ``not_embedded``: why nothing was embedded here, if it
    was to be."""

    file: Path
    rows: int = 0
    bad_rows: list[BadRow] = field(default_factory=list)
    undated: int = 0
    wordless: int = 0
    repeated: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    ignored: tuple[str, ...] = ()
    imported: Imported = field(default_factory=Imported)
    named: Mapping[str, KnownPattern] = field(default_factory=dict)
    embedded: int | None = None
    not_embedded: str | None = None
    learned: LearnedWeights | None = None
    seconds: float = 0.0

    def note_read(self, history: History, sifted: Sifted) -> None:
        self.rows, self.bad_rows, self.ignored = history.total, history.bad_rows, history.ignored
        self.undated, self.wordless, self.repeated = sifted.undated, sifted.wordless, sifted.repeated
        if sifted.past:
            self.first_at, self.last_at = sifted.past[0].at, sifted.past[-1].at

    def why_nothing(self) -> str:
        if self.undated:
            return f"{self.file}: none of {self.rows:,} rows says when it happened; say it with --undated-as"
        return f"{self.file}: none of {self.rows:,} rows has a title or a description to be recognised by"

    @property
    def most_frequent(self) -> list[dict[str, Any]]:
        return [
            {
                "pattern_id": pattern_id,
                "name": self.named[pattern_id].name,
                "template": " ".join(self.named[pattern_id].template.split()),
                "incidents": count,
            }
            for pattern_id, count in self.imported.patterns.most_common(MOST_FREQUENT)
            if pattern_id in self.named
        ]


def print_summary(summary: ImportSummary, *, as_json: bool) -> None:
    if as_json:
        click.echo(orjson.dumps(_content(summary)))
        return
    imported = summary.imported
    span = f", {summary.first_at:%Y-%m-%d} to {summary.last_at:%Y-%m-%d}" if summary.first_at else ""
    click.echo(f"{summary.file}: {summary.rows:,} rows{span}; {summary.seconds:,.0f} s.")
    click.echo(f"  {imported.incidents:9,} incidents stored, {len(imported.texts):,} different texts")
    old = len(imported.patterns.keys() - imported.new_patterns)
    click.echo(f"  {len(imported.patterns):9,} patterns, {len(imported.new_patterns):,} new, {old:,} known before")
    for count, what in (
        (imported.known, "known already"),
        (summary.repeated, "left out: an earlier row of the file again"),
        (summary.undated, "left out: nobody says when; --undated-as does"),
        (summary.wordless, "left out: neither title nor description"),
        (len(summary.bad_rows), "left out: bad"),
    ):
        if count:
            click.echo(f"  {count:9,} {what}")
    for row in summary.bad_rows[:_SHOWN]:
        click.echo(f"            line {row.line}: {row.reason}")
    _print_unknown("priorities", imported.unknown_priorities, "stored under the default priority")
    _print_unknown("teams", imported.unknown_teams, "stored under the triage desk")
    for pattern in (one for one in summary.most_frequent if one["incidents"] > 1):
        click.echo(f"  {pattern['incidents']:9,} × {_shortened(pattern['name'] or pattern['template'])}")
    _print_embedded(summary)


def _print_unknown(what: str, words: Counter[str], instead: str) -> None:
    if not words:
        return
    shown = ", ".join(f"{word} ({count:,})" for word, count in words.most_common(_SHOWN))
    more = f" and {len(words) - _SHOWN:,} more" if len(words) > _SHOWN else ""
    click.echo(f"  {what} that the catalogue lacks, {instead}, their own words kept: {shown}{more}")


def _print_embedded(summary: ImportSummary) -> None:
    if summary.not_embedded is not None:
        click.echo(f"  Embeddings are left to the running service: {summary.not_embedded}.")
    elif summary.embedded is None:
        click.echo("  Embeddings are left to the running service.")
    else:
        click.echo(f"  {summary.embedded:9,} texts embedded")
    if summary.learned is not None:
        lexical = summary.learned.weights.lexical
        click.echo(f"  Of similarity, words weigh {lexical:g} of 1, as {summary.learned.texts:,} texts speak for.")


def _shortened(text: str) -> str:
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1].rstrip() + "…"


def _content(summary: ImportSummary) -> dict[str, Any]:
    imported = summary.imported
    return {
        "file": str(summary.file),
        "rows": summary.rows,
        "bad_rows": len(summary.bad_rows),
        "first_bad_rows": [{"line": row.line, "reason": row.reason} for row in summary.bad_rows[:_SHOWN]],
        "undated": summary.undated,
        "wordless": summary.wordless,
        "repeated": summary.repeated,
        "known": imported.known,
        "incidents": imported.incidents,
        "texts": len(imported.texts),
        "patterns": {
            "new": len(imported.new_patterns),
            "known": len(imported.patterns.keys() - imported.new_patterns),
        },
        "most_frequent": summary.most_frequent,
        "unknown_priorities": dict(imported.unknown_priorities.most_common()),
        "unknown_teams": dict(imported.unknown_teams.most_common()),
        "ignored_columns": summary.ignored,
        "first_at": summary.first_at,
        "last_at": summary.last_at,
        "embedded": summary.embedded,
        "not_embedded": summary.not_embedded,
        "words_weigh": summary.learned.weights.lexical if summary.learned is not None else None,
        "seconds": round(summary.seconds, 1),
    }
