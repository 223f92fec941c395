"""Where priority and team come from, before any rule."""

from dataclasses import replace

import pytest

from tests.fixtures_store import Clock, an_event
from triage.domain.decision import (
    Alternative,
    DecisionSource,
    LabelSuggestion,
    SecondLook,
    Suggestion,
    TriageOverride,
)
from triage.domain.incident import Incident
from triage.domain.priority import Priority
from triage.rules.baseline import Baseline, Said, baseline
from triage.rules.configuration import Configuration

SILENT = LabelSuggestion(source=DecisionSource.CATALOGUE)


def start(
    configuration: Configuration,
    incident: Incident,
    *,
    suggestion: Suggestion | None = None,
    words: LabelSuggestion = SILENT,
    override: TriageOverride | None = None,
    correction: TriageOverride | None = None,
) -> Baseline:
    said = Said(
        incident=incident,
        suggestion=suggestion or Suggestion(),
        words=words,
        override=override,
        correction=correction,
    )
    return baseline(said, configuration.catalogue)


def sure(value: str, probability: float = 0.9, **others: float) -> LabelSuggestion:
    alternatives = tuple(Alternative(value=v, probability=p) for v, p in others.items())
    return LabelSuggestion(value=value, probability=probability, abstained=False, alternatives=alternatives)


def unsure(value: str) -> LabelSuggestion:
    return LabelSuggestion(value=value, probability=0.4, abstained=True)


@pytest.mark.parametrize(
    ("fields", "value", "source"),
    [
        ({"severity": "critical"}, "P1", "reported"),
        ({"severity": "CRITICAL "}, "P1", "reported"),
        ({"severity": None, "impact": "High", "urgency": "low"}, "P3", "matrix"),
        ({"severity": "critical", "impact": "high", "urgency": "low"}, "P1", "reported"),
        ({"severity": "info", "impact": "high", "urgency": "high"}, "P1", "matrix"),
        ({"severity": "P2"}, "P2", "reported"),
        ({"severity": None}, "P3", "fallback"),
        ({"severity": "unheard of"}, "P3", "fallback"),
    ],
)
def test_without_a_model_the_priority_is_what_was_stated(
    configuration: Configuration, fields: dict[str, str], value: str, source: str
) -> None:
    decided = start(configuration, an_event(**fields)).priority
    assert (decided.value.value, decided.source.value, decided.probability) == (value, source, None)


def test_a_sure_model_decides_the_priority_in_the_organisations_word(configuration: Configuration) -> None:
    suggestion = Suggestion(priority=sure("High", 0.83, Moderate=0.1, Critical=0.07))
    decided = start(configuration, an_event(severity=None), suggestion=suggestion).priority
    assert (decided.value, decided.source, decided.probability) == (Priority.P2, DecisionSource.MODEL, 0.83)
    assert [(a.value, a.probability) for a in decided.alternatives] == [("P3", 0.1), ("P1", 0.07)]


def test_the_model_alone_never_goes_below_the_reported_severitys_floor(configuration: Configuration) -> None:
    begun = start(configuration, an_event(severity="critical"), suggestion=Suggestion(priority=sure("Moderate")))
    assert (begun.priority.value, begun.priority.source) == (Priority.P2, DecisionSource.REPORTED)
    assert any("floor" in doubt for doubt in begun.doubts)


def test_a_model_that_abstains_leaves_it_to_what_was_stated_and_asks_for_review(
    configuration: Configuration,
) -> None:
    begun = start(configuration, an_event(severity="warning"), suggestion=Suggestion(priority=unsure("Critical")))
    assert (begun.priority.value, begun.priority.source) == (Priority.P3, DecisionSource.REPORTED)
    assert begun.priority.abstained
    assert any("abstained on the priority" in doubt for doubt in begun.doubts)


