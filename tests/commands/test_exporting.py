"""``triage export``: what people said of past incidents, in a file that training reads back unchanged."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result

from tests.fixtures_store import Desk, an_event
from triage.__main__ import triage
from triage.commands.history_file import COLUMNS, FORMATS, writing
from triage.corrections import Corrections
from triage.domain.incident import EventKind, Evidence, Incident, Link
from triage.errors import HistoryError
from triage.history.rows import MACHINE_SOURCES, HistoryRow, read_history
from triage.prediction.text import condensed
from triage.store.incidents import Incidents

Export = Callable[..., Result]


@pytest.fixture
def corrections(desk: Desk) -> Corrections:
    return Corrections(Incidents(desk.database), lambda: desk.active, desk.clock)


@pytest.fixture
def export(database_url: str, tmp_path: Path) -> Export:
    """Runs the command; ``{tmp}`` in an argument is the test's folder."""

    def run(*arguments: str, url: str = database_url) -> Result:
        given = [argument.replace("{tmp}", str(tmp_path)) for argument in arguments]
        return CliRunner().invoke(triage, ["export", *given], env={"TRIAGE_DATABASE_URL": url})

    return run


@pytest.fixture
def labelled(desk: Desk, corrections: Corrections) -> dict[str, str]:
    """One incident for each way to a label, by what it stands for."""
    ids = {}
    ids["reviewed"] = desk.fire(title="Card payments declined", service="card-gateway").incident.id
    corrections.override(ids["reviewed"], "ann", priority="critical", team="desk")
    ids["resolved"] = desk.fire(title="Disk full").incident.id
    desk.clock.advance(minutes=30)
    corrections.resolve(ids["resolved"], "bob", "cleaned up")
    ids["both"] = desk.fire(title="Replication stopped").incident.id
    corrections.override(ids["both"], "ann", priority="P2", team=None)
    desk.clock.advance(minutes=10)
    corrections.resolve(ids["both"], "bob", None)
    ids["machine"] = desk.fire(title="Certificate expires").incident.id
    return ids


def rows_of(file: Path) -> dict[str, HistoryRow]:
    history = read_history(file)
    assert history.bad_rows == []
    return {row.id: row for row in history.rows}


@pytest.mark.parametrize("form", FORMATS)
def test_training_reads_every_format_back_unchanged(
    desk: Desk, corrections: Corrections, export: Export, tmp_path: Path, form: str
) -> None:
    event = an_event(
        title='Disk "data, 1" full; =1+1 – Größe 💾',
        description="df says:\r\n/dev/sda1\t100 %\nsince\n\nthis morning, {again}",
        dedup_key="disk:1",
        started_at=desk.clock.now - timedelta(minutes=9, microseconds=1),
        occurred_at=desk.clock.now - timedelta(minutes=7),
        due_at=desk.clock.now + timedelta(days=1),
        kind="alert",
        region="eu-north-1",
        cluster="blue",
        deployment="orders-db",
        assigned_team="Databases",
        impact="high",
        urgency="low",
        customer_tier="gold",
        reporter="Köln, Schicht 2",
        detected_by="node exporter",
        data_exposure=True,
        labels={"alertname": "DiskFull", "json": '{"a": [1]}', "empty?": "no"},
        links=(Link(href="https://runbooks.example/disk?a=1&b=2", text="Runbook, part 1"),),
        evidence=(
            Evidence(kind="log", text='line "1"\nline 2'),
            Evidence(kind="graph", href="https://g.example/1"),
        ),
    )
    incident = desk.fire(**{name: getattr(event, name) for name in event.__slots__}).incident
    bare = desk.fire(title="Bare", service=None, environment=None, severity=None).incident
    for one in (incident, bare):
        corrections.override(one.id, "ann", priority="P1", team="payments")
    done = export("--output", f"{{tmp}}/history.{form}", "--json")
    assert done.exit_code == 0, done.output
    rows = rows_of(tmp_path / f"history.{form}")
    assert rows[incident.id].incident == event.with_changes(description=condensed(event.description))
    assert rows[bare.id].incident == bare.event.with_changes(occurred_at=bare.opened_at)
    assert (rows[bare.id].priority, rows[bare.id].team, rows[bare.id].resolved_at) == ("P1", "payments", None)
    assert read_history(tmp_path / f"history.{form}").ignored == ()


def test_every_field_of_an_incident_has_its_column() -> None:
    assert {field.name for field in fields(Incident)} - {"event"} <= set(COLUMNS)


def test_only_what_a_person_said_is_a_label(export: Export, labelled: dict[str, str], tmp_path: Path) -> None:
    assert export("--output", "{tmp}/history.jsonl").exit_code == 0
    rows = rows_of(tmp_path / "history.jsonl")
    found = {
        name: (rows[i].priority, rows[i].team, rows[i].label_source) for name, i in labelled.items() if i in rows
    }
    assert found == {
        "reviewed": ("P1", "desk", "reviewed"),
        "resolved": (None, "databases", "resolved"),
        "both": ("P2", "databases", "reviewed"),
    }


