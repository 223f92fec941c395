import csv
import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import joblib
import pytest

from training.card import summary_of
from training.recipes import RECIPES
from training.train import TrainRequest, TrainResult, train
from triage.errors import HistoryError
from triage.prediction.bundle import open_bundle, verify

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
Rows = list[dict[str, Any]]
TrainRows = Callable[..., TrainResult]


@pytest.fixture
def models(starter_bundle: Path, tmp_path: Path) -> Path:
    models = tmp_path / "models"
    shutil.copytree(starter_bundle, models / starter_bundle.name)
    return models


@pytest.fixture
def train_rows(models: Path, tmp_path: Path) -> TrainRows:
    def write_and_train(rows: Rows, **options: Any) -> TrainResult:
        history = tmp_path / "history.jsonl"
        history.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        request = TrainRequest(
            history=history, models=models, recipe=RECIPES["default"], created_at=NOW, **options
        )
        return train(request)

    return write_and_train


def changed(rows: Rows, **values: Any) -> Rows:
    return [{**row, **values} for row in rows]


def test_a_history_of_four_hundred_rows_teaches_all_three_heads(trained_bundle: Path):
    bundle = open_bundle(trained_bundle)
    quality = bundle.manifest.quality
    assert quality["team"]["across"]["accuracy"] > 0.95
    assert quality["team"]["later"]["accuracy"] > 0.95
    assert quality["priority"]["across"]["accuracy"] > quality["priority"]["across"]["majority"] + 0.1
    assert bundle.heads["priority"].labels == ("Critical", "High", "Low", "Medium")


def test_a_prediction_that_acts_is_right_as_often_as_the_recipe_wants(trained_bundle: Path):
    quality = open_bundle(trained_bundle).manifest.quality
    assert quality["team"]["across"]["coverage"] > 0.9
    assert quality["team"]["across"]["accuracy_acting"] >= 0.9
    # High or Critical is a coin toss in this history, so the priority may seldom act.
    assert quality["priority"]["across"]["coverage"] < 0.6


def test_the_same_history_trains_the_same_heads(train_rows: TrainRows, history_rows: Rows):
    first, second = train_rows(history_rows[:120]), train_rows(history_rows[:120])
    assert verify(first.folder).files == verify(second.folder).files


def test_fifty_rows_are_enough_for_a_bundle(train_rows: TrainRows, history_rows: Rows):
    result = train_rows(history_rows[:50])
    assert "team" in open_bundle(result.folder).heads


def test_five_rows_teach_nothing_and_the_refusal_says_why(train_rows: TrainRows, models: Path, history_rows: Rows):
    with pytest.raises(HistoryError, match=r"nothing can be learnt from it: priority: .*; team: "):
        train_rows(history_rows[:5])
    assert len([path for path in models.iterdir() if not path.name.startswith(".")]) == 1


def test_a_history_with_one_team_teaches_only_the_priority(train_rows: TrainRows, history_rows: Rows):
    result = train_rows(changed(history_rows[:100], team="everything", assigned_team=None))
    assert set(open_bundle(result.folder).heads) == {"priority"}
    assert "Team: no head. only 'everything' has 3 rows or more" in summary_of(result.summary)


def test_rare_labels_are_left_out_and_named_with_their_rows(train_rows: TrainRows, history_rows: Rows):
    rows = [*history_rows[:100], {**history_rows[100], "team": "rare"}, {**history_rows[101], "team": "rare"}]
    result = train_rows(rows)
    assert result.summary.fits["team"].left_out == {"rare": 2}
    assert "rare (2)" in summary_of(result.summary)
    assert "rare" not in open_bundle(result.folder).heads["team"].labels


def test_missing_titles_and_labels_are_taken_as_they_are(train_rows: TrainRows, history_rows: Rows):
    rows = [
        {
            **row,
            "title": None if at % 7 == 0 else row["title"],
            "priority": float("nan") if at % 5 == 0 else "High",
        }
        for at, row in enumerate(history_rows[:150])
    ]
    result = train_rows(rows)
    assert result.summary.fits["team"].quality.rows == 150
    assert result.summary.fits["priority"].head is None


