import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from triage.domain.decision import DecisionSource, LabelSuggestion
from triage.domain.incident import Incident
from triage.prediction.explanation import MEANING
from triage.prediction.head import load_head
from triage.prediction.head_file import read_head_file
from triage.prediction.predictor import Predictor
from triage.prediction.text import incident_text

CARD = Incident(
    title="Card payments declined by the acquirer for some users",
    description="Seen on checkout in us-east.",
    environment="production",
    source="helpdesk",
)


@pytest.fixture(scope="module")
def predictor(trained_bundle: Path) -> Iterator[Predictor]:
    predictor = Predictor.open(trained_bundle, workers=1)
    yield predictor
    predictor.close()


@pytest.fixture(scope="module")
def incidents(history_rows: list[dict[str, Any]]) -> list[Incident]:
    fields = ("title", "description", "service", "environment", "labels", "source")
    return [Incident(**{name: row[name] for name in fields}) for row in history_rows[:40]]


def ask(predictor: Predictor, *incidents: Incident):
    return predictor.suggest(incidents, predictor.encoder.encode([incident_text(one) for one in incidents]))


def test_the_team_that_such_incidents_went_to_is_suggested(predictor: Predictor):
    (suggestion,) = ask(predictor, CARD)
    assert suggestion.team.value == "payments"
    assert not suggestion.team.abstained
    assert suggestion.team.source is DecisionSource.MODEL
    assert suggestion.bundle == predictor.version


def test_probabilities_of_all_labels_sum_to_one(predictor: Predictor):
    (suggestion,) = ask(predictor, CARD)
    for found in (suggestion.priority, suggestion.team):
        listed = [found.probability, *(one.probability for one in found.alternatives)]
        assert sum(listed) == pytest.approx(1.0, abs=1e-9)
        assert listed == sorted(listed, reverse=True)


def test_the_next_labels_are_named_as_alternatives(predictor: Predictor):
    (suggestion,) = ask(predictor, CARD)
    assert len(suggestion.team.alternatives) == 5
    assert "payments" not in {one.value for one in suggestion.team.alternatives}


def test_a_text_about_nothing_known_abstains(predictor: Predictor):
    (suggestion,) = ask(predictor, Incident(title="Lunch menu of the canteen"))
    assert suggestion.team.abstained
    assert suggestion.team.value is not None


def test_suggestions_do_not_depend_on_the_batch_or_its_order(predictor: Predictor, incidents: list[Incident]):
    alone = {one.title + one.description: ask(predictor, one)[0] for one in incidents}
    shuffled = random.Random(3).sample(incidents, len(incidents))
    assert ask(predictor, *shuffled) == [alone[one.title + one.description] for one in shuffled]


def test_another_process_opening_a_copy_suggests_the_same(
    predictor: Predictor, trained_bundle: Path, tmp_path: Path, incidents: list[Incident]
):
    copy = Predictor.open(Path(shutil.copytree(trained_bundle, tmp_path / trained_bundle.name)), workers=2)
    assert ask(copy, *incidents) == ask(predictor, *incidents)


def test_a_starter_bundle_suggests_nothing_and_says_who_was_asked(starter_bundle: Path):
    predictor = Predictor.open(starter_bundle)
    (suggestion,) = ask(predictor, CARD)
    assert suggestion.team == suggestion.priority == LabelSuggestion(source=DecisionSource.MODEL)
    assert suggestion.bundle == starter_bundle.name


def test_the_explanation_names_words_and_facts_that_a_reader_knows(predictor: Predictor):
    (suggestion,) = ask(predictor, CARD)
    names = [feature.feature for feature in suggestion.features]
    weights = [feature.weight for feature in suggestion.features]
    assert weights == sorted(weights, reverse=True)
    assert all(name == MEANING or name.startswith("word: ") or "=" in name for name in names)
    words = [name.removeprefix("word: ") for name in names if name.startswith("word: ")]
    assert any(word in {"card", "payments", "acquirer", "checkout"} for word in words)
    assert all(word in incident_text(CARD).casefold() for word in words)
    assert "environment=production" in names


