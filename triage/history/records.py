"""The rows of a history file one after the other: JSON lines or CSV, gzipped or not, or Parquet.

What a file is follows from its content, not from its name. Memory holds one row (Parquet: one batch of rows).
"""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from triage.errors import HistoryError

MAX_LINE = 64 * 1_024 * 1_024
_PARQUET_BATCH = 1_024
_GZIP_MAGIC = b"\x1f\x8b"
_PARQUET_MAGIC = b"PAR1"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_UTF8_MARK = b"\xef\xbb\xbf"
_DELIMITERS = ",;\t|"

Record = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A row that cannot be read, and why, without its content."""

    reason: str


def read_records(path: Path) -> Iterator[tuple[int, Record | Unreadable]]:
    """Each row with the number of the line it starts on (Parquet: the number of the row), from 1.

    Raises:
        HistoryError: the file cannot be read at all: missing, cut off, not UTF-8, not a format known here.
    """
    try:
        with path.open("rb") as stream:
            magic = stream.peek(4)[:4]
            if magic == _PARQUET_MAGIC:
                yield from _parquet(path)
            elif magic[:2] == _GZIP_MAGIC:
                yield from _text(path, io.BufferedReader(gzip.GzipFile(fileobj=stream)))
            else:
                yield from _text(path, stream)
    except EOFError:
        raise HistoryError(f"{path}: the gzip file is cut off before its end") from None
    except (gzip.BadGzipFile, zlib.error):
        raise HistoryError(f"{path}: the gzip file is damaged") from None
    except OSError as error:
        raise HistoryError(f"{path}: cannot be read: {error.strerror or 'input/output error'}") from None


def _text(path: Path, stream: io.BufferedReader) -> Iterator[tuple[int, Record | Unreadable]]:
    start = stream.peek(64)[:64]
    if start.startswith(_UTF16_MARKS):
        raise HistoryError(f"{path}: is UTF-16; save it as UTF-8")
    if start.startswith(_PARQUET_MAGIC):
        raise HistoryError(f"{path}: is a gzipped Parquet file; Parquet compresses by itself, so unpack it")
    first = start.removeprefix(_UTF8_MARK).lstrip()[:1]
    if first == b"[":
        raise HistoryError(f"{path}: is one JSON array; one JSON object a line is expected")
    lines = _lines(path, stream)
    yield from _json_lines(lines) if first == b"{" else _csv(lines)


def _lines(path: Path, stream: io.BufferedReader) -> Iterator[str]:
    """The lines as they are, line ends included."""
    number = 0
    while line := stream.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE:
            raise HistoryError(f"{path}: line {number} is longer than {MAX_LINE // 2**20} MiB")
        try:
            yield (line.removeprefix(_UTF8_MARK) if number == 1 else line).decode()
        except UnicodeDecodeError:
            raise HistoryError(f"{path}: line {number} is not UTF-8; save the file as UTF-8") from None


def _json_lines(lines: Iterator[str]) -> Iterator[tuple[int, Record | Unreadable]]:
    for number, line in enumerate(lines, 1):
        if line.isspace():
            continue
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            yield number, Unreadable(f"not JSON: {error.msg} at column {error.colno}")
            continue
        except (ValueError, RecursionError):
            yield number, Unreadable("not JSON that can be read: a number too long, or nested too deep")
            continue
        yield number, value if isinstance(value, dict) else Unreadable("not a JSON object")


def _csv(lines: Iterator[str]) -> Iterator[tuple[int, Record | Unreadable]]:
    """Rows under the header's names. A row may be shorter than the header, not longer."""
    csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE))  # the default refuses long descriptions
    first = next(lines, "")
    rows = csv.reader(chain([first], lines), delimiter=max(_DELIMITERS, key=first.count))
    header: list[str] | None = None
    while True:
        starts_at = rows.line_num + 1
        try:
            row = next(rows, None)
        except csv.Error as error:
            yield starts_at, Unreadable(f"not CSV: {error}")
            continue
        if row is None:
            return
        if header is None:
            header = row
        elif len(row) > len(header):
            yield starts_at, Unreadable(f"{len(row)} fields under a header of {len(header)}")
        elif row:
            yield starts_at, dict(zip(header, row, strict=False))


def _parquet(path: Path) -> Iterator[tuple[int, Record | Unreadable]]:
    try:
        # Only here: pyarrow is large, and a part of the extra "train" that most histories do without.
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError:
        raise HistoryError(f"{path}: reading Parquet needs pyarrow; install the extra 'train'") from None
    try:
        with parquet.ParquetFile(path) as file:
            number = 0
            for batch in file.iter_batches(batch_size=_PARQUET_BATCH):
                for row in _whole_microseconds(batch, arrow).to_pylist():
                    number += 1
                    yield number, row
    except arrow.ArrowException as error:
        raise HistoryError(f"{path}: is no readable Parquet file: {type(error).__name__}") from None


def _whole_microseconds(batch: Any, arrow: Any) -> Any:
    """The record batch with its times cut to what a ``datetime`` holds."""
    fields = [
        field.with_type(arrow.timestamp("us", tz=field.type.tz)) if arrow.types.is_timestamp(field.type) else field
        for field in batch.schema
    ]
    return arrow.Table.from_batches([batch]).cast(arrow.schema(fields), safe=False)