def test_labels_without_any_text_are_enough(train_rows: TrainRows, history_rows: Rows):
    rows = [
        {"labels": {"category": row["team"][:3], "floor": str(at % 4)}, "team": row["team"]}
        for at, row in enumerate(history_rows[:120])
    ]
    assert train_rows(rows).summary.fits["team"].quality.accuracy > 0.95


def test_a_label_that_spells_the_team_is_not_learnt_and_the_card_says_so(
    train_rows: TrainRows, history_rows: Rows
):
    rows = [
        {**row, "labels": {"owner": row["team"]}, "title": "Incident", "description": ""} for row in history_rows
    ]
    result = train_rows(changed(rows, service=None))
    assert result.summary.fits["team"].quality.accuracy < 0.6
    assert "labels.owner left out for team" in (result.folder / "card.md").read_text("utf-8")


def test_what_only_a_machine_labelled_is_not_trained_on(train_rows: TrainRows, history_rows: Rows):
    rows = [*history_rows[:100], *changed(history_rows[100:150], label_source="model", team="made up")]
    result = train_rows(rows)
    assert (result.summary.rows, result.summary.machine_labelled) == (100, 50)
    assert "made up" not in open_bundle(result.folder).heads["team"].labels


def test_one_source_can_be_chosen(train_rows: TrainRows, history_rows: Rows):
    rows = [*history_rows[:100], *changed(history_rows[100:150], source="other")]
    result = train_rows(rows, source="helpdesk")
    assert (result.summary.rows, result.summary.other_sources) == (100, 50)


def test_a_source_that_is_not_there_is_refused_with_those_that_are(train_rows: TrainRows, history_rows: Rows):
    with pytest.raises(HistoryError, match="there are helpdesk"):
        train_rows(history_rows[:20], source="nothing")


def test_choices_that_were_never_changed_teach_no_second_look(train_rows: TrainRows, history_rows: Rows):
    rows = [{**row, "assigned_team": row["team"]} for row in history_rows[:100]]
    result = train_rows(rows)
    assert "changed in 0 rows" in str(result.summary.fits["second_look"].reason)


def test_undated_rows_are_judged_across_the_history_only(train_rows: TrainRows, history_rows: Rows):
    result = train_rows(changed(history_rows[:120], occurred_at=None))
    assert result.summary.fits["team"].later is None
    assert result.summary.fits["team"].quality is not None


def test_copies_of_a_row_are_never_on_both_sides(train_rows: TrainRows, history_rows: Rows):
    """With random labels and ten copies of each row, copies on both sides would look like knowledge."""
    rows = [
        {**row, "team": f"team {at * 7 % 4}", "assigned_team": None} for at, row in enumerate(history_rows[:40])
    ]
    result = train_rows([{**row, "occurred_at": None} for row in rows for _ in range(10)])
    assert result.summary.fits["team"].quality.accuracy < 0.5


def test_a_csv_history_trains_as_well(models: Path, tmp_path: Path, history_rows: Rows):
    history = tmp_path / "history.csv"
    with history.open("w", newline="") as file:
        writer = csv.DictWriter(file, ("title", "description", "team"), extrasaction="ignore")
        writer.writeheader()
        writer.writerows(history_rows[:100])
    request = TrainRequest(history=history, models=models, recipe=RECIPES["default"], created_at=NOW)
    assert "team" in open_bundle(train(request).folder).heads


def test_the_head_files_of_a_trained_bundle_hold_no_word_of_the_history(trained_bundle: Path):
    content = joblib.load(trained_bundle / "heads/team.joblib")
    assert set(content) == {"classifier", "word_ids", "rarity", "fact_ids"}
    assert b"acquirer" not in (trained_bundle / "heads/team.joblib").read_bytes()