def test_taking_the_heaviest_fact_away_lowers_the_probability_it_spoke_for(predictor: Predictor):
    with_fact, without = ask(predictor, CARD, CARD.with_changes(environment=None))
    at = {one.value: one.probability for one in without.priority.alternatives}
    at[without.priority.value] = without.priority.probability
    assert with_fact.priority.probability > at[with_fact.priority.value]


def test_a_wrong_team_chosen_by_somebody_is_doubted(predictor: Predictor):
    (suggestion,) = ask(predictor, CARD.with_changes(assigned_team="Workplace"))
    look = suggestion.second_look
    assert look is not None
    assert look.looks_wrong
    assert look.better_team == suggestion.team.value == "payments"
    assert look.probability < 0.5 < look.better_probability


def test_a_right_team_chosen_by_somebody_is_confirmed(predictor: Predictor):
    (suggestion,) = ask(predictor, CARD.with_changes(assigned_team="PAYMENTS"))
    look = suggestion.second_look
    assert look is not None
    assert not look.looks_wrong
    assert look.better_team is None
    assert look.probability == suggestion.team.probability


def with_doubt(predictor: Predictor, doubt: float | None) -> Predictor:
    """The same predictor but for how improbable a chosen team must be to look wrong."""
    bundle, file = predictor.bundle, "heads/second_look.joblib"
    settings = bundle.heads["second_look"].settings
    changed = replace(settings, conclusion=replace(settings.conclusion, doubt=doubt))
    head = load_head(file, changed, read_head_file(bundle.folder, file), bundle.encoder.dimensions)
    return Predictor(replace(bundle, heads={**bundle.heads, "second_look": head}))


def looks_wrong(predictor: Predictor, team: str) -> bool:
    look = ask(predictor, CARD.with_changes(assigned_team=team))[0].second_look
    assert look is not None
    return look.looks_wrong


def test_a_chosen_team_looks_wrong_from_the_learnt_improbability_on(predictor: Predictor):
    look = ask(predictor, CARD.with_changes(assigned_team="workplace"))[0].second_look
    assert look is not None
    exactly = 1.0 - look.probability
    assert looks_wrong(with_doubt(predictor, exactly), "workplace")
    assert not looks_wrong(with_doubt(predictor, np.nextafter(exactly, 2)), "workplace")
    assert not looks_wrong(with_doubt(predictor, None), "workplace")


def test_the_most_probable_team_never_looks_wrong(predictor: Predictor):
    assert not looks_wrong(with_doubt(predictor, 0.0), "payments")


def test_a_chosen_team_never_seen_before_looks_wrong_to_a_sure_suggestion_only(predictor: Predictor):
    assert looks_wrong(with_doubt(predictor, None), "brand new")
    canteen = Incident(title="Lunch menu of the canteen", assigned_team="brand new")
    look = ask(with_doubt(predictor, 0.0), canteen)[0].second_look
    assert look is not None
    assert not look.looks_wrong


def test_a_chosen_team_never_seen_before_has_no_probability(predictor: Predictor):
    (suggestion,) = ask(predictor, CARD.with_changes(assigned_team="brand new"))
    assert suggestion.second_look is not None
    assert suggestion.second_look.probability == 0.0


def test_without_a_chosen_team_there_is_no_second_look(predictor: Predictor):
    assert ask(predictor, CARD)[0].second_look is None


def test_odd_incidents_get_a_suggestion_like_any_other(predictor: Predictor):
    odd = [
        Incident(),
        Incident(title="\x00\ud800"),
        Incident(title="🚨" * 300),
        Incident(title="a", labels={f"k{n}": "v" for n in range(10_000)}),
        Incident(title="مشكلة", description="x" * 32_768),
    ]
    for suggestion in ask(predictor, *odd):
        assert 0.0 < suggestion.team.probability <= 1.0
        assert np.isfinite([feature.weight for feature in suggestion.features]).all()
