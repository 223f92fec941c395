"""What of a history file is read, what is skipped, and when the file is refused."""

import csv
import gzip
import io
import json
import math
import tracemalloc
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from triage.domain.incident import MAX_LABELS, MAX_TITLE, Incident
from triage.errors import HistoryError
from triage.history.rows import MAX_RESOLUTION, BadRow, History, HistoryRow, read_history
from triage.prediction.text import MAX_CHARACTERS

Write = Callable[..., Path]
GOOD: dict[str, Any] = {"id": "I-1", "title": "Disk full on db-1", "priority": "2 - High", "team": "Databases"}


@pytest.fixture
def lines(tmp_path: Path) -> Write:
    """Writes rows as JSON lines; text and bytes go in as they are."""

    def write(rows: Iterable[object], name: str = "history.jsonl") -> Path:
        path = tmp_path / name
        encoded = [
            r if isinstance(r, bytes) else r.encode() if isinstance(r, str) else json.dumps(r).encode()
            for r in rows
        ]
        content = b"\n".join(encoded) + b"\n"
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    return write


def only(history: History) -> HistoryRow:
    assert not history.bad_rows
    [row] = history.rows
    return row


def refusal(path: Path, **options: Any) -> str:
    with pytest.raises(HistoryError) as refused:
        read_history(path, **options)
    return str(refused.value)


def test_a_full_row_keeps_all_it_says(lines: Write) -> None:
    row = GOOD | {
        "description": "it is full",
        "occurred_at": "2026-02-03T04:05:06+01:00",
        "resolved_at": "2026-02-03T05:00:00",
        "source": "itsm",
        "service": "orders",
        "first_team": "Service desk",
        "impact": 2,
        "urgency": 1.0,
        "regulated": "yes",
        "labels": {"category": "storage", "count": 3, "empty": None},
        "duplicate_of": "I-0",
        "label_source": "responder",
        "reassignments": 4,
    }
    history = read_history(lines([row]))
    assert only(history) == HistoryRow(
        line=1,
        id="I-1",
        incident=Incident(
            title="Disk full on db-1",
            description="it is full",
            occurred_at=datetime(2026, 2, 3, 3, 5, 6, tzinfo=UTC),
            source="itsm",
            service="orders",
            assigned_team="Service desk",
            impact="2",
            urgency="1",
            regulated=True,
            labels={"category": "storage", "count": "3"},
        ),
        priority="2 - High",
        team="Databases",
        duplicate_of="I-0",
        resolved_at=datetime(2026, 2, 3, 5, tzinfo=UTC),
        label_source="responder",
    )
    assert history.ignored == ("reassignments",)


@pytest.mark.parametrize("name", ["history.jsonl", "history.jsonl.gz", "history.txt", "export"])
def test_the_content_says_what_a_file_is_and_not_its_name(lines: Write, name: str) -> None:
    assert only(read_history(lines([GOOD], name))).team == "Databases"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_csv_reads_as_json_lines_do(tmp_path: Path, delimiter: str, encoding: str) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(["ID", "Title", "Occurred At", "labels", "labels.Site", "Priority", "team"])
    writer.writerow(["7", "Größe, falsch;\nzwei Zeilen", "2026-02-03", '{"a": "b"}', "Köln", "hoch", ""])
    writer.writerow(["8", "next", "", "", "", "", "Ops"])
    path = tmp_path / "history.csv"
    path.write_bytes(text.getvalue().encode(encoding))
    first, second = read_history(path).rows
    assert (first.line, first.id, first.priority, first.team) == (2, "7", "hoch", None)
    assert first.incident.title == "Größe, falsch; zwei Zeilen"
    assert first.incident.labels == {"a": "b", "Site": "Köln"}
    assert first.incident.occurred_at == datetime(2026, 2, 3, tzinfo=UTC)
    assert (second.line, second.priority, second.team, second.incident.labels) == (4, None, "Ops", {})


