"""``triage oncall`` at a terminal, with and without a database."""

from pathlib import Path

import icalendar
import pytest
from click.testing import CliRunner, Result

from triage.__main__ import triage

ROOT = Path(__file__).parents[2]
AT = ("--at", "2026-12-25T02:40+01:00")
NOWHERE = "postgresql://127.0.0.1:1/nothing"


def run(*arguments: str, url: str = NOWHERE) -> Result:
    environment = {"TRIAGE_CONFIG_DIR": str(ROOT / "config"), "TRIAGE_DATABASE_URL": url}
    return CliRunner().invoke(triage, ["oncall", *arguments], env=environment)


def test_without_a_database_schedules_are_told_as_they_are_written():
    result = run(*AT)
    assert result.exit_code == 0, result.output
    assert "Without swaps: " in result.stderr
    lines = {line.split()[0]: line for line in result.stdout.splitlines()}
    assert lines["payments"].endswith("Marta Kowalczyk until Mon 2026-12-28 09:00 Europe/Berlin, then Inês Prado")


def test_gaps_ahead_are_told(tmp_path: Path):
    text = (ROOT / "config" / "catalogue.yaml").read_text("utf-8")
    turns = "participants: [ines, tobias, marta], starts_on: 2026-01-05"
    (tmp_path / "catalogue.yaml").write_text(
        text.replace(turns, turns + ", hours: [{holidays: exclude}]"), "utf-8"
    )
    (tmp_path / "escalation.yaml").write_text((ROOT / "config" / "escalation.yaml").read_text("utf-8"), "utf-8")
    result = run(*AT, "--config", str(tmp_path), "--schedule", "payments", "--days", "3")
    assert "payments             NOBODY until Sun 2026-12-27 00:00 Europe/Berlin" in result.stdout
    assert "payments: nobody is on call from Fri 2026-12-25 02:40 to Sun 2026-12-27 00:00" in result.stdout


def test_calendar_is_written(tmp_path: Path):
    file = tmp_path / "payments.ics"
    assert run(*AT, "--schedule", "payments", "--ics", str(file)).exit_code == 0
    events = icalendar.Calendar.from_ical(file.read_bytes()).walk("VEVENT")
    assert "Marta Kowalczyk is on call: payments" in {str(event["SUMMARY"]) for event in events}


def test_swaps_of_the_database_count(database_url: str, desk):
    desk.keep()
    result = run(*AT, "--schedule", "payments", url=database_url)
    assert (result.exit_code, result.stderr) == (0, "")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--schedule", "nothing"), "no schedule 'nothing'; there are triage-desk, payments"),
        (("--ics", "x.ics"), "--ics needs --schedule"),
    ],
)
def test_what_cannot_be_told_is_said(options, said):
    result = run(*options)
    assert result.exit_code == 2
    assert said in result.output
