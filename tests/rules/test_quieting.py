"""What keeps people from being told: a hold for a while, a silence for what it was made for and nothing worse."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.rules.conftest import MONDAY_NOON
from triage.domain.decision import DecisionSource
from triage.domain.priority import Priority
from triage.domain.recurrence import Recurrence, Silence, Storm
from triage.errors import ConfigurationError
from triage.rules.chooser import RuleFacts
from triage.rules.configuration import Configuration

Configured = Callable[..., Configuration]
FactsFor = Callable[..., RuleFacts]
Seen = Callable[..., Recurrence]

NIGHTLY_FLAPPER = ("flapper", "{hold: 5m}", "pattern.flapping && !time.business_hours")


def silence(priority: Priority) -> Silence:
    return Silence(
        id="s1",
        priority=priority,
        reason="known, mended tonight",
        by="ann",
        ends_at=MONDAY_NOON + timedelta(hours=2),
    )


def test_a_known_flapper_at_night_waits_five_minutes(
    configured: Configured, facts_for: FactsFor, seen: Seen
) -> None:
    configuration = configured(NIGHTLY_FLAPPER)
    night = MONDAY_NOON + timedelta(hours=12)
    outcome = configuration.rulebook.decide(facts_for(configuration, _recurrence=seen(4, "flapping"), _now=night))
    assert outcome.path.steps[0].at == night + timedelta(minutes=5)
    assert outcome.fired[0] == "flapper: hold 5 min"
    by_day = configuration.rulebook.decide(facts_for(configuration, _recurrence=seen(4, "flapping")))
    assert by_day.path.steps[0].at == MONDAY_NOON


def test_the_longest_of_several_holds_counts(configured: Configured, facts_for: FactsFor) -> None:
    configuration = configured(("one", "{hold: 5m}"), ("two", "{hold: 20m}"), ("three", "{hold: 10m}"))
    outcome = configuration.rulebook.decide(facts_for(configuration))
    assert outcome.path.steps[0].at == MONDAY_NOON + timedelta(minutes=20)


def test_what_is_most_urgent_in_the_end_never_waits(configured: Configured, facts_for: FactsFor) -> None:
    configuration = configured(("hold", "{hold: 30m}"), ("raise", "{priority_at_least: P1}"))
    outcome = configuration.rulebook.decide(facts_for(configuration))
    assert outcome.path.steps[0].at == MONDAY_NOON


@pytest.mark.parametrize("hold", ["0m", "61m", "2h"])
def test_a_hold_of_nothing_or_of_more_than_an_hour_is_refused(configured: Configured, hold: str) -> None:
    with pytest.raises(ConfigurationError, match="hold is more than nothing and at most 1h"):
        configured(("hold", f"{{hold: {hold}}}"))


def test_no_hold_on_the_models_word_alone(configured: Configured) -> None:
    with pytest.raises(ConfigurationError, match="would hold on the model's word alone"):
        configured(("hold", "{hold: 5m}", "suggestion.priority == 'P5'"))


@pytest.mark.parametrize(("priority", "hidden"), [("P4", True), ("P3", True), ("P2", False), ("P1", False)])
def test_a_silence_hides_nothing_more_urgent_than_it_was_made_for(
    configured: Configured, facts_for: FactsFor, priority: str, hidden: bool
) -> None:
    configuration = configured()
    facts = facts_for(
        configuration,
        _priority=Priority(priority),
        _priority_source=DecisionSource.REPORTED,
        _silence=silence(Priority.P3),
    )
    outcome = configuration.rulebook.decide(facts)
    assert outcome.path.suppressed is hidden
    assert outcome.path.suppressed_because == ("silence s1: known, mended tonight" if hidden else None)
    assert outcome.fired[0] == ("silence s1: suppress" if hidden else f"silence s1: not for {priority}")


def test_a_silence_sees_what_the_bounds_made_of_the_priority(configured: Configured, facts_for: FactsFor) -> None:
    configuration = configured(("raise", "{priority_at_least: P2}"))
    facts = facts_for(configuration, _priority=Priority.P5, _silence=silence(Priority.P4))
    assert not configuration.rulebook.decide(facts).path.suppressed


@pytest.mark.parametrize(
    ("when", "recurrence"),
    [
        ("recurrence.occurrences_24h >= 5", {"occurrences": {"1h": 1, "24h": 5, "7d": 5, "30d": 5}}),
        ("pattern.novel && service.tier == 1", {"flags": ("novel",)}),
        ("pattern.rare", {"flags": ("rare",)}),
        ("pattern.periodic && pattern.period_minutes == 1440", {"flags": ("periodic",), "period_seconds": 86_400}),
        ("pattern.occurrences > 100 && pattern.age_days >= 30", {"total": 101, "first_seen_at": -31}),
        (
            "pattern.known_fix && pattern.minutes_to_resolve < 10.0",
            {"known_fix": "restart", "resolve_seconds": 540.0},
        ),
        ("pattern.name.mentions(['disk'])", {"name": "Disk of … full"}),
        ("recurrence.similarity > 0.8", {"similarity": 0.81}),
        ("recurrence.storm && recurrence.storm_size > 2", {"storm": Storm(parent="p", because="b", size=3)}),
    ],
)
def test_what_is_remembered_is_one_line_of_a_rule(
    configured: Configured, facts_for: FactsFor, when: str, recurrence: dict[str, object]
) -> None:
    configuration = configured(("remembered", "{assign: ops}", when))
    if "first_seen_at" in recurrence:
        recurrence = {**recurrence, "first_seen_at": MONDAY_NOON - timedelta(days=31)}
    facts = facts_for(configuration, service="shop", _recurrence=Recurrence(**recurrence))  # type: ignore[arg-type]
    fired = configuration.rulebook.decide(facts).fired
    assert fired[0].startswith("remembered:")
    nothing = facts_for(configuration, service="shop", _recurrence=Recurrence())
    assert not configuration.rulebook.decide(nothing).fired[0].startswith("remembered:")


def test_what_bounds_make_urgent_is_hidden_by_no_rule_for_the_rest(configured, facts_for):
    configuration = configured(
        ("bound", "{priority_at_least: P1}", "incident.regulated"),
        ("quiet", "{suppress: it can wait}", "priority != 'P1' && incident.service == 'shop'"),
    )
    urgent = configuration.rulebook.decide(facts_for(configuration, service="shop", regulated=True))
    assert (urgent.priority.value, urgent.path.suppressed) == ("P1", False)
    assert "quiet: not for P1" in urgent.fired
    other = configuration.rulebook.decide(facts_for(configuration, service="shop"))
    assert other.path.suppressed_because == "quiet: it can wait"
