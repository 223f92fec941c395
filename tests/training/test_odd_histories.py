"""Whatever a history is like, a training ends with a bundle or with one clear sentence, and never with a scrap."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from training.card import summary_of
from training.recipes import RECIPES
from training.train import TrainRequest, TrainResult, train
from triage.domain.incident import Incident
from triage.errors import HistoryError
from triage.prediction.bundle import open_bundle
from triage.prediction.predictor import Predictor
from triage.prediction.text import incident_text

Rows = list[dict[str, Any]]
TrainRows = Callable[..., TrainResult]
Scraps = Callable[[], set[str]]
NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)

TITLES = {
    "betalningar": (
        "Kortbetalningar nekas av inlösaren",
        "Återbetalning fastnar i kön",
        "Avstämningsfilen saknas",
    ),
    "Netzwerk": ("VPN-Tunnel zur Filiale ist unterbrochen", "DNS löst interne Namen nicht auf", "Paketverlust"),
    "stockage": ("La sauvegarde de nuit a échoué", "L'instantané date d'hier", "Le bac renvoie 503"),
    "身份": ("用户无法登录", "密码重置邮件未发送", "证书已过期"),
}


def heads_of(result: TrainResult) -> dict[str, tuple[str, ...]]:
    return {name: head.labels for name, head in open_bundle(result.folder).heads.items()}


def plain(rows: Rows, **values: Any) -> Rows:
    """Rows with nothing to learn but a team, unless ``values`` say more."""
    return [{**row, "assigned_team": None, "priority": None, **values} for row in rows]


def ask(result: TrainResult, title: str, **fields: Any) -> str | None:
    predictor = Predictor.open(result.folder)
    incident = Incident(title=title, **fields)
    (found,) = predictor.suggest([incident], predictor.encoder.encode([incident_text(incident)]))
    predictor.close()
    return found.team.value


def test_two_labels_are_told_apart(train_rows: TrainRows, history_rows: Rows):
    rows = [row for row in plain(history_rows) if row["team"] in {"payments", "network"}]
    result = train_rows(rows[:100])
    assert heads_of(result) == {"team": ("network", "payments")}
    assert ask(result, "Card payments declined by the acquirer") == "payments"
    assert ask(result, "Packet loss between sites") == "network"


def test_a_label_of_the_last_days_only_is_learnt(train_rows: TrainRows, history_rows: Rows):
    rows = plain(history_rows[:220])
    late = [
        {**row, "id": f"late {at}", "title": f"Coffee machine {at} of the canteen is broken", "team": "kitchen"}
        for at, row in enumerate(plain(history_rows[212:220], service=None, environment=None, description=""))
    ]
    result = train_rows([*rows, *late])
    assert "kitchen" in heads_of(result)["team"]
    assert ask(result, "Coffee machine of the canteen is broken") == "kitchen"


def test_forty_percent_missing_titles_are_no_obstacle(train_rows: TrainRows, history_rows: Rows):
    rows = [
        {**row, "title": None if at % 5 < 2 else row["title"]} for at, row in enumerate(plain(history_rows[:150]))
    ]
    result = train_rows(rows)
    assert result.summary.bad_rows == ()
    assert result.summary.cleaning.kept == 150
    assert ask(result, "Card payments declined by the acquirer") == "payments"


def test_rows_of_neither_title_nor_description_go_by_their_facts(train_rows: TrainRows, history_rows: Rows):
    rows = [
        {**row, "title": "", "description": "", "labels": {"unit": row["team"][:4], "desk": str(at % 9)}}
        for at, row in enumerate(plain(history_rows[:150]))
    ]
    assert len(heads_of(train_rows(rows))["team"]) == 6


def test_mixed_languages_and_scripts_are_learnt(train_rows: TrainRows):
    rows = [
        {"id": f"{team} {at}", "title": f"{title} {at * 37}", "team": team}
        for team, titles in TITLES.items()
        for at, title in enumerate(titles * 8)
    ]
    result = train_rows(rows)
    assert heads_of(result) == {"team": tuple(sorted(TITLES))}
    for team, titles in TITLES.items():
        assert ask(result, titles[0]) == team


def test_labels_that_are_not_a_number_are_no_labels(train_rows: TrainRows, history_rows: Rows):
    rows = [
        {
            **row,
            "priority": float("nan") if at % 3 else "High",
            "team": float("nan") if at % 5 == 0 else row["team"],
        }
        for at, row in enumerate(history_rows[:150])
    ]
    result = train_rows(rows)
    cleaned = {found.target: found for found in result.summary.cleaning.targets}
    assert (cleaned["team"].rows, cleaned["team"].unlabelled) == (120, 30)
    assert "only 'High' has 2 rows or more" in str(result.summary.heads["priority"].reason)
    assert "nan" not in heads_of(result)["team"]


def test_a_history_with_one_team_teaches_only_the_priority(train_rows: TrainRows, history_rows: Rows):
    result = train_rows([{**row, "team": "everything", "assigned_team": None} for row in history_rows[:100]])
    assert set(heads_of(result)) == {"priority"}
    assert "Team: no head. only 'everything' has 2 rows or more" in summary_of(result.summary)


def test_a_label_of_one_row_is_left_to_rules(train_rows: TrainRows, history_rows: Rows):
    rows = plain(history_rows[:100])
    rows[50]["team"] = "only once"
    result = train_rows(rows)
    assert "only once" not in heads_of(result)["team"]
    assert result.summary.heads["team"].left_out == {"only once": 1}


@pytest.mark.parametrize(("title", "dated"), [("Incident", True), ("Incident", False), ("", True)])
def test_where_all_rows_read_the_same_nothing_can_be_learnt(
    train_rows: TrainRows, bundles_and_scraps: Scraps, history_rows: Rows, title: str, dated: bool
):
    rows = [
        {"id": row["id"], "title": title, "labels": {"a": "b"}, "team": row["team"]}
        | ({"occurred_at": row["occurred_at"]} if dated else {})
        for row in history_rows[:250]
    ]
    before = bundles_and_scraps()
    with pytest.raises(HistoryError, match=r"nothing can be learnt from it: .*team: all rows read the same"):
        train_rows(rows)
    assert bundles_and_scraps() == before


def test_equal_texts_with_different_facts_go_by_the_facts(train_rows: TrainRows, history_rows: Rows):
    rows = [
        {**row, "title": "Incident", "description": "", "service": f"{row['team'][:3]}-{at % 9}"}
        for at, row in enumerate(plain(history_rows[:200]))
    ]
    result = train_rows(rows)
    assert ask(result, "Incident", service="pay-1", environment="production") == "payments"


def test_rows_that_each_say_something_else_teach_nothing(
    train_rows: TrainRows, bundles_and_scraps: Scraps, history_rows: Rows
):
    rows = [
        {"id": row["id"], "title": "", "labels": {f"k{at}": "v"}, "team": row["team"]}
        for at, row in enumerate(history_rows[:150])
    ]
    before = bundles_and_scraps()
    with pytest.raises(HistoryError, match=r"team: the rows say nothing by which"):
        train_rows(rows)
    assert bundles_and_scraps() == before


@pytest.mark.parametrize("labels", [4, 2])
def test_twelve_rows_are_enough_for_a_head(train_rows: TrainRows, labels: int):
    rows = [
        {"title": f"{list(TITLES.values())[at % labels][at // labels % 3]} {at}", "team": f"team {at % labels}"}
        for at in range(12)
    ]
    assert len(heads_of(train_rows(rows))["team"]) == labels


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "holds no rows"),
        ("\n\n", "holds no rows"),
        ("title,team\n", "holds no rows"),
        (
            "Summary,Queue,Opened\nPrinter jams,desk,2025-01-01\n",
            "expected the columns title or labels, and priority or team; found Summary, Queue, Opened",
        ),
        ("title,queue\nPrinter jams,desk\n", "and priority or team; found title, queue"),
        ('{"subject": "Printer jams", "team": "desk"}\n', "expected the columns title or labels"),
        ('{"title": "a", "team": "b"}\nno JSON\n', "1 of 2 rows (50.0%) are bad, more than 5%. First: line 2"),
    ],
    ids=["empty", "blank", "header only", "other columns", "no label", "no title", "half bad"],
)
def test_a_file_that_cannot_be_trained_on_is_refused_with_what_is_wrong(
    models: Path, tmp_path: Path, bundles_and_scraps: Scraps, content: str, reason: str
):
    history = tmp_path / "history"
    history.write_text(content)
    request = TrainRequest(history=history, models=models, recipe=RECIPES["quick"], created_at=NOW)
    before = bundles_and_scraps()
    with pytest.raises(HistoryError) as refused:
        train(request)
    assert reason in str(refused.value)
    assert bundles_and_scraps() == before