def test_each_label_names_its_own_source_and_when_it_was_known(
    export: Export, labelled: dict[str, str], tmp_path: Path, desk: Desk
) -> None:
    assert export("--output", "{tmp}/history.jsonl").exit_code == 0
    lines = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text("utf-8").splitlines()]
    sources = {line["id"]: (line["priority_source"], line["team_source"]) for line in lines}
    assert sources == {
        labelled["reviewed"]: ("reviewed", "reviewed"),
        labelled["resolved"]: ("model", "resolved"),
        labelled["both"]: ("reviewed", "resolved"),
    }
    assert {line["id"]: line.get("gold", False) for line in lines} == {
        labelled["reviewed"]: True,
        labelled["resolved"]: False,
        labelled["both"]: True,
    }
    read = rows_of(tmp_path / "history.jsonl")
    assert [read[labelled[name]].gold for name in ("reviewed", "resolved", "both")] == [
        ("priority", "team"),
        (),
        ("priority",),
    ]
    known = {line["id"]: line["labelled_at"] for line in lines}
    end = desk.clock.now
    assert known == {
        labelled["reviewed"]: (end - timedelta(minutes=40)).isoformat(),
        labelled["resolved"]: (end - timedelta(minutes=10)).isoformat(),
        labelled["both"]: end.isoformat(),
    }


def test_what_was_taken_back_is_no_label(
    export: Export, desk: Desk, corrections: Corrections, tmp_path: Path
) -> None:
    kept, taken_back = (desk.fire(title=title).incident.id for title in ("Disk full", "Link down"))
    for incident in (kept, taken_back):
        corrections.override(incident, "ann", priority="P1", team="desk")
    with desk.database.connection() as db:
        row = db.execute("SELECT max(id) AS id FROM triage_override").fetchone()
    assert row is not None
    corrections.withdraw(taken_back, "ann", row["id"])
    assert export("--output", "{tmp}/history.jsonl").exit_code == 0
    assert set(rows_of(tmp_path / "history.jsonl")) == {kept}


def test_unlabelled_incidents_come_when_asked_for_marked_as_a_machines(
    export: Export, labelled: dict[str, str], tmp_path: Path
) -> None:
    assert export("--output", "{tmp}/history.csv", "--with-unlabelled").exit_code == 0
    row = rows_of(tmp_path / "history.csv")[labelled["machine"]]
    assert (row.priority, row.team) == (None, None)
    assert row.label_source in MACHINE_SOURCES


def test_programs_get_the_counts_and_people_a_summary(
    export: Export, labelled: dict[str, str], desk: Desk, tmp_path: Path
) -> None:
    told = export("--output", "{tmp}/history.jsonl.gz", "--json")
    assert told.stderr == ""
    assert json.loads(told.stdout) == {
        "file": str(tmp_path / "history.jsonl.gz"),
        "format": "jsonl.gz",
        "incidents": 4,
        "rows": 3,
        "left_out": 1,
        "priority": {"reviewed": 2},
        "team": {"reviewed": 1, "resolved": 2},
        "first_at": (desk.clock.now - timedelta(minutes=40)).isoformat(),
        "last_at": (desk.clock.now - timedelta(minutes=10)).isoformat(),
        "unknown_catalogues": [],
    }
    shown = export("--output", "{tmp}/history.jsonl.gz")
    assert "3 of 4 incidents, 2026-03-09 to 2026-03-09." in shown.stdout
    assert "2 resolved, 1 reviewed" in shown.stdout
    assert "1 left out: no person gave them a label." in shown.stdout
    assert "export" in shown.stderr


def test_bounds_are_when_incidents_were_opened(export: Export, labelled: dict[str, str], tmp_path: Path) -> None:
    bounds = ("--since", "2026-03-09T11:00+01:00", "--until", "2026-03-10")
    assert export("--output", "{tmp}/history.jsonl", *bounds).exit_code == 0
    assert set(rows_of(tmp_path / "history.jsonl")) == {labelled["both"]}


def test_a_person_is_judged_by_the_teams_of_the_incidents_own_time(
    desk: Desk, corrections: Corrections, export: Export, tmp_path: Path
) -> None:
    incident = desk.fire().incident.id
    corrections.resolve(incident, "bob", None)
    with desk.database.connection() as db:
        db.execute("UPDATE configuration SET content = 'no catalogue at all' WHERE version = %s",
                   (desk.configuration.catalogue.version,))  # fmt: skip
    done = export("--output", "{tmp}/history.jsonl", "--with-unlabelled")
    assert done.exit_code == 0
    assert f"Warning: {desk.configuration.catalogue.version} cannot be read" in done.stderr
    assert rows_of(tmp_path / "history.jsonl")[incident].team is None


