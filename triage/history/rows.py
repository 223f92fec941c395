"""An organisation's past incidents with the labels its people gave, read row by row.

Labels are the organisation's own words, so nothing is asked of them here but to be there. What is longer than an
incident may be is cut: a history is read for what it teaches, not refused for what it carries.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from triage.domain.incident import MAX_DESCRIPTION, Incident
from triage.errors import HistoryError
from triage.history import values
from triage.history.records import Record, Unreadable, read_records
from triage.prediction.text import condensed

MACHINE_SOURCES = frozenset(
    {"model", "rule", "matrix", "catalogue", "reported", "fallback", "machine", "automatic"}
)
"""Where a label came from when no person gave it. Trained on, a model would learn its own echo."""

REVIEWED = "reviewed"
"""Where a label came from when a reviewer looked at this very incident."""

MAX_BAD_SHARE = 0.05
"""More, and the file is probably not what somebody thinks it is."""

MAX_RESOLUTION = 4_000
"""Characters; what is cut is the end."""

_PROGRESS_EVERY = 1_000
# A file that is mostly bad after so many bad rows will not get better; a long one is not read to its end.
_HOPELESS_BAD_ROWS = 1_000
_HOPELESS_SHARE = 0.5
_SHOWN_BAD_ROWS = 5
_SHOWN_COLUMNS = 30
_COLUMN_NAME = re.compile(r"[A-Za-z_][\w .:/-]{0,39}")

_WORDS = (
    *("dedup_key", "kind", "service", "environment", "region", "cluster", "deployment", "severity", "impact"),
    *("urgency", "customer_tier", "reporter", "detected_by"),
)
_MOMENTS = ("started_at", "occurred_at", "due_at")
_FLAGS = ("data_exposure", "regulated")
_ALIASES = {"first_team": "assigned_team"}
_LABEL_PREFIX = "labels."
COLUMNS = frozenset(
    {"id", "title", "description", "source", "labels", "links", "evidence", "assigned_team"}
    | {"priority", "team", "duplicate_of", "resolved_at", "resolution", "label_source"}
    | {"priority_source", "team_source", "labelled_at", "gold"}
    | {*_WORDS, *_MOMENTS, *_FLAGS}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRow:
    """``line`` is where the row starts in its file; ``id`` is ``line:N`` where the file gives none.
    ``priority`` and ``team`` are the history's own words; None where nobody gave one, and where the column beside
    it (``priority_source``, ``team_source``) says that only a machine did. ``labelled_at``: when somebody gave
    them, if that is told; ``resolution``: what resolved it; ``gold``: which of
    the two a reviewer gave, who looked at this very incident."""

    line: int
    id: str
    incident: Incident
    priority: str | None
    team: str | None
    duplicate_of: str | None
    resolved_at: datetime | None
    label_source: str | None
    labelled_at: datetime | None = None
    resolution: str | None = None
    gold: tuple[str, ...] = ()

    @property
    def own_id(self) -> str | None:
        """The id that the file gives; None where it gives none."""
        return self.id if self.id != _numbered(self.line) else None

    @property
    def known_at(self) -> datetime | None:
        """When the labels were known: when somebody gave them or when the incident was over, whichever came first,
        since a history that is labelled in one go was known before to those who resolved it."""
        return min((at for at in (self.labelled_at, self.resolved_at) if at is not None), default=None)


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was skipped, and why; the reason holds nothing of the row."""

    line: int
    reason: str


@dataclass(kw_only=True)
class History:
    """``total`` counts good and bad rows; ``ignored`` are columns that mean nothing here, in file order."""

    rows: list[HistoryRow] = field(default_factory=list)
    bad_rows: list[BadRow] = field(default_factory=list)
    total: int = 0
    ignored: tuple[str, ...] = ()

    @property
    def unlabelled(self) -> int:
        """How many good rows have neither a priority nor a team."""
        return sum(row.priority is None and row.team is None for row in self.rows)


def read_history(
    path: Path, *, progress: Callable[[int], None] | None = None, require_labels: bool = True
) -> History:
    """The incidents of a JSON lines, CSV (each gzipped or not) or Parquet file.

    A row has a title or labels, and with ``require_labels`` a priority or a team. One that is there and empty is
    no fault: an incident that nobody labelled may still be remembered, and one without a title gets the first
    line of its description. ``progress`` is told the number of rows read so far, every thousand and at the end.

    Raises:
        HistoryError: the file cannot be read, is empty, has the wrong columns, or more than 5 % of its rows
            are bad; the first of them are named with line and reason.
    """
    history = History()
    columns: dict[str, str | None] = {}
    for line, record in read_records(path):
        history.total += 1
        try:
            history.rows.append(_row(line, record, columns, require_labels))
        except values.BadValueError as error:
            history.bad_rows.append(BadRow(line, str(error)))
            bad = len(history.bad_rows)
            if bad >= _HOPELESS_BAD_ROWS and bad > _HOPELESS_SHARE * history.total:
                break
        if progress is not None and history.total % _PROGRESS_EVERY == 0:
            progress(history.total)
    if progress is not None:
        progress(history.total)
    _refuse_if_unusable(path, history, columns, require_labels)
    history.ignored = tuple(name for name, meant in columns.items() if meant is None)
    return history


