"""What a head must not see is no part of it, however well it would tell the labels apart."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from training.recipes import RECIPES
from training.train import TrainRequest, train
from triage.domain.incident import Incident
from triage.prediction.features import extract, fact_ids
from triage.prediction.predictor import Predictor
from triage.prediction.text import incident_text

Rows = list[dict[str, Any]]
IMPACTS = {"payments": "1 - High", "database": "1 - High", "network": "2 - Medium", "identity": "2 - Medium"}
CARD = Incident(title="Card payments declined by the acquirer", environment="production", source="helpdesk")


@pytest.fixture(scope="module")
def predictor(
    starter_bundle: Path, history_rows: Rows, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Predictor]:
    """Trained on a history in which severity spells the impact, and the team first chosen was mostly right."""
    rows = []
    for at, row in enumerate(history_rows[:160]):
        impact = IMPACTS.get(row["team"], "3 - Low")
        assigned = row["team"] if at % 10 else "workplace"
        rows.append(
            {**row, "impact": impact, "severity": f"sev {impact}", "urgency": impact, "assigned_team": assigned}
        )
    folder = tmp_path_factory.mktemp("hidden")
    history = folder / "history.jsonl"
    history.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    (folder / "models").mkdir()
    (folder / "models" / starter_bundle.name).symlink_to(starter_bundle)
    request = TrainRequest(
        history=history,
        models=folder / "models",
        recipe=RECIPES["quick"],
        created_at=datetime(2026, 1, 5, 9, 0, tzinfo=UTC),
    )
    predictor = Predictor.open(train(request).folder, workers=1)
    yield predictor
    predictor.close()


def ask(predictor: Predictor, incident: Incident):
    (found,) = predictor.suggest([incident], predictor.encoder.encode([incident_text(incident)]))
    return found


def ids_of(*facts: str) -> set[int]:
    return set(fact_ids(facts).tolist())


def test_a_history_with_impact_and_urgency_teaches_all_five_heads(predictor: Predictor):
    assert set(predictor.bundle.heads) == {"priority", "team", "second_look", "impact", "urgency"}
    found = ask(predictor, CARD)
    assert found.impact.value == found.urgency.value == "1 - High"
    assert predictor.bundle.heads["impact"].settings.conclusion.order == ("1 - High", "2 - Medium", "3 - Low")


@pytest.mark.parametrize("name", ["impact", "urgency"])
def test_how_bad_it_was_said_to_be_is_no_part_of_the_heads_that_say_it(predictor: Predictor, name: str):
    head = predictor.bundle.heads[name]
    ratings = [
        f"{field}={word}" for field in ("impact", "urgency") for word in ("1 - high", "2 - medium", "3 - low")
    ]
    severities = [f"severity=sev {word}" for word in ("1 - high", "2 - medium", "3 - low")]
    teams = [f"assigned_team={team}" for team in ("payments", "workplace", "network")]
    known = set(head.columns.fact_ids.tolist())
    assert known.isdisjoint(ids_of(*ratings, *severities, *teams))
    assert known >= ids_of("environment=production")
    assert set(predictor.bundle.heads["priority"].columns.fact_ids.tolist()) >= ids_of("severity=sev 1 - high")


@pytest.mark.parametrize(
    "changes",
    [
        {"severity": "sev 3 - Low"},
        {"severity": "sev 1 - High"},
        {"urgency": "3 - Low"},
        {"assigned_team": "workplace"},
    ],
)
def test_another_severity_or_urgency_changes_nothing_of_the_impact(predictor: Predictor, changes: dict[str, str]):
    assert ask(predictor, CARD.with_changes(**changes)).impact == ask(predictor, CARD).impact


@pytest.mark.parametrize("changes", [{"severity": "sev 3 - Low"}, {"impact": "3 - Low"}])
def test_another_severity_or_impact_changes_nothing_of_the_urgency(predictor: Predictor, changes: dict[str, str]):
    assert ask(predictor, CARD.with_changes(**changes)).urgency == ask(predictor, CARD).urgency


def test_what_was_stated_is_not_suggested(predictor: Predictor):
    found = ask(predictor, CARD.with_changes(impact="3 - Low"))
    assert found.impact.value is None
    assert found.urgency.value is not None
    both = ask(predictor, CARD.with_changes(impact="3 - Low", urgency="3 - Low"))
    assert (both.impact.value, both.urgency.value) == (None, None)


def test_the_team_that_somebody_chose_is_no_part_of_the_team_head(predictor: Predictor):
    chosen = ids_of(*(f"assigned_team={team}" for team in ("payments", "database", "network", "workplace")))
    assert set(predictor.bundle.heads["team"].columns.fact_ids.tolist()).isdisjoint(chosen)
    assert set(predictor.bundle.heads["second_look"].columns.fact_ids.tolist()) >= chosen


def test_another_chosen_team_changes_no_probability_of_the_team_head(predictor: Predictor):
    head = predictor.bundle.heads["team"]
    pieces, embedding = predictor.encoder.pieces_of(CARD.title), predictor.encoder.encode([CARD.title])[0]
    found = [
        head.probabilities(head.row(extract(incident, pieces, embedding, "plain"))).tolist()
        for incident in (CARD, CARD.with_changes(assigned_team="workplace"))
    ]
    assert found[0] == found[1]