CHEAPEST = LabelSuggestion(
    value="Moderate",
    probability=0.6,
    abstained=False,
    alternatives=(Alternative(value="High", probability=0.3), Alternative(value="Critical", probability=0.1)),
    choice=Alternative(value="High", probability=0.3),
)
RAISED = LabelSuggestion(
    value="Moderate",
    probability=0.7,
    abstained=True,
    alternatives=(Alternative(value="Critical", probability=0.2),),
    choice=Alternative(value="Critical", probability=0.2),
    raised=True,
)


def test_what_the_model_concludes_is_decided_also_where_another_priority_is_more_probable(
    configuration: Configuration,
) -> None:
    decided = start(configuration, an_event(severity=None), suggestion=Suggestion(priority=CHEAPEST)).priority
    assert (decided.value, decided.source, decided.probability) == (Priority.P2, DecisionSource.MODEL, 0.3)
    assert [(a.value, a.probability) for a in decided.alternatives] == [("P3", 0.6), ("P1", 0.1)]


@pytest.mark.parametrize("severity", [None, "warning", "info"])
def test_what_was_promised_raises_an_incident_though_the_model_abstains(
    configuration: Configuration, severity: str | None
) -> None:
    begun = start(configuration, an_event(severity=severity), suggestion=Suggestion(priority=RAISED))
    assert (begun.priority.value, begun.priority.source) == (Priority.P1, DecisionSource.MODEL)
    assert begun.priority.probability == 0.2
    assert begun.priority.abstained
    assert any("raised" in doubt for doubt in begun.doubts)


def test_what_is_as_urgent_already_is_not_raised(configuration: Configuration) -> None:
    begun = start(configuration, an_event(severity="critical"), suggestion=Suggestion(priority=RAISED))
    assert (begun.priority.value, begun.priority.source) == (Priority.P1, DecisionSource.REPORTED)
    assert not any("raised" in doubt for doubt in begun.doubts)


def test_a_word_that_the_catalogue_does_not_know_raises_nothing(configuration: Configuration) -> None:
    unknown = replace(RAISED, choice=Alternative(value="whenever", probability=0.2))
    begun = start(configuration, an_event(severity="warning"), suggestion=Suggestion(priority=unknown))
    assert (begun.priority.value, begun.priority.source) == (Priority.P3, DecisionSource.REPORTED)


@pytest.mark.parametrize("who", ["override", "correction"])
def test_people_are_not_raised_above(configuration: Configuration, clock: Clock, who: str) -> None:
    person = TriageOverride(by="ann", at=clock.now, priority=Priority.P4)
    begun = start(configuration, an_event(), suggestion=Suggestion(priority=RAISED), **{who: person})
    assert (begun.priority.value, begun.priority.source.value) == (Priority.P4, who)


@pytest.mark.parametrize(
    ("fields", "impact", "urgency", "value", "source"),
    [
        ({}, sure("High"), sure("high"), "P1", "model"),
        ({}, sure("High"), sure("low"), "P3", "model"),
        ({"impact": "high"}, LabelSuggestion(), sure("high"), "P1", "model"),
        ({"impact": "high", "urgency": "low"}, LabelSuggestion(), LabelSuggestion(), "P3", "matrix"),
        ({}, sure("High"), unsure("high"), "P3", "fallback"),
        ({}, sure("High"), LabelSuggestion(), "P3", "fallback"),
        ({}, sure("High"), sure("unheard of"), "P3", "fallback"),
        ({"severity": "info"}, sure("High"), sure("high"), "P5", "reported"),
    ],
    ids=[
        "both",
        "the other cell",
        "one stated",
        "both stated",
        "unsure",
        "one only",
        "no cell",
        "severity stated",
    ],
)
def test_where_no_priority_is_suggested_the_matrix_reads_the_suggested_impact_and_urgency(
    configuration: Configuration,
    fields: dict[str, str],
    impact: LabelSuggestion,
    urgency: LabelSuggestion,
    value: str,
    source: str,
) -> None:
    incident = an_event(**{"severity": None, **fields})
    decided = start(configuration, incident, suggestion=Suggestion(impact=impact, urgency=urgency)).priority
    assert (decided.value.value, decided.source.value) == (value, source)
    assert decided.probability is None