def _row(
    line: int, record: Record | Unreadable, columns: dict[str, str | None], require_labels: bool
) -> HistoryRow:
    if isinstance(record, Unreadable):
        raise values.BadValueError(record.reason)
    given: dict[str, object] = {}
    labels: dict[str, object] = {}
    for name, value in record.items():
        if name not in columns:
            columns[name] = _meaning(name)
        meant = columns[name]
        if meant is None:
            continue
        if meant.startswith(_LABEL_PREFIX):
            labels[meant.removeprefix(_LABEL_PREFIX)] = value
        elif given.get(meant) in (None, ""):
            given[meant] = value
    if "title" not in given and "labels" not in given and not labels:
        raise values.BadValueError("neither a title nor labels")
    incident = _incident(given, values.labels(labels))
    if not incident.title and not incident.labels:
        raise values.BadValueError("title, description and labels are all empty")
    priority, team = _label("priority", given), _label("team", given)
    if require_labels and "priority" not in given and "team" not in given:
        raise values.BadValueError("neither a priority nor a team")
    return HistoryRow(
        line=line,
        id=values.word("id", given.get("id")) or _numbered(line),
        incident=incident,
        priority=priority,
        team=team,
        duplicate_of=values.word("duplicate_of", given.get("duplicate_of")),
        resolved_at=values.moment("resolved_at", given.get("resolved_at")),
        label_source=values.word("label_source", given.get("label_source")),
        labelled_at=values.moment("labelled_at", given.get("labelled_at")),
        resolution=_resolution(given.get("resolution")),
        gold=tuple(_gold(given)),
    )


def _gold(given: Record) -> Iterator[str]:
    is_gold = values.flag("gold", given.get("gold"))
    for target in ("priority", "team"):
        source = values.word("source", given.get(f"{target}_source"))
        if source == REVIEWED or (is_gold and source is None):
            yield target


def _resolution(value: object) -> str | None:
    """Words only: some exporters put an object or a code into this column, and nobody is refused for that."""
    return values.text("resolution", value, MAX_RESOLUTION) or None if isinstance(value, str) else None


def _numbered(line: int) -> str:
    return f"line:{line}"


def _label(target: str, given: Record) -> str | None:
    """The label, unless the column that says where it came from names a machine."""
    name = f"{target}_source"
    source = values.word(name, given.get(name)) or ""
    return None if source.casefold() in MACHINE_SOURCES else values.label(target, given.get(target))


def _incident(given: Record, more_labels: dict[str, str]) -> Incident:
    description = values.text("description", given.get("description"), MAX_DESCRIPTION)
    return Incident(
        title=values.title(given.get("title")) or values.title_of(description),
        # No more than is ever read of it, so that a history of long mails fits in memory.
        description=condensed(description),
        source=values.word("source", given.get("source")) or "history",
        assigned_team=values.word("assigned_team", given.get("assigned_team")),
        labels={**values.labels(given.get("labels")), **more_labels},
        links=values.links(given.get("links")),
        evidence=values.evidence(given.get("evidence")),
    ).with_changes(
        **{name: values.word(name, given[name]) for name in _WORDS if name in given},
        **{name: values.moment(name, given[name]) for name in _MOMENTS if name in given},
        **{name: values.flag(name, given[name]) for name in _FLAGS if name in given},
    )


def _meaning(name: str) -> str | None:
    """Which column this is; names are compared without case, spaces and dashes. ``labels.x`` is one label."""
    if name.lower().startswith(_LABEL_PREFIX):
        return _LABEL_PREFIX + name[len(_LABEL_PREFIX) :]
    folded = "_".join(name.casefold().replace("-", " ").split())
    folded = _ALIASES.get(folded, folded)
    return folded if folded in COLUMNS else None


def _refuse_if_unusable(
    path: Path, history: History, columns: dict[str, str | None], require_labels: bool
) -> None:
    if not history.total:
        raise HistoryError(f"{path}: holds no rows")
    bad = len(history.bad_rows)
    if bad <= MAX_BAD_SHARE * history.total:
        return
    meant = {"labels" if name and name.startswith(_LABEL_PREFIX) else name for name in columns.values()}
    has_words, has_labels = meant & {"title", "labels"}, meant & {"priority", "team"}
    if columns and (not has_words or (require_labels and not has_labels)):
        expected = "title or labels" + (", and priority or team" if require_labels else "")
        raise HistoryError(f"{path}: expected the columns {expected}; found {_shown(columns)}")
    first = "; ".join(f"line {row.line}: {row.reason}" for row in history.bad_rows[:_SHOWN_BAD_ROWS])
    share = f"{bad:,} of {history.total:,} rows ({bad / history.total:.1%})"
    raise HistoryError(f"{path}: {share} are bad, more than {MAX_BAD_SHARE:.0%}. First: {first}")


def _shown(columns: Iterable[str]) -> str:
    """Column names for a message. What does not look like one may be a row of data and is not shown."""
    names = [name if _COLUMN_NAME.fullmatch(name) else "(no name)" for name in columns]
    more = f" and {len(names) - _SHOWN_COLUMNS} more" if len(names) > _SHOWN_COLUMNS else ""
    return ", ".join(names[:_SHOWN_COLUMNS]) + more
