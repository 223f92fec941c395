"""What holds for every incident."""

import re
from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triage.domain.decision import DecisionSource, Standing
from triage.domain.priority import Priority
from triage.domain.recurrence import WINDOWS, Recurrence
from triage.rules.chooser import RuleBook
from triage.rules.configuration import configuration_from_texts
from triage.rules.expression import Language
from triage.rules.rule import Adjustment, Rule

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


@st.composite
def bounds(draw):
    """Rules ``(id, then)`` that set, raise and lower the priority, in any order and against each other."""
    words = st.sampled_from(["set_priority", "priority_at_least", "priority_at_most"])
    drawn = draw(st.lists(st.tuples(words, PRIORITIES), max_size=6))
    return [(f"rule-{n}", word, priority) for n, (word, priority) in enumerate(drawn)]


@settings(max_examples=300, deadline=None)
@given(
    rules=bounds(),
    reported=PRIORITIES,
    source=st.sampled_from(list(DecisionSource)),
    before=st.one_of(st.none(), PRIORITIES),
)
def test_bounds_that_contradict_each_other_hold_and_the_more_urgent_wins(
    bounded, facts_for, rules, reported, source, before
):
    standing = before and Standing(
        priority=before, priority_source=DecisionSource.MODEL, team="ops", team_source=DecisionSource.MODEL
    )
    book = bounded.of(rules)
    facts = facts_for(bounded.plain, _priority=reported, _priority_source=source, _before=standing)
    outcome = book.decide(facts)
    if source in (DecisionSource.OVERRIDE, DecisionSource.CORRECTION):
        assert (outcome.priority, outcome.priority_source) == (reported, source)
        return
    least = [priority for _, word, priority in rules if word == "priority_at_least"]
    least += [before] if before else []
    most = [priority for _, word, priority in rules if word == "priority_at_most"]
    floor = min(least, key=lambda priority: priority.rank, default=None)
    assert floor is None or not floor.is_more_urgent_than(outcome.priority)
    exceeded = [bound for bound in most if outcome.priority.is_more_urgent_than(bound)]
    assert not exceeded or outcome.priority is floor
    written = [priority for _, word, priority in rules if word == "set_priority"]
    if not least and not most:
        assert outcome.priority is (written[-1] if written else reported)
    assert outcome.path.steps


@settings(max_examples=100, deadline=None)
@given(rules=bounds(), reported=PRIORITIES, luck=st.randoms(use_true_random=False))
def test_order_of_bounds_does_not_matter(bounded, facts_for, rules, reported, luck):
    only = [rule for rule in rules if rule[1] != "set_priority"]
    shuffled = luck.sample(only, len(only))
    facts = facts_for(bounded.plain, _priority=reported)
    assert bounded.of(only).decide(facts).priority is bounded.of(shuffled).decide(facts).priority


@pytest.fixture(scope="module")
def bounded(configured):
    """Rule books of unconditional adjustments, without a file in between."""
    plain = configured()

    def of(rules):
        adjusting = [
            Rule(
                id=rule_id, owner="ops", review_after=date(2030, 1, 1), when=None, then=Adjustment(**{word: value})
            )
            for rule_id, word, value in rules
        ]
        return RuleBook(
            version="policy:drawn",
            catalogue=plain.catalogue,
            rules=(*adjusting, *plain.rulebook.rules),
            policies=plain.rulebook.policies,
            language=Language(),
        )

    return SimpleNamespace(plain=plain, of=of)


ELSEWHERE = """\
  - {id: never, owner: sre, review_after: 2027-01-01, when: "incident.title == 'a' && incident.title == 'b'",
     then: {set_priority: P1, suppress: no, assign: data}}
  - {id: nowhere, owner: sre, review_after: 2027-01-01, when: 1 == 2, then: {policy: backlog}}
  - {id: elsewhere, owner: sre, review_after: 2027-01-01, when: incident.service == 'somewhere else',
     then: {set_priority: P1, straight_to: [owner.lead]}}
  - {id: other-label, owner: sre, review_after: 2027-01-01,
     when: "'estate' in incident.labels && incident.labels['estate'] == 'other' || incident.cluster == 'other'",
     then: {hold: 30m, assign: data}}
  - {id: other-words, owner: sre, review_after: 2027-01-01,
     when: "incident.text.mentions(['nobody says this', 'quux*']) && incident.severity == 'x'",
     then: {suppress: no}}
  - {id: other-policy, owner: sre, review_after: 2027-01-01, when: incident.region == 'mars',
     then: {policy: backlog}}
"""


@pytest.fixture(scope="module", params=["above", "between", "below"])
def with_more(request, shipped):
    """The shipped rules with rules about other incidents: above all, in the middle, and right before the last."""
    text = shipped.policy_text
    starts = [found.start() for found in re.finditer(r"^  - (?=\{?id:)", text, re.MULTILINE)]
    starts = [start for start in starts if start < text.index("\npolicies:")]
    at = {"above": starts[0], "between": starts[len(starts) // 2], "below": starts[-1]}[request.param]
    return configuration_from_texts(shipped.catalogue_text, text[:at] + ELSEWHERE + text[at:])


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_rules_about_other_incidents_change_nothing(shipped, with_more, facts_for, drawn, data):
    facts = facts_for(shipped, **data.draw(drawn))
    assert with_more.rulebook.decide(facts) == shipped.rulebook.decide(facts)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_rules_about_other_incidents_are_not_dead(shipped, with_more, facts_for, drawn, data):
    """The property above says something only because each of them matches where it should."""
    fields = data.draw(drawn) | {"service": "somewhere else", "cluster": "other", "region": "mars"}
    fired = {fired.partition(":")[0] for fired in with_more.rulebook.decide(facts_for(shipped, **fields)).fired}
    assert {"elsewhere", "other-label"} <= fired


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_order_of_labels_and_flags_does_not_matter(shipped, facts_for, drawn, data):
    fields = data.draw(drawn)
    names = data.draw(st.lists(st.sampled_from([*"abc", "alertname", "job", "burn_rate"]), unique=True))
    labels = fields["labels"] | dict.fromkeys(names, "14.5")
    flags = data.draw(st.permutations(["burst", "flapping", "novel"]))
    shuffled = data.draw(st.permutations(sorted(labels)))
    outcomes = [
        shipped.rulebook.decide(
            facts_for(shipped, **fields | {"labels": one, "_recurrence": Recurrence(flags=tuple(order))})
        )
        for one, order in (
            ({name: labels[name] for name in sorted(labels)}, sorted(flags)),
            ({name: labels[name] for name in shuffled}, flags),
        )
    ]
    assert outcomes[0] == outcomes[1]


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_what_was_decided_before_leaves_no_trace(shipped, facts_for, drawn, data):
    """Nothing is remembered from one incident to the next: in another order everything is decided the same."""
    asked = [facts_for(shipped, **fields) for fields in data.draw(st.lists(drawn, min_size=2, max_size=4))]
    forth = [shipped.rulebook.decide(facts) for facts in asked]
    back = [shipped.rulebook.decide(facts) for facts in reversed(asked)]
    assert forth == back[::-1]