def test_parquet_reads_as_json_lines_do(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow", reason="needs the extra train: pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra train: pyarrow")
    moment = arrow.array([1_770_087_906_123_456_789, None], arrow.timestamp("ns"))
    labels = arrow.array([[("a", "b")], []], arrow.map_(arrow.string(), arrow.string()))
    columns = {
        "title": ["Disk full", None],
        "description": [None, "second"],
        "occurred_at": moment,
        "due_at": [date(2026, 2, 3), None],
        "priority": [1.0, math.nan],
        "team": ["Ops", "Net"],
        "labels": labels,
    }
    path = tmp_path / "history.parquet"
    parquet.write_table(arrow.table(columns), path)
    first, second = read_history(path).rows
    assert (first.line, first.priority, first.incident.labels) == (1, "1", {"a": "b"})
    assert first.incident.occurred_at == datetime(2026, 2, 3, 3, 5, 6, 123_456, UTC)
    assert first.incident.due_at == datetime(2026, 2, 3, tzinfo=UTC)
    assert (second.line, second.id, second.priority, second.team) == (2, "line:2", None, "Net")
    path.write_bytes(path.read_bytes()[:-20])
    assert "is no readable Parquet file" in refusal(path)


NO_LABELS = [None, "", "  ", "NaN", "nan", "None", "null", "<NA>", math.nan, "N/A", "#N/A", "-", "--", " – ", "?"]


@pytest.mark.parametrize("label", NO_LABELS)
def test_a_label_that_is_missing_in_any_spelling_is_none(lines: Write, label: object) -> None:
    history = read_history(lines([GOOD | {"priority": label, "team": label}]))
    assert (only(history).priority, only(history).team) == (None, None)
    assert history.unlabelled == 1


@pytest.mark.parametrize("label", ["NA", "1", "!!", "P1", "No team", "\N{LARGE RED CIRCLE}"])
def test_a_short_or_strange_label_is_still_one(lines: Write, label: str) -> None:
    assert only(read_history(lines([GOOD | {"priority": label}]))).priority == label


def test_a_fact_that_says_not_applicable_is_read_as_a_live_one_is(lines: Write) -> None:
    assert only(read_history(lines([GOOD | {"service": "n/a"}]))).incident.service == "n/a"


def test_long_texts_are_cut_and_not_bad(lines: Write) -> None:
    labels = {f"l{n}": "v" * 5_000 for n in range(MAX_LABELS + 9)}
    row = GOOD | {"title": "t" * 90_000, "description": "d" * 90_000, "labels": labels}
    incident = only(read_history(lines([row]))).incident
    assert (len(incident.title), len(incident.description)) == (MAX_TITLE, MAX_CHARACTERS)
    assert len(incident.labels) == MAX_LABELS


def test_a_row_without_a_title_is_known_by_its_labels_or_its_description(lines: Write) -> None:
    history = read_history(
        lines(
            [
                {"labels": {"a": "b"}, "team": "T"},
                {"title": "", "description": "\n 1\n Mail is late \nx", "team": "T"},
            ]
        )
    )
    assert [row.incident.title for row in history.rows] == ["", "Mail is late"]


BAD = [
    ("{not json", "not JSON: "),
    ("[1]", "not a JSON object"),
    ("1" * 5_000, "not JSON that can be read"),
    ('{"title":' + "[" * 5_000, "not JSON that can be read"),
    ({"description": "x", "team": "T"}, "neither a title nor labels"),
    ({"title": " ", "team": "T"}, "title, description and labels are all empty"),
    ({"title": "x"}, "neither a priority nor a team"),
    (GOOD | {"occurred_at": "13/02/2026 04:05"}, "occurred_at is no ISO 8601 date and time"),
    (GOOD | {"resolved_at": "9999-12-31T23:59:59-05:00"}, "resolved_at is not between 1970 and 2199"),
    (GOOD | {"team": ["a"]}, "team is neither text nor a number"),
    (GOOD | {"labels": [1]}, "labels are not an object of names and values"),
    (GOOD | {"labels": "a=b"}, "labels are not JSON"),
    (GOOD | {"links": [1]}, "links are not a list of objects"),
    (GOOD | {"data_exposure": "perhaps"}, "data_exposure is neither true nor false"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD, ids=[reason for _, reason in BAD])
def test_a_bad_row_is_named_counted_and_skipped(lines: Write, bad: object, reason: str) -> None:
    history = read_history(lines([GOOD] * 20 + [bad] + [GOOD] * 20))
    [found] = history.bad_rows
    assert found == BadRow(21, found.reason)
    assert found.reason.startswith(reason)
    assert (len(history.rows), history.total) == (40, 41)
    assert history.rows[20].line == 22


def test_blank_lines_are_no_rows_but_count_as_lines(lines: Write) -> None:
    history = read_history(lines([GOOD, "", "  ", GOOD]))
    assert [row.line for row in history.rows] == [1, 4]
    assert history.total == 2


def test_a_csv_row_longer_than_its_header_is_bad(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_text("title,team\n" + "disk full,ops\n" * 20 + "disk, full,ops\n")
    assert read_history(path).bad_rows == [BadRow(22, "3 fields under a header of 2")]


def test_more_than_five_percent_bad_rows_stop_the_run(lines: Write) -> None:
    assert len(read_history(lines([GOOD] * 95 + ["{"] * 5)).bad_rows) == 5
    message = refusal(lines([GOOD] * 94 + ["{"] * 6))
    assert "6 of 100 rows (6.0%) are bad, more than 5%. First: line 95: not JSON" in message
    assert "line 99" in message
    assert "line 100" not in message


def test_a_hopeless_file_is_not_read_to_its_end(lines: Write) -> None:
    seen: list[int] = []
    refusal(lines(["{"] * 20_000), progress=seen.append)
    assert max(seen) <= 2_000


def test_wrong_columns_are_answered_with_those_found_and_those_expected(lines: Write, tmp_path: Path) -> None:
    message = refusal(lines([{"number": "1", "short text": "x"}] * 3))
    assert "expected the columns title or labels, and priority or team; found number, short text" in message
    path = tmp_path / "history.csv"
    path.write_text("title,queue\na,b\n")
    assert "found title, queue" in refusal(path)
    assert only(read_history(path, require_labels=False)).incident.title == "a"


def test_messages_show_names_of_columns_and_nothing_of_the_rows(lines: Write, tmp_path: Path) -> None:
    assert "hunter2" not in refusal(lines([{"title": "hunter2", "occurred_at": "hunter2", "team": "hunter2"}]))
    path = tmp_path / "history.csv"
    path.write_text("password is 'hunter2' said Ann,x\nb,c\n")
    assert "hunter2" not in refusal(path)


UNREADABLE = [
    (b"", "holds no rows"),
    (b"\n\n", "holds no rows"),
    (b"title,team\n", "holds no rows"),
    (gzip.compress(b""), "holds no rows"),
    (json.dumps([GOOD]).encode(), "one JSON array"),
    ("\ufefftitle,team\n".encode("utf-16"), "is UTF-16"),
    (b'{"title":"x","team":"a"}\n{"title":"\xe4","team":"a"}\n', "line 2 is not UTF-8"),
    (b"title,team\nx,\xe4\n", "line 2 is not UTF-8"),
    (gzip.compress(json.dumps(GOOD).encode() * 99)[:-9], "cut off before its end"),
    (gzip.compress(json.dumps(GOOD).encode() * 99)[:5], "cut off before its end"),
    (gzip.compress(b'{"title":"x"}\n' * 99)[:-8] + bytes(8), "is damaged"),
    (b"PAR1 and nothing", "is no readable Parquet file"),
]


@pytest.mark.parametrize(("content", "message"), UNREADABLE, ids=range(len(UNREADABLE)))
def test_a_file_that_cannot_be_read_is_refused_in_one_sentence(
    tmp_path: Path, content: bytes, message: str
) -> None:
    if content.startswith(b"PAR1"):
        pytest.importorskip("pyarrow", reason="needs the extra train: pyarrow")
    path = tmp_path / "history"
    path.write_bytes(content)
    assert message in refusal(path)


def test_a_missing_file_and_a_folder_are_refused_in_one_sentence(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "nothing.jsonl")
    assert "Is a directory" in refusal(tmp_path)


def test_progress_is_told_every_thousand_rows_and_at_the_end(lines: Write) -> None:
    seen: list[int] = []
    read_history(lines([GOOD] * 2_500), progress=seen.append)
    assert seen == [1_000, 2_000, 2_500]


def test_a_file_is_read_without_being_held(lines: Write) -> None:
    """Of 40 MB of long descriptions, hardly more than the rows kept of them is in memory at any time."""
    path = lines(GOOD | {"description": "x" * 400_000} for _ in range(100))
    tracemalloc.start()
    read_history(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 12 * 2**20


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(
    ["id", "title", "labels", "team", "priority", "occurred_at", "links", "evidence", "regulated"]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.dictionaries(names | st.text(st.characters(), max_size=5), values, max_size=7), max_size=4))
def test_any_rows_are_read_or_refused_by_name(lines: Write, rows: list[dict[str, Any]]) -> None:
    try:
        history = read_history(lines(rows))
    except HistoryError:
        return
    for row in history.rows:
        row.incident.text.encode()
        assert row.incident.title or row.incident.labels


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any"
    for whole in (content, b"{" + content, gzip.compress(content)[:-4], b"title,team\n" + content):
        path.write_bytes(whole)
        try:
            read_history(path)
        except HistoryError:
            continue


def test_a_label_that_only_a_machine_gave_is_none_though_the_other_is_a_persons(lines: Write) -> None:
    row = GOOD | {"priority_source": "model", "team_source": "reviewed", "labelled_at": "2026-03-01T10:00:00Z"}
    (read,) = read_history(lines([row])).rows
    assert (read.priority, read.team) == (None, "Databases")
    assert read.known_at == datetime(2026, 3, 1, 10, tzinfo=UTC)


def test_labels_are_known_when_the_incident_was_over_where_nobody_says_when_they_were_given(lines: Write) -> None:
    (read,) = read_history(lines([GOOD | {"resolved_at": "2026-03-02T10:00:00Z"}])).rows
    assert read.known_at == datetime(2026, 3, 2, 10, tzinfo=UTC)


def test_what_resolved_it_is_read_where_it_is_in_words(lines: Write) -> None:
    said = ["failed over", {"name": "Fixed"}, 4, None, "x" * 9_000]
    read = read_history(lines([GOOD | {"resolution": one} for one in said])).rows
    assert [row.resolution for row in read] == ["failed over", None, None, None, "x" * MAX_RESOLUTION]


def test_a_row_has_an_id_of_its_own_only_where_the_file_gives_one(lines: Write) -> None:
    rows = read_history(lines([GOOD, {**GOOD, "id": None}, {**GOOD, "id": "line:9"}])).rows
    assert [row.own_id for row in rows] == ["I-1", None, "line:9"]
