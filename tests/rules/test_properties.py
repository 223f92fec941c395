"""What holds for every incident."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triage.domain.decision import DecisionSource
from triage.domain.priority import Priority
from triage.domain.recurrence import WINDOWS, Recurrence
from triage.rules.configuration import configuration_from_texts

WORDS = st.sampled_from(
    ["breach", "latency", "customers affected", "database", "DNS", "Kunden betroffen", "disk full", "🔥", "\ud800"]
)
PRIORITIES = st.sampled_from(list(Priority))


@st.composite
def cases(draw, catalogue):
    """Fields of an incident, and of what is known about it, that the shipped rules care about."""
    services = st.sampled_from([None, "unheard of", *catalogue.services])
    return {
        "title": " ".join(draw(st.lists(WORDS, min_size=1, max_size=4))),
        "description": draw(st.sampled_from(["", "customers affected", "الخدمة متوقفة", "p99 latency", "a\x00b"])),
        "service": draw(services),
        "environment": draw(st.sampled_from([None, "production", "Staging", "prod"])),
        "region": draw(st.sampled_from([None, "us-east-1", "eu-west-1"])),
        "customer_tier": draw(st.sampled_from([None, "vip", "enterprise"])),
        "impact": draw(st.sampled_from([None, "high", "low"])),
        "labels": draw(
            st.dictionaries(
                st.sampled_from(["alertname", "maintenance"]), st.sampled_from(["Watchdog", "true", ""])
            )
        ),
        "data_exposure": draw(st.booleans()),
        "_priority": draw(PRIORITIES),
        "_priority_source": draw(st.sampled_from(list(DecisionSource))),
        "_team": draw(st.sampled_from(["no such team", *catalogue.teams])),
        "_recurrence": Recurrence(occurrences=dict.fromkeys(WINDOWS, draw(st.integers(0, 30)))),
        "_now": datetime.fromtimestamp(draw(st.integers(0, 6_000_000_000)), UTC),
    }


@pytest.fixture(scope="module")
def drawn(shipped):
    return cases(shipped.catalogue)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_every_incident_reaches_somebody_at_every_step(shipped, facts_for, drawn, data):
    outcome = shipped.rulebook.decide(facts_for(shipped, **data.draw(drawn)))
    people = shipped.catalogue.people
    assert outcome.path.steps
    for number, step in enumerate(outcome.path.steps, start=1):
        assert step.number == number
        assert step.forecast
        assert all(people[person].active and people[person].contacts for person in step.forecast)
    times = [step.at for step in outcome.path.steps]
    assert times == sorted(times)
    assert outcome.faults == ()


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_bounds_hold_unless_a_person_decided(shipped, facts_for, drawn, data):
    facts = facts_for(shipped, **data.draw(drawn))
    outcome = shipped.rulebook.decide(facts)
    if facts.priority_source in (DecisionSource.OVERRIDE, DecisionSource.CORRECTION):
        assert outcome.priority is facts.priority
        return
    fired = " ".join(outcome.fired)
    least = [p for p in Priority if f"priority at least {p.value}" in fired]
    most = [p for p in Priority if f"priority at most {p.value}" in fired]
    assert not any(bound.is_more_urgent_than(outcome.priority) for bound in least)
    exceeded = [bound for bound in most if outcome.priority.is_more_urgent_than(bound)]
    assert not exceeded or outcome.priority in least


@pytest.fixture(scope="module")
def with_one_more(shipped):
    never = (
        "rules:\n  - {id: never, owner: sre, review_after: 2027-01-01, when: \"incident.title == 'a' &&"
        " incident.title == 'b'\", then: {set_priority: P1, suppress: no, assign: data}}\n"
        "  - {id: nowhere, owner: sre, review_after: 2027-01-01, when: 1 == 2, then: {policy: backlog}}\n"
    )
    return configuration_from_texts(shipped.catalogue_text, shipped.policy_text.replace("rules:\n", never, 1))


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_rule_that_never_matches_changes_nothing(shipped, with_one_more, facts_for, drawn, data):
    facts = facts_for(shipped, **data.draw(drawn))
    assert with_one_more.rulebook.decide(facts) == shipped.rulebook.decide(facts)
