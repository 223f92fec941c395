import csv
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import joblib
import pytest

from training.card import summary_of
from training.evaluation.measures import TargetFigures
from training.recipes import RECIPES, recipe_of
from training.train import TrainRequest, TrainResult, train
from triage.errors import HistoryError
from triage.prediction.bundle import open_bundle, verify

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
Rows = list[dict[str, Any]]
TrainRows = Callable[..., TrainResult]


def changed(rows: Rows, **values: Any) -> Rows:
    return [{**row, **values} for row in rows]


def figures(result: TrainResult, head: str) -> TargetFigures:
    found = result.summary.heads[head].figures
    assert found is not None, result.summary.heads[head].reason
    return found


def test_a_history_of_four_hundred_rows_teaches_all_three_heads(trained_bundle: Path):
    bundle = open_bundle(trained_bundle)
    quality = bundle.manifest.quality
    assert quality["team"]["held_out"]["accuracy"] > 0.95
    assert quality["second_look"]["held_out"]["accuracy"] > 0.95
    priority = quality["priority"]["held_out"]
    assert priority["accuracy"] > priority["majority"] + 0.1
    assert bundle.heads["priority"].labels == ("Critical", "High", "Low", "Medium")
    assert {quality[name]["split_by"] for name in ("team", "priority", "second_look")} == {"time"}


def test_a_prediction_that_acts_is_right_as_often_as_the_recipe_wants(trained_bundle: Path):
    quality = open_bundle(trained_bundle).manifest.quality
    assert quality["team"]["held_out"]["coverage"] > 0.9
    assert quality["team"]["held_out"]["accuracy_acting"] >= 0.9
    # High or Critical is a coin toss in this history, so the priority may seldom act.
    assert quality["priority"]["held_out"]["coverage"] < 0.6


def test_the_combinations_that_were_compared_are_told_the_chosen_one_first(trained_bundle: Path):
    manifest = open_bundle(trained_bundle).manifest
    for name, head in manifest.heads.items():
        compared = manifest.quality[name]["compared"]
        assert tuple(compared[0]["components"]) == head.combination
        assert len(compared) == len(RECIPES["default"].components) + len(RECIPES["default"].combinations)


def test_the_recipe_that_made_a_bundle_is_read_back_from_it(trained_bundle: Path):
    manifest = open_bundle(trained_bundle).manifest
    assert recipe_of(manifest.recipe) == RECIPES["default"]
    assert manifest.recipe["digest"] == RECIPES["default"].digest


def test_what_a_history_does_not_have_is_no_head_and_its_reason_is_told(trained_bundle: Path):
    quality = open_bundle(trained_bundle).manifest.quality
    assert (quality["impact"]["reason"], quality["urgency"]["reason"]) == ("no impact", "no urgency")


def test_fifty_rows_are_enough_for_a_bundle(train_rows: TrainRows, history_rows: Rows):
    result = train_rows(history_rows[:50], recipe=RECIPES["default"])
    assert "team" in open_bundle(result.folder).heads


def test_five_rows_teach_nothing_and_the_refusal_says_why(
    train_rows: TrainRows, bundles_and_scraps: Callable[[], set[str]], history_rows: Rows
):
    before = bundles_and_scraps()
    with pytest.raises(HistoryError, match=r"nothing can be learnt from it: priority: .*; team: "):
        train_rows(history_rows[:5])
    assert bundles_and_scraps() == before


def test_rare_labels_are_left_out_and_named_with_their_rows(train_rows: TrainRows, history_rows: Rows):
    rows = [*history_rows[:100], {**history_rows[100], "team": "rare"}]
    result = train_rows(rows)
    assert result.summary.heads["team"].left_out == {"rare": 1}
    assert "rare (1)" in summary_of(result.summary)
    assert "rare" not in open_bundle(result.folder).heads["team"].labels


def test_labels_without_any_text_are_enough(train_rows: TrainRows, history_rows: Rows):
    rows = [
        {"labels": {"category": row["team"][:3], "floor": str(at % 4)}, "team": row["team"]}
        for at, row in enumerate(history_rows[:120])
    ]
    # The few patterns that there are: six categories on four floors.
    assert figures(train_rows(rows), "team").accuracy.value > 0.7


def test_a_label_that_spells_the_team_is_not_learnt_and_the_card_says_so(
    train_rows: TrainRows, history_rows: Rows
):
    rows = [
        {**row, "labels": {"owner": row["team"]}, "title": f"Incident {at}", "description": ""}
        for at, row in enumerate(history_rows[:200])
    ]
    result = train_rows(changed(rows, service=None, environment=None, assigned_team=None, priority=None))
    assert "labels.owner left out for team" in (result.folder / "card.md").read_text("utf-8")
    assert figures(result, "team").accuracy.value < 0.6


