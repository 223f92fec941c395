"""``triage import``: a history file becomes past incidents, once, whatever stops it on the way."""

import gzip
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result

from tests.fixtures_store import CATALOGUE, POLICY, Desk
from triage.__main__ import triage
from triage.corrections import Corrections
from triage.history.rows import HistoryRow, read_history
from triage.store.incidents import Incidents

Import = Callable[..., Result]
Rows = Iterable[dict[str, Any]]
AT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, str]:
    """A configuration folder, and one for bundles without any."""
    for name in ("config", "models"):
        (tmp_path / name).mkdir()
    (tmp_path / "config" / "catalogue.yaml").write_text(CATALOGUE, "utf-8")
    (tmp_path / "config" / "escalation.yaml").write_text(POLICY, "utf-8")
    return {"TRIAGE_CONFIG_DIR": str(tmp_path / "config"), "TRIAGE_MODELS_DIR": str(tmp_path / "models")}


@pytest.fixture
def load(database_url: str, tmp_path: Path, folders: dict[str, str]) -> Import:
    """Writes rows into a file, if there are any, and runs the command on it."""

    def run(rows: Rows | None, *arguments: str, name: str = "history.jsonl", **env: str) -> Result:
        file = tmp_path / name
        if rows is not None:
            write(file, rows)
        settings = {**folders, "TRIAGE_DATABASE_URL": database_url, **env}
        return CliRunner().invoke(triage, ["import", str(file), *arguments], env=settings)

    return run


def write(file: Path, rows: Rows) -> None:
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    file.write_bytes(gzip.compress(content) if file.suffix == ".gz" else content)


def a_row(number: int, **fields: Any) -> dict[str, Any]:
    row = {
        "id": f"INC-{number}",
        "title": "Nightly backup of the ledger did not finish",
        "occurred_at": (AT + timedelta(hours=number)).isoformat(),
        "source": "helpdesk",
        "service": "orders-db",
        "priority": "High",
        "team": "Databases",
    }
    return {**row, **fields}