def test_an_alert_that_ended_by_itself_confirms_only_a_team_that_somebody_chose(
    desk: Desk, export: Export, tmp_path: Path
) -> None:
    chosen = desk.fire(title="Disk full", dedup_key="a", assigned_team="payments").incident.id
    guessed = desk.fire(title="Replication lag", dedup_key="b").incident.id
    for key in ("a", "b"):
        desk.send(an_event(event=EventKind.RESOLVED, dedup_key=key))
    assert export("--output", "{tmp}/history.jsonl", "--with-unlabelled").exit_code == 0
    rows = rows_of(tmp_path / "history.jsonl")
    assert (rows[chosen].team, rows[guessed].team) == ("payments", None)
    assert rows[chosen].incident.assigned_team == "payments"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--output", "{tmp}/history.xlsx"),
        ("--output", "{tmp}"),
        ("--output", "/dev/null", "--format", "csv"),
        ("--output", "{tmp}/h.csv", "--since", "yesterday"),
        ("--output", "{tmp}/h.csv", "--since", "2026-03-09", "--until", "2026-03-09"),
        ("--output", "{tmp}/h.csv", "--format", "xml"),
    ],
)
def test_wrong_usage_ends_with_two(export: Export, arguments: tuple[str, ...]) -> None:
    done = export(*arguments)
    assert done.exit_code == 2
    assert "Usage: " in done.stderr


def test_a_history_without_labels_is_refused_and_leaves_what_was_there(
    desk: Desk, export: Export, tmp_path: Path
) -> None:
    (tmp_path / "history.jsonl").write_text("the one before")
    nothing = export("--output", "{tmp}/history.jsonl")
    assert (nothing.exit_code, nothing.stdout) == (1, "")
    assert "no incident was opened in that time" in nothing.stderr
    desk.fire()
    unlabelled = export("--output", "{tmp}/history.jsonl")
    assert unlabelled.exit_code == 1
    assert "no person gave any of 1 incidents a label" in unlabelled.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["history.jsonl"]
    assert (tmp_path / "history.jsonl").read_text() == "the one before"


def test_a_folder_that_is_not_there_and_a_database_that_is_away_are_one_sentence(
    labelled: dict[str, str], export: Export
) -> None:
    nowhere = export("--output", "{tmp}/absent/history.csv")
    assert nowhere.exit_code == 1
    assert "history.csv: cannot be written: No such file or directory" in nowhere.stderr
    away = export("--output", "{tmp}/history.csv", url="postgresql://u:hush@127.0.0.1:1/x")
    assert away.exit_code == 1
    assert "the database" in away.stderr
    assert "hush" not in away.output


def test_without_pyarrow_parquet_is_refused_with_what_to_install(
    labelled: dict[str, str], export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    done = export("--output", "{tmp}/history.parquet")
    assert done.exit_code == 1
    assert "writing Parquet needs pyarrow; install the extra 'train'" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", FORMATS)
def test_an_interruption_leaves_nothing_in_any_format(tmp_path: Path, form: str) -> None:
    def interrupted() -> None:
        with writing(tmp_path / "history", form) as write:
            write(a_row())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    def fill() -> None:
        with writing(tmp_path / "history", "jsonl"):
            raise OSError(28, "No space left on device")

    with pytest.raises(HistoryError, match="history: cannot be written: No space left on device"):
        fill()
    assert list(tmp_path.iterdir()) == []


def a_row() -> dict[str, Any]:
    return {**dict.fromkeys(COLUMNS), "id": "1", "title": "x", "labels": {}, "links": [], "evidence": []}


def test_the_same_history_is_the_same_file(labelled: dict[str, str], export: Export, tmp_path: Path) -> None:
    for name in ("a.jsonl.gz", "b.jsonl.gz"):
        assert export("--output", f"{{tmp}}/{name}").exit_code == 0
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()


def test_being_told_to_stop_in_the_middle_leaves_nothing(
    labelled: dict[str, str], database_url: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "triage", "export", "--output", str(tmp_path / "history.csv")]
    with psycopg.connect(database_url) as holder:
        holder.execute("LOCK TABLE triage_override IN ACCESS EXCLUSIVE MODE")  # the export waits in its query
        process = subprocess.Popen(
            command,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(filter(None, sys.path)),
                 "TRIAGE_DATABASE_URL": database_url},
            stderr=subprocess.PIPE,
        )  # fmt: skip
        deadline = time.monotonic() + 30
        while not list(tmp_path.glob(".history.csv.*.part")):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    assert b"Aborted!" in said
    assert b"Traceback" not in said
    assert list(tmp_path.iterdir()) == []