def test_what_only_a_machine_labelled_is_not_trained_on(train_rows: TrainRows, history_rows: Rows):
    rows = [*history_rows[:100], *changed(history_rows[100:150], label_source="model", team="made up")]
    result = train_rows(rows)
    assert (result.summary.cleaning.kept, result.summary.cleaning.machine_labelled) == (100, 50)
    assert "made up" not in open_bundle(result.folder).heads["team"].labels


def test_one_source_can_be_chosen(train_rows: TrainRows, history_rows: Rows):
    rows = [*history_rows[:100], *changed(history_rows[100:150], source="other")]
    result = train_rows(rows, source="helpdesk")
    assert (result.summary.cleaning.rows, result.summary.other_sources) == (100, 50)


def test_a_source_that_is_not_there_is_refused_with_those_that_are(train_rows: TrainRows, history_rows: Rows):
    with pytest.raises(HistoryError, match="there are helpdesk"):
        train_rows(history_rows[:20], source="nothing")


def test_choices_that_were_never_changed_teach_no_second_look(train_rows: TrainRows, history_rows: Rows):
    rows = [{**row, "assigned_team": row["team"]} for row in history_rows[:100]]
    result = train_rows(rows)
    assert "changed in 0 rows" in str(result.summary.heads["second_look"].reason)
    assert "second_look" not in open_bundle(result.folder).heads


@pytest.mark.parametrize("field", ["occurred_at", "resolved_at"])
def test_undated_rows_are_judged_by_pattern_and_dated_ones_by_time(
    train_rows: TrainRows, history_rows: Rows, field: str
):
    result = train_rows(changed(history_rows[:220], **{field: None}))
    head = result.summary.heads["team"]
    assert head.by == ("pattern" if field == "occurred_at" else "time")
    assert figures(result, "team").rows > 0


def test_labels_that_were_not_known_by_then_are_told(train_rows: TrainRows, history_rows: Rows):
    rows = [
        {**row, "resolved_at": history_rows[min(at + 20, 399)]["occurred_at"]}
        for at, row in enumerate(history_rows)
    ]
    result = train_rows(rows[:220])
    assert result.summary.heads["team"].unknown_yet > 0
    # How urgent it was is said when it opens.
    assert result.summary.heads["priority"].unknown_yet == 0
    assert "not yet known then" in summary_of(result.summary)


def test_copies_of_a_row_are_never_on_both_sides(train_rows: TrainRows, history_rows: Rows):
    """With random labels and ten copies of each row, copies on both sides would look like knowledge."""
    rows = [
        {**row, "team": f"team {at * 7 % 4}", "assigned_team": None, "priority": None}
        for at, row in enumerate(history_rows[:40])
    ]
    result = train_rows([{**row, "id": None, "occurred_at": None} for row in rows for _ in range(10)])
    found = figures(result, "team")
    assert found.rows == 400
    assert found.accuracy.value < 0.5


def test_a_csv_history_trains_as_well(models: Path, tmp_path: Path, history_rows: Rows):
    history = tmp_path / "history.csv"
    with history.open("w", newline="") as file:
        writer = csv.DictWriter(file, ("title", "description", "team"), extrasaction="ignore")
        writer.writeheader()
        writer.writerows(history_rows[:100])
    request = TrainRequest(history=history, models=models, recipe=RECIPES["quick"], created_at=NOW)
    assert "team" in open_bundle(train(request).folder).heads


def test_the_head_files_of_a_trained_bundle_hold_no_word_of_the_history(trained_bundle: Path):
    for name in ("team", "priority", "second_look"):
        content = joblib.load(trained_bundle / f"heads/{name}.joblib")
        assert content.keys() >= {"coef", "intercept", "word_ids", "rarity", "fact_ids"}
        assert content.keys() <= {
            "coef",
            "intercept",
            "word_ids",
            "rarity",
            "fact_ids",
            "near_meaning",
            "near_labels",
        }
        assert b"acquirer" not in (trained_bundle / f"heads/{name}.joblib").read_bytes()


def test_the_same_history_trains_the_same_bundle_on_any_number_of_cores(
    train_rows: TrainRows, history_rows: Rows, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    first = train_rows(history_rows[:220], recipe=RECIPES["default"])
    monkeypatch.setattr("os.cpu_count", lambda: 6)
    second = train_rows(history_rows[:220], recipe=RECIPES["default"])
    assert (verify(second.folder).files, second.folder) == (verify(first.folder).files, first.folder)
    assert second.summary == first.summary
