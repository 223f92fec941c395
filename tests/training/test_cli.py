import json
import math
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from training.__main__ import cli, main
from triage.errors import TriageError

ROOT = Path(__file__).resolve().parents[2]
Rows = list[dict[str, Any]]


@pytest.fixture
def models(trained_bundle: Path, starter_bundle: Path, tmp_path: Path) -> Path:
    for bundle in (trained_bundle, starter_bundle):
        shutil.copytree(bundle, tmp_path / "models" / bundle.name)
    return tmp_path / "models"


@pytest.fixture
def incidents(tmp_path: Path, history_rows: Rows) -> Path:
    file = tmp_path / "incidents.jsonl"
    rows = [{key: row[key] for key in ("id", "title", "description", "environment")} for row in history_rows[:30]]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return file


def run(*arguments: object) -> str:
    result = CliRunner(catch_exceptions=False).invoke(cli, [str(a) for a in arguments])
    assert result.exit_code == 0
    return result.stdout


def test_predict_writes_one_object_a_line_in_the_histories_words(models: Path, incidents: Path, tmp_path: Path):
    run("predict", "--models", models, "--input", incidents, "--output", tmp_path / "out.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    assert [line["id"] for line in lines] == [f"INC-{n:05d}" for n in range(30)]
    for line in lines:
        assert set(line) == {"id", "priority", "team"}
        for target, least in (("priority", 3), ("team", 4)):
            told = {"value", "probability", "abstained", "alternatives", "choice"}
            assert told <= set(line[target]) <= told | {"set", "raised"}
            assert line[target]["choice"] in [line[target]["value"]] + [
                one["value"] for one in line[target]["alternatives"]
            ]
            assert len(line[target]["alternatives"]) >= least
            probabilities = [
                line[target]["probability"],
                *(one["probability"] for one in line[target]["alternatives"]),
            ]
            assert math.isclose(sum(probabilities), 1.0, abs_tol=1e-9)
        assert line["priority"]["value"] in {"Low", "Medium", "High", "Critical"}


def test_predict_adds_the_second_look_where_a_team_was_chosen(models: Path, tmp_path: Path, history_rows: Rows):
    (tmp_path / "in.jsonl").write_text(json.dumps({**history_rows[0], "assigned_team": "network"}) + "\n")
    run("predict", "--models", models, "--input", tmp_path / "in.jsonl", "--output", tmp_path / "out.jsonl")
    line = json.loads((tmp_path / "out.jsonl").read_text("utf-8"))
    assert line["second_look"]["assigned_team"] == "network"


def test_predict_tells_the_promised_set_of_teams_most_probable_first(
    models: Path, incidents: Path, tmp_path: Path
):
    run("predict", "--models", models, "--input", incidents, "--output", tmp_path / "out.jsonl")
    for line in map(json.loads, (tmp_path / "out.jsonl").read_text("utf-8").splitlines()):
        found = line["team"]
        ranked = [found["value"], *(one["value"] for one in found["alternatives"])]
        assert found["set"] == ranked[: len(found["set"])]
        assert found["set"]


def test_predict_with_a_starter_bundle_is_null_for_both(
    models: Path, incidents: Path, tmp_path: Path, starter_bundle: Path
):
    out = tmp_path / "out.jsonl"
    run("predict", "--models", models, "--version", starter_bundle.name, "--input", incidents, "--output", out)
    assert json.loads(out.read_text("utf-8").splitlines()[0]) == {
        "id": "INC-00000",
        "priority": None,
        "team": None,
    }


def test_predict_as_json_sums_up_for_programs(models: Path, incidents: Path, tmp_path: Path, trained_bundle: Path):
    out = tmp_path / "out.jsonl"
    found = json.loads(run("predict", "--models", models, "--input", incidents, "--output", out, "--json"))
    assert (found["version"], found["rows"], found["bad_rows"]) == (trained_bundle.name, 30, [])
    assert 0 < found["acting"]["team"] <= 30


def test_starter_where_there_is_one_does_nothing_and_prints_its_version(models: Path, starter_bundle: Path):
    assert run("starter", "--models", models).strip() == starter_bundle.name
    assert json.loads(run("starter", "--models", models, "--json")) == {
        "version": starter_bundle.name,
        "made": False,
    }


def test_train_prints_the_version_for_programs_and_a_summary_for_people(
    models: Path, tmp_path: Path, history_rows: Rows
):
    history = tmp_path / "history.jsonl"
    history.write_text("".join(json.dumps(row) + "\n" for row in history_rows[:100]), "utf-8")
    result = CliRunner().invoke(cli, ["train", "--history", str(history), "--models", str(models)])
    assert (models / result.stdout.strip() / "manifest.json").is_file()
    assert "Team: 6 labels, by " in result.stderr
    assert "acts alone on" in result.stderr
    found = json.loads(run("train", "--history", history, "--models", models, "--json"))
    assert set(found["heads"]) == {"priority", "team", "second_look", "impact", "urgency"}
    assert (found["rows"], found["heads"]["impact"]["reason"]) == (100, "no impact")


@pytest.mark.parametrize(
    "arguments",
    [
        ("predict", "--models", "{models}", "--input", "{missing}", "--output", "{out}"),
        ("predict", "--models", "{missing}", "--input", "{incidents}", "--output", "{out}"),
        ("predict", "--models", "{models}", "--version", "none", "--input", "{incidents}", "--output", "{out}"),
        ("predict", "--models", "{models}", "--version", "..", "--input", "{incidents}", "--output", "{out}"),
        ("train", "--models", "{models}", "--history", "{incidents}"),
    ],
)
def test_a_refusal_ends_with_one_and_a_reason_and_writes_nothing(
    models: Path,
    incidents: Path,
    tmp_path: Path,
    arguments: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys,
):
    places = {"models": models, "incidents": incidents, "missing": tmp_path / "missing", "out": tmp_path / "out"}
    before = sorted(path.name for path in models.iterdir())
    monkeypatch.setattr(sys, "argv", ["training", *(argument.format(**places) for argument in arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert "error: " in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert sorted(path.name for path in models.iterdir()) == before


def test_a_broken_bundle_is_refused_by_predict_with_its_file(
    models: Path, incidents: Path, tmp_path: Path, trained_bundle: Path
):
    (models / trained_bundle.name / "heads/team.joblib").write_bytes(b"x")
    with pytest.raises(TriageError, match=r"heads/team\.joblib"):
        run("predict", "--models", models, "--input", incidents, "--output", tmp_path / "out.jsonl")
    assert [path for path in tmp_path.iterdir() if "out.jsonl" in path.name] == []


def test_wrong_usage_ends_with_two():
    ended = subprocess.run([sys.executable, "-m", "training", "train"], cwd=ROOT, capture_output=True, check=False)
    assert ended.returncode == 2
    assert b"--history" in ended.stderr