def told(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_people_get_a_summary_and_bars_on_standard_error(load: Import) -> None:
    rows = [
        *(a_row(n) for n in range(30)),
        *(a_row(n, title=f"Object store {n}% full " + "and slow " * 20) for n in range(30, 34)),
        a_row(40, priority="Rot", team="Group 70"),
        a_row(41, occurred_at=None),
        a_row(42, title="", labels={"a": "b"}),
        a_row(0),
        a_row(43, occurred_at="yesterday"),
    ]
    done = load(rows)
    assert done.exit_code == 0, done.output
    shown = done.stdout.splitlines()
    assert "39 rows, 2026-01-05 to 2026-01-07;" in shown[0]
    lines = {" ".join(line.split()) for line in shown[1:]}
    assert {
        "35 incidents stored, 5 different texts",
        "2 patterns, 2 new, 0 known before",
        "1 left out: an earlier row of the file again",
        "1 left out: nobody says when; --undated-as does",
        "1 left out: neither title nor description",
        "1 left out: bad",
        "line 39: occurred_at is no ISO 8601 date and time",
        "31 × Nightly backup of the ledger did not finish",
    } <= lines
    assert any(line.startswith("4 × Object store <number> full and slow and slow") for line in lines)
    assert max(len(line) for line in shown if " × " in line) < 90
    assert any("Rot (1)" in line for line in lines)
    assert any("Group 70 (1)" in line for line in lines)
    assert any(line.startswith("Embeddings are left to the running service:") for line in lines)
    assert "import" in done.stderr
    assert "39 rows" in done.stderr


def test_programs_get_one_object_and_nothing_else(load: Import) -> None:
    done = load(
        [a_row(0), a_row(1), a_row(2, unheard_of="x")], "--json", "--without-embeddings", name="h.jsonl.gz"
    )
    assert done.stderr == ""
    found = told(done)
    assert found["patterns"] == {"new": 1, "known": 0}
    counts = ("rows", "bad_rows", "undated", "wordless", "repeated", "known", "incidents", "texts")
    assert [found[name] for name in counts] == [3, 0, 0, 0, 0, 0, 3, 1]
    assert (found["first_at"], found["last_at"]) == (AT.isoformat(), (AT + timedelta(hours=2)).isoformat())
    assert [(one["template"], one["incidents"]) for one in found["most_frequent"]] == [
        ("Nightly backup of the ledger did not finish", 3)
    ]
    assert (found["embedded"], found["not_embedded"], found["ignored_columns"]) == (None, None, ["unheard_of"])


def test_the_same_file_again_adds_nothing(load: Import, desk: Desk) -> None:
    rows = [a_row(n) for n in range(5)]
    told(load(rows, "--json"))
    again = told(load(rows, "--json"))
    assert (again["known"], again["incidents"], desk.count("incident")) == (5, 0, 5)


def test_a_longer_file_adds_what_is_new(load: Import, desk: Desk) -> None:
    told(load([a_row(n) for n in range(5)], "--json"))
    more = told(load([a_row(n) for n in range(8)], "--json"))
    assert (more["known"], more["incidents"], more["patterns"]) == (5, 3, {"new": 0, "known": 1})
    assert desk.count("incident") == 8


def test_the_catalogue_in_force_speaks_and_not_the_folders(
    load: Import, desk: Desk, folders: dict[str, str]
) -> None:
    (Path(folders["TRIAGE_CONFIG_DIR"]) / "catalogue.yaml").write_text("no: catalogue\n")
    found = told(load([a_row(0, priority="critical", service="Orders database")], "--json"))
    assert found["unknown_priorities"] == {}
    with desk.database.connection() as db:
        row = db.execute("SELECT priority, team, service FROM incident").fetchone()
    assert row is not None
    assert (row["priority"], row["team"], row["service"]) == ("P1", "databases", "orders-db")


def test_before_a_service_was_ever_started_the_folders_catalogue_speaks(load: Import) -> None:
    assert told(load([a_row(0)], "--json"))["unknown_teams"] == {}


def test_undated_rows_are_left_out_or_given_a_date(load: Import, desk: Desk) -> None:
    rows = [a_row(n) for n in range(2)]
    rows += [a_row(2, occurred_at="1970-01-01"), a_row(3, occurred_at="2199-01-01"), a_row(4, occurred_at=None)]
    assert told(load(rows, "--json"))["undated"] == 3
    dated = told(load(rows, "--json", "--undated-as", "2025-06-01"))
    assert (dated["undated"], dated["incidents"], dated["known"]) == (0, 3, 2)
    assert dated["first_at"] == "2025-06-01T00:00:00+00:00"


def test_a_file_of_which_nothing_can_be_remembered_is_refused_with_the_reason(load: Import, desk: Desk) -> None:
    undated = load([a_row(0, occurred_at=None)])
    assert (undated.exit_code, undated.stdout) == (1, "")
    assert "none of 1 rows says when it happened; say it with --undated-as" in undated.stderr
    wordless = load([a_row(0, title="", labels={"a": "b"})])
    assert wordless.exit_code == 1
    assert "none of 1 rows has a title or a description" in wordless.stderr
    assert desk.count("incident") == 0


def test_more_than_five_percent_bad_rows_are_refused_before_anything_is_stored(load: Import, desk: Desk) -> None:
    done = load([*(a_row(n) for n in range(15)), a_row(15, occurred_at="soon")])
    assert done.exit_code == 1
    assert "1 of 16 rows (6.2%) are bad, more than 5%. First: line 16: occurred_at is no ISO" in done.stderr
    assert desk.count("incident") == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("--undated-as", "yesterday"),
        ("--undated-as", "2999-01-01"),
        ("--undated-as", "1970-01-01"),
        ("--no-such",),
    ],
)
def test_wrong_usage_ends_with_two(load: Import, arguments: tuple[str, ...]) -> None:
    done = load([a_row(0)], *arguments)
    assert done.exit_code == 2
    assert "Usage: " in done.stderr


def test_a_file_that_is_not_there_is_wrong_usage(load: Import) -> None:
    assert load(None, name="nothing.jsonl").exit_code == 2


def test_a_database_that_is_away_and_a_broken_folder_are_one_sentence(
    load: Import, folders: dict[str, str]
) -> None:
    away = load([a_row(0)], TRIAGE_DATABASE_URL="postgresql://u:hush@127.0.0.1:1/x")
    assert away.exit_code == 1
    assert "the database" in away.stderr
    assert "hush" not in away.output
    (Path(folders["TRIAGE_CONFIG_DIR"]) / "catalogue.yaml").write_text("no: catalogue\n")
    broken = load([a_row(0)])
    assert broken.exit_code == 1
    assert "catalogue.yaml" in broken.stderr


def test_texts_are_embedded_by_the_bundle_in_force_and_what_is_missing_by_the_next_run(
    load: Import, desk: Desk, starter_bundle: Path
) -> None:
    models = {"TRIAGE_MODELS_DIR": str(starter_bundle.parent)}
    rows = [a_row(0), a_row(1), a_row(2, title="Card payments declined by the acquirer")]
    left = load(rows, "--without-embeddings", **models)
    assert "Embeddings are left to the running service." in left.stdout
    assert desk.count("text_embedding") == 0
    assert told(load(rows, "--json", **models))["embedded"] == 2
    assert desk.count("text_embedding") == 2
    assert told(load(rows, "--json", **models))["embedded"] == 0


