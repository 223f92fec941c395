"""A history file being written: JSON lines or CSV, gzipped or not, or Parquet, in the columns that training reads.

It takes its place when it is complete; whatever ends it before leaves what was there untouched.
"""

import csv
import gzip
import io
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import IO, Any

import orjson

from triage.domain.provenance import Label, LabelSource, PastIncident
from triage.errors import HistoryError

FORMATS = ("jsonl", "jsonl.gz", "csv", "csv.gz", "parquet")
"""Each is also how the names of its files end."""

ROW_GROUP = 2_000
"""Rows that Parquet compresses together and that are held until then."""

_WORDS = (
    *("dedup_key", "kind", "service", "environment", "region", "cluster", "deployment", "severity", "impact"),
    *("urgency", "customer_tier", "reporter", "detected_by", "assigned_team"),
)
_FLAGS = ("data_exposure", "regulated")
_TEXTS = ("id", "title", "description", "source", *_WORDS, "priority", "team", "duplicate_of", "resolution")
_SOURCES = ("label_source", "priority_source", "team_source")
_MOMENTS = ("occurred_at", "started_at", "due_at", "resolved_at", "labelled_at")
COLUMNS = (*_TEXTS, *_FLAGS, *_MOMENTS, *_SOURCES, "gold", "labels", "links", "evidence")
_ALWAYS = frozenset(
    {"id", "title", "description", "occurred_at", "source", "service", "labels", "priority", "team"}
    | {"duplicate_of", "resolved_at", *_SOURCES}
)

_UNSAID: tuple[Any, ...] = (None, "", False, {}, [])

Row = dict[str, Any]
Write = Callable[[Row], None]


def format_of(path: Path) -> str | None:
    """The format that a file's name ends in; None for any other name."""
    return next((name for name in FORMATS if path.name.lower().endswith(f".{name}")), None)


def row_of(past: PastIncident, priority: Label, team: Label) -> Row:
    """Every column by its name. The features are those of the event that opened the incident; only
    ``resolved_at``, ``resolution`` and the labels with their sources were known later, those at ``labelled_at``.
    """
    event = past.event
    known = [label.known_at for label in (priority, team) if label.known_at is not None]
    stronger = priority if priority.source.is_stronger_than(team.source) else team
    return {
        "id": past.id,
        "title": event.title,
        "description": event.description,
        "source": event.source,
        **{name: getattr(event, name) for name in (*_WORDS, *_FLAGS)},
        "priority": priority.value,
        "team": team.value,
        "duplicate_of": past.duplicate_of,
        "occurred_at": past.occurred_at,
        "started_at": event.started_at,
        "due_at": event.due_at,
        "resolved_at": past.resolved_at,
        "resolution": past.resolution,
        "labelled_at": max(known, default=None),
        "label_source": _source(stronger, past),
        "priority_source": _source(priority, past),
        "team_source": _source(team, past),
        "gold": LabelSource.REVIEWED in (priority.source, team.source),
        "labels": dict(event.labels),
        "links": [{"href": link.href, "text": link.text} for link in event.links],
        "evidence": [{"kind": e.kind, "text": e.text, "href": e.href} for e in event.evidence],
    }


def _source(label: Label, past: PastIncident) -> str:
    """Where a label came from; one that was imported, from where the history had it."""
    if label.source is LabelSource.HISTORY and past.told is not None and past.told.label_source is not None:
        return past.told.label_source
    return label.source.value


@contextmanager
def writing(path: Path, form: str) -> Iterator[Write]:
    """Writes rows into ``path`` in one of FORMATS. The file is there when the block ends and not when it raises.

    Raises HistoryError when it cannot be written, or Parquet is asked for and pyarrow is missing.
    """
    scratch = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        with scratch.open("xb") as stream:
            with _WRITERS[form](stream) as write:
                yield write
            stream.flush()
            os.fsync(stream.fileno())
        scratch.replace(path)
    except OSError as error:
        raise HistoryError(f"{path}: cannot be written: {error.strerror or 'input/output error'}") from error
    finally:
        scratch.unlink(missing_ok=True)


@contextmanager
def _lines(stream: IO[bytes]) -> Iterator[Write]:
    def write(row: Row) -> None:
        said = {name: value for name, value in row.items() if name in _ALWAYS or value not in _UNSAID}
        stream.write(orjson.dumps(said, option=orjson.OPT_APPEND_NEWLINE))

    yield write


@contextmanager
def _csv(stream: IO[bytes]) -> Iterator[Write]:
    text = io.TextIOWrapper(stream, "utf-8", newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    try:
        yield lambda row: writer.writerow([_cell(row[name]) for name in COLUMNS])
    finally:
        text.detach()  # which writes what is left, and leaves the stream to its owner


def _cell(value: Any) -> str:
    if value in _UNSAID:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, str) else orjson.dumps(value).decode()


@contextmanager
def _parquet(stream: IO[bytes]) -> Iterator[Write]:
    try:
        # Only here: pyarrow is large, and a part of the extra "train" that most services do without.
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError:
        raise HistoryError(
            "writing Parquet needs pyarrow; install the extra 'train', or write .jsonl.gz"
        ) from None
    schema = _schema(arrow)
    held: list[Row] = []
    with parquet.ParquetWriter(stream, schema, compression="zstd") as writer:

        def flush() -> None:
            writer.write_table(arrow.Table.from_pylist(held, schema))
            held.clear()

        def write(row: Row) -> None:
            held.append({**row, "labels": list(row["labels"].items())})
            if len(held) == ROW_GROUP:
                flush()

        yield write
        if held:
            flush()


def _schema(arrow: Any) -> Any:
    text, moment = arrow.string(), arrow.timestamp("us", tz="UTC")
    kinds = {
        **dict.fromkeys((*_FLAGS, "gold"), arrow.bool_()),
        **dict.fromkeys(_MOMENTS, moment),
        "labels": arrow.map_(text, text),
        "links": arrow.list_(arrow.struct({"href": text, "text": text})),
        "evidence": arrow.list_(arrow.struct({"kind": text, "text": text, "href": text})),
    }
    return arrow.schema([(name, kinds.get(name, text)) for name in COLUMNS])


def _gzipped(write_in: Callable[[IO[bytes]], AbstractContextManager[Write]], stream: IO[bytes]) -> Iterator[Write]:
    # Without name and time, so that the same history is the same file.
    with gzip.GzipFile("", "wb", 6, stream, mtime=0) as packed, write_in(packed) as write:  # type: ignore[arg-type]
        yield write


_WRITERS: Mapping[str, Callable[[IO[bytes]], AbstractContextManager[Write]]] = {
    "jsonl": _lines,
    "jsonl.gz": contextmanager(partial(_gzipped, _lines)),
    "csv": _csv,
    "csv.gz": contextmanager(partial(_gzipped, _csv)),
    "parquet": _parquet,
}