def test_a_priority_that_is_suggested_goes_before_the_matrix_of_suggestions(configuration: Configuration) -> None:
    suggestion = Suggestion(priority=sure("Moderate"), impact=sure("High"), urgency=sure("high"))
    decided = start(configuration, an_event(severity=None), suggestion=suggestion).priority
    assert (decided.value, decided.probability) == (Priority.P3, 0.9)


def test_where_the_model_abstains_on_the_priority_the_matrix_of_suggestions_decides(
    configuration: Configuration,
) -> None:
    suggestion = Suggestion(priority=unsure("Moderate"), impact=sure("High"), urgency=sure("high"))
    decided = start(configuration, an_event(severity=None), suggestion=suggestion).priority
    assert (decided.value, decided.source, decided.probability) == (Priority.P1, DecisionSource.MODEL, None)


@pytest.mark.parametrize(
    ("fields", "suggestion", "words", "team", "source"),
    [
        ({"service": "orders-db"}, Suggestion(), SILENT, "databases", "catalogue"),
        ({"service": "Orders Database"}, Suggestion(), SILENT, "databases", "catalogue"),
        ({"service": None}, Suggestion(team=sure("payments")), SILENT, "payments", "model"),
        ({"service": "orders-db"}, Suggestion(team=sure("payments")), SILENT, "payments", "model"),
        ({"service": "orders-db"}, Suggestion(team=unsure("payments")), SILENT, "databases", "catalogue"),
        ({"service": None}, Suggestion(team=unsure("payments")), SILENT, "desk", "fallback"),
        ({"service": None}, Suggestion(team=sure("unheard of")), SILENT, "desk", "fallback"),
        ({"service": None, "assigned_team": "Payments"}, Suggestion(), SILENT, "payments", "reported"),
        ({"service": "orders-db", "assigned_team": "unheard of"}, Suggestion(), SILENT, "databases", "catalogue"),
    ],
)
def test_the_team_is_the_first_that_somebody_or_something_names(
    configuration: Configuration,
    fields: dict[str, str],
    suggestion: Suggestion,
    words: LabelSuggestion,
    team: str,
    source: str,
) -> None:
    decided = start(configuration, an_event(**fields), suggestion=suggestion, words=words).team
    assert (decided.value, decided.source.value) == (team, source)


def test_before_any_history_the_catalogues_own_words_name_the_team(configuration: Configuration) -> None:
    words = LabelSuggestion(value="payments", abstained=False, source=DecisionSource.CATALOGUE)
    decided = start(configuration, an_event(service=None), words=words).team
    assert (decided.value, decided.source, decided.probability) == ("payments", DecisionSource.CATALOGUE, None)


def test_a_chosen_team_that_looks_wrong_is_kept_and_said(configuration: Configuration) -> None:
    look = SecondLook(
        assigned_team="payments",
        probability=0.02,
        better_team="databases",
        better_probability=0.95,
        looks_wrong=True,
    )
    begun = start(
        configuration,
        an_event(assigned_team="payments", service=None),
        suggestion=Suggestion(team=sure("databases", 0.95), second_look=look),
    )
    assert begun.team.value == "payments"
    assert "the team somebody chose looks wrong" in begun.doubts


def test_people_overrule_and_a_correction_stands_until_an_override(
    configuration: Configuration, clock: Clock
) -> None:
    correction = TriageOverride(by="ann", at=clock.now, priority=Priority.P4, team="payments")
    override = TriageOverride(by="bob", at=clock.now, priority=Priority.P1)
    model = Suggestion(priority=sure("High"), team=sure("databases"))
    begun = start(configuration, an_event(), suggestion=model, correction=correction, override=override)
    assert (begun.priority.value, begun.priority.source) == (Priority.P1, DecisionSource.OVERRIDE)
    assert (begun.team.value, begun.team.source) == ("payments", DecisionSource.CORRECTION)