def test_a_bundle_that_is_gone_leaves_embeddings_to_the_service(load: Import, desk: Desk) -> None:
    with desk.database.connection() as db:
        db.execute("INSERT INTO active (kind, version, changed_by) VALUES ('bundle', 'gone-1', 'ann')")
    found = told(load([a_row(0)], "--json"))
    assert (found["incidents"], found["embedded"]) == (1, None)
    assert "gone-1" in found["not_embedded"] or "manifest" in found["not_embedded"]


def exported(database_url: str, file: Path) -> dict[str, HistoryRow]:
    arguments = ["export", "--output", str(file), "--with-unlabelled"]
    done = CliRunner().invoke(triage, arguments, env={"TRIAGE_DATABASE_URL": database_url})
    assert done.exit_code == 0, done.output
    return {row.id: row for row in read_history(file).rows}


def test_an_export_gives_back_what_was_imported_in_its_own_words(
    load: Import, desk: Desk, database_url: str, tmp_path: Path
) -> None:
    rows = [
        a_row(0, priority="2 - Rot", team="Group 70", label_source="responder", resolution="restarted"),
        a_row(1, team=None, duplicate_of="INC-0", resolved_at=(AT + timedelta(days=1)).isoformat()),
        a_row(2, priority="High", priority_source="model"),
        a_row(3, label_source="model"),
    ]
    told(load(rows, "--json"))
    live = desk.fire().incident
    Corrections(Incidents(desk.database), lambda: desk.active, desk.clock).override(
        live.id, "ann", priority="P1", team=None
    )
    given = {row.id: row for row in read_history(tmp_path / "history.jsonl").rows}
    found = exported(database_url, tmp_path / "export.jsonl")
    assert found.keys() == {*given, live.id}
    for name, row in given.items():
        back = found[name]
        assert (back.priority, back.team) == (
            (None, None) if row.label_source == "model" else (row.priority, row.team)
        )
        assert (back.incident, back.duplicate_of) == (row.incident, row.duplicate_of)
        assert (back.resolved_at, back.resolution) == (row.resolved_at, row.resolution)
    assert [found[f"INC-{n}"].label_source for n in range(4)] == ["responder", "history", "history", "model"]
    assert (found[live.id].priority, found[live.id].label_source) == ("P1", "reviewed")


def test_an_export_of_this_service_is_known_to_it(
    load: Import, desk: Desk, database_url: str, tmp_path: Path
) -> None:
    told(load([a_row(0), a_row(1, id=None)], "--json"))
    desk.fire()
    exported(database_url, tmp_path / "history.jsonl")
    again = told(load(None, "--json"))
    assert (again["known"], again["incidents"], desk.count("incident")) == (3, 0, 3)


HOLD_BACK = """
CREATE FUNCTION hold_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) FROM imported) > 0 THEN PERFORM pg_advisory_xact_lock(1); END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER hold_back BEFORE INSERT ON imported FOR EACH STATEMENT EXECUTE FUNCTION hold_back();
"""
"""Lets the first portion pass, and makes the second one wait in its middle."""


def test_being_told_to_stop_leaves_whole_portions_and_the_same_command_goes_on(
    load: Import, desk: Desk, database_url: str, tmp_path: Path, folders: dict[str, str]
) -> None:
    rows = [a_row(n, title=f"Backup {'abcdefghij'[n % 10]} did not finish") for n in range(700)]
    write(tmp_path / "history.jsonl", rows)
    command = [sys.executable, "-m", "triage", "import", str(tmp_path / "history.jsonl")]
    env = {
        **folders,
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": ":".join(filter(None, sys.path)),
        "TRIAGE_DATABASE_URL": database_url,
    }
    with psycopg.connect(database_url) as holder, psycopg.connect(database_url, autocommit=True) as watcher:
        watcher.execute(HOLD_BACK)
        holder.execute("SELECT pg_advisory_xact_lock(1)")
        process = subprocess.Popen(command, env=env, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 60
        while not waits(watcher):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
        watcher.execute("DROP TRIGGER hold_back ON imported")
    assert process.returncode == 1
    assert b"stopped: 250 incidents are stored; what is stored stays; the same command again goes on" in said
    assert b"Traceback" not in said
    assert desk.count("incident") == desk.count("imported") == desk.count("occurrence") == 250
    rest = told(load(None, "--json"))
    assert (rest["known"], rest["incidents"]) == (250, 450)
    with desk.database.connection() as db:
        total = db.execute("SELECT sum(occurrences) AS n FROM pattern").fetchone()
        beats = db.execute("SELECT sum(occurrences) AS n FROM pattern_beat").fetchone()
    assert total == beats == {"n": 700}


def waits(watcher: psycopg.Connection[Any]) -> bool:
    row = watcher.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").fetchone()
    return row is not None and row[0] > 0
