"""``triage simulate`` and ``triage backtest`` as somebody at a terminal uses them."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.fixtures_store import Desk
from triage.__main__ import triage

ROOT = Path(__file__).parents[2]
AT = "2026-12-25T02:40+01:00"
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a command on the shipped configuration; ``{tmp}`` in an argument is the test's folder."""

    def command(*arguments: str, **environment: str) -> Result:
        given = [argument.replace("{tmp}", str(tmp_path)) for argument in arguments]
        return CliRunner().invoke(triage, given, env={"TRIAGE_CONFIG_DIR": str(ROOT / "config"), **environment})

    return command


def test_simulation_is_drawn(run: Run):
    result = run("simulate", "--at", AT, "--set", "service=payment-gateway", "--priority", "P1", "--answer", "7m")
    assert result.exit_code == 0, result.output
    assert "Friday, a holiday, at night" in result.output
    assert "page Marta Kowalczyk [oncall:payments] as responsible, is woken; until 02:45" in result.output


def test_scenario_of_a_file_with_options_before_it(run: Run, tmp_path: Path):
    (tmp_path / "s.yaml").write_text(f"at: {AT}\nincident: {{service: checkout}}\npriority: P1\nuntil: 1h\n")
    result = run("simulate", "{tmp}/s.yaml", "--priority", "P4", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    assert (told["decisions"][0]["priority"], told["decisions"][0]["team"]) == ("P4", "storefront")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--set", "servce=x"), "unknown field 'servce'; did you mean 'service'?"),
        (("--set", "service"), "--set service: expected NAME=VALUE"),
        (("--team", "nowhere"), "unknown team 'nowhere'"),
        (("--priority", "P9"), "priority: Input should be 'P1', 'P2', 'P3', 'P4' or 'P5'"),
        (("--at", "2026-12-25T02:40"), "which time zone?"),
        (("--at", "tomorrow"), "expected such as 2026-12-25T02:40+01:00"),
        (("--until", "40d"), "until is more than nothing and at most 31d"),
        (("--answer", "soon"), "expected a length of time such as '15m'"),
        (("--config", "{tmp}"), "catalogue.yaml: there is no such file"),
    ],
)
def test_what_cannot_be_simulated_is_said_in_one_line(run: Run, options, said):
    result = run("simulate", *options)
    assert result.exit_code != 0
    assert said in result.output
    assert "Traceback" not in result.output


HISTORY = [
    {
        "id": "a",
        "title": "Disk is full",
        "service": "orders-db",
        "occurred_at": "2026-03-02T02:00:00Z",
        "priority": "High",
    },
    {
        "id": "b",
        "title": "Disk is full",
        "service": "orders-db",
        "occurred_at": "2026-03-02T12:00:00Z",
        "priority": "High",
    },
    {"id": "c", "title": "No time", "service": "orders-db", "priority": "High", "team": "Unknown crew"},
]


@pytest.fixture
def proposed(tmp_path: Path) -> Path:
    """The shipped configuration, with nobody told of a full disk at night in Berlin."""
    folder = shutil.copytree(ROOT / "config", tmp_path / "proposed")
    policy = folder / "escalation.yaml"
    rule = (
        "rules:\n  - {id: hush, owner: sre, review_after: 2030-01-01,"
        " when: \"incident.title == 'Disk is full' && time.hour < 6\", then: {suppress: it can wait}}\n"
    )
    policy.write_text(policy.read_text("utf-8").replace("rules:\n", rule, 1), "utf-8")
    return folder


def test_backtest_of_a_history_file_tells_who_is_woken_less(run: Run, tmp_path: Path, proposed: Path):
    (tmp_path / "h.jsonl").write_text("\n".join(json.dumps(row) for row in HISTORY))
    result = run("backtest", "{tmp}/h.jsonl", "--proposed", str(proposed), "--missed", "0", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["before"]["incidents"], told["before"]["paged_incidents"]) == (2, 2)
    assert (told["after"]["suppressed"], told["after"]["paged_incidents"]) == (1, 1)
    assert "1 rows tell no time and are left out." in result.stderr


def test_backtest_says_which_words_the_catalogue_does_not_know(run: Run, tmp_path: Path, proposed: Path):
    rows = [{**HISTORY[0], "team": "Group 70", "priority": "Blocker"}]
    (tmp_path / "h.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    result = run("backtest", "{tmp}/h.jsonl", "--proposed", str(proposed))
    assert result.exit_code == 0, result.output
    assert "1 priorities of the history are not in the catalogue, such as Blocker." in result.stderr
    assert "1 teams of the history are not in the catalogue, such as Group 70." in result.stderr


def test_backtest_of_what_was_decided_here(run: Run, desk: Desk, database_url: str, tmp_path: Path):
    desk.fire(title="Something is wrong")
    folder = tmp_path / "same"
    folder.mkdir()
    (folder / "catalogue.yaml").write_text(desk.configuration.catalogue_text)
    (folder / "escalation.yaml").write_text(desk.configuration.policy_text)
    result = run(
        *("backtest", "--proposed", str(folder), "--config", str(folder), "--days", "3650"),
        TRIAGE_DATABASE_URL=database_url,
    )
    assert result.exit_code == 0, result.output
    assert "Nobody's load changes." in result.stdout


def test_backtest_of_nothing_is_said(run: Run, database_url: str, proposed: Path):
    result = run("backtest", "--proposed", str(proposed), TRIAGE_DATABASE_URL=database_url)
    assert result.exit_code == 1
    assert "there is no incident in that history; nothing to compare" in result.output


def test_check_of_the_shipped_example_finds_nothing(run: Run):
    result = run("check", "--at", "2026-11-26T12:00Z", "--strict")
    assert (result.exit_code, result.output.splitlines()[-1].endswith("No fault found.")) == (0, True)


def test_check_tells_what_where_and_the_mend_and_ends_with_one(run: Run, proposed: Path):
    policy = proposed / "escalation.yaml"
    policy.write_text(policy.read_text("utf-8").replace("&& time.hour < 6", "&& incident.title == 'x'"), "utf-8")
    result = run("check", str(proposed), "--at", "2026-11-26T12:00Z")
    assert result.exit_code == 1
    assert "error: rule-never. A rule's condition can never be true." in result.output
    assert "rule hush: it never matches: incident.title would have to have two values at once" in result.output
    assert "→ Mend the condition" in result.output
    told = json.loads(run("check", str(proposed), "--at", "2026-11-26T12:00Z", "--json").stdout)
    assert [one["code"] for one in told["findings"]] == ["rule-never"]


def test_warnings_alone_end_with_one_only_when_strict(run: Run):
    at = ("--at", "2027-05-01T12:00Z")
    assert (run("check", *at).exit_code, run("check", *at, "--strict").exit_code) == (0, 1)
