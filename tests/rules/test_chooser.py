"""How rules add up: file order, bounds last, people over rules, and an outcome whatever happens."""

from time import perf_counter

import pytest

from triage.domain.decision import DecisionSource, LabelSuggestion, SecondLook, Suggestion
from triage.domain.priority import Priority

P1, P2, P3, P4, P5 = Priority


@pytest.fixture
def decide(configured, facts_for):
    def decided(*rules, **fields):
        configuration = configured(*rules)
        return configuration.rulebook.decide(facts_for(configuration, **fields))

    return decided


def test_without_rules_what_was_concluded_before_stays(decide):
    outcome = decide(service="shop", _priority=P4, _priority_source=DecisionSource.MODEL)
    assert (outcome.priority, outcome.priority_source) == (P4, DecisionSource.MODEL)
    assert (outcome.team, outcome.team_source) == ("ops", DecisionSource.CATALOGUE)
    assert outcome.path.rule == "always"
    assert outcome.fired == ("always: policy ladder",)


def test_each_adjustment_sees_what_the_ones_above_left(decide):
    rules = (
        ("too-early", "{assign: desk}", "priority == 'P1'"),
        ("raise", "{set_priority: P1}", "priority == 'P3'"),
        ("then", "{assign: desk}", "priority == 'P1' && team == 'ops'"),
        ("too-late", "{require_review: no}", "team == 'ops'"),
    )
    outcome = decide(*rules, service="shop")
    assert outcome.fired == ("raise: priority P1", "then: assign desk", "always: policy ladder")
    assert (outcome.team, outcome.team_source) == ("desk", DecisionSource.RULE)


@pytest.mark.parametrize(
    ("bounds", "before", "after"),
    [
        (["priority_at_least: P2"], P4, P2),
        (["priority_at_least: P2"], P1, P1),
        (["priority_at_most: P3"], P1, P3),
        (["priority_at_most: P3"], P4, P4),
        (["priority_at_least: P3", "priority_at_least: P2"], P4, P2),
        (["priority_at_most: P3", "priority_at_most: P4"], P1, P4),
        (["priority_at_least: P2", "priority_at_most: P4"], P3, P2),
        (["priority_at_most: P4", "priority_at_least: P2"], P3, P2),
        (["priority_at_least: P2", "set_priority: P5"], P3, P2),
    ],
)
def test_bounds_hold_at_the_end_and_the_more_urgent_wins(decide, bounds, before, after):
    outcome = decide(*((f"rule-{n}", f"{{{bound}}}") for n, bound in enumerate(bounds)), _priority=before)
    assert outcome.priority is after
    assert outcome.priority_source is (DecisionSource.FALLBACK if before is after else DecisionSource.RULE)


def test_policy_rules_see_the_bounds_and_adjustments_do_not(decide):
    outcome = decide(
        ("bound", "{priority_at_least: P1}"),
        ("adjusting", "{require_review: seen}", "priority == 'P1'"),
        ("choosing", "{policy: ladder}", "priority == 'P1'"),
    )
    assert outcome.path.rule == "choosing"
    assert outcome.review_reasons == ()


def test_first_policy_rule_that_matches_chooses(decide):
    rules = (("no", "{policy: ladder}", "priority == 'P5'"), ("yes", "{policy: ladder}", "priority == 'P3'"))
    assert decide(*rules).path.rule == "yes"


@pytest.mark.parametrize("source", [DecisionSource.OVERRIDE, DecisionSource.CORRECTION])
def test_what_a_person_decided_no_rule_changes(decide, source):
    rules = (
        ("set", "{set_priority: P1, assign: desk, also_tell: ['person:ann']}"),
        ("bound", "{priority_at_least: P2}"),
    )
    outcome = decide(
        *rules, service="shop", _priority=P4, _priority_source=source, _team="ops", _team_source=source
    )
    assert (outcome.priority, outcome.priority_source) == (P4, source)
    assert (outcome.team, outcome.team_source) == ("ops", source)
    assert "kept P4 as a person decided" in outcome.fired[0]
    assert "person:ann" in outcome.path.steps[0].targets


def test_condition_that_cannot_be_evaluated_is_no_match_and_a_fault(decide):
    rule = ("fragile", "{set_priority: P1}", "incident.service == 'shop' && incident.labels['x'] == 'y'")
    outcome = decide(rule, service="shop")
    assert outcome.priority is P3
    assert outcome.faults == ("fragile",)
    assert decide(rule, service="shop", labels={"x": "y"}).priority is P1


def test_suppression_gives_its_reason_and_still_has_a_path(decide):
    outcome = decide(("quiet", "{suppress: known noise}"), ("again", "{suppress: more}"))
    assert outcome.path.suppressed
    assert outcome.path.suppressed_because == "quiet: known noise"
    assert outcome.path.steps


def test_review_reasons_name_their_rule(decide):
    assert decide(("odd", "{require_review: looks odd}")).review_reasons == ("odd: looks odd",)


@pytest.mark.parametrize("team", ["closed", "no such team"])
def test_team_that_cannot_answer_is_replaced(decide, team):
    outcome = decide(_team=team, _team_source=DecisionSource.MODEL)
    assert outcome.team == {"closed": "ops"}.get(team, "desk")
    assert outcome.team_source is DecisionSource.CATALOGUE


def test_assigning_an_inactive_team_reaches_the_one_above_it(decide):
    assert decide(("give", "{assign: closed}")).team == "ops"


@pytest.mark.parametrize(
    ("condition", "fields"),
    [
        ("incident.environment == 'prod' && incident.region == 'eu'", {"environment": " PROD ", "region": "EU"}),
        ("incident.service == 'shop' && service.known && service.tier == 1", {"service": "SHOP"}),
        ("incident.service == 'kiosk' && !service.known && service.tier == 0", {"service": "Kiosk"}),
        ("service.owner == 'ops' && service.function == 'web' && service.vendor == 'host'", {"service": "shop"}),
        ("service.owner == 'ops'", {"service": "old"}),
        ("incident.assigned_team == 'ops'", {"assigned_team": "Operations"}),
        ("incident.customer_tier == '' && incident.labels.size() == 0", {}),
        ("incident.age_minutes == 0", {}),
        ("priority_source == 'fallback' && team_source == 'fallback'", {}),
        ("time.hour == 11 && time.weekday == 'monday' && time.business_hours && !time.holiday", {}),
        ("suggestion.priority == '' && suggestion.priority_abstained && suggestion.team_probability == 0.0", {}),
        ("recurrence.kind == 'new' && recurrence.matched_by == '' && recurrence.occurrences_7d == 0", {}),
    ],
)
def test_facts_are_what_the_incident_says(decide, condition, fields):
    assert decide(("asked", "{require_review: yes it is}", condition), **fields).review_reasons, condition


def test_suggestions_are_facts_in_our_own_words(decide):
    suggestion = Suggestion(
        priority=LabelSuggestion(value="P2", probability=0.7, abstained=False),
        team=LabelSuggestion(value="Operations", probability=0.9, abstained=False),
        second_look=SecondLook(
            assigned_team="desk", probability=0.1, better_team="ops", better_probability=0.9, looks_wrong=True
        ),
    )
    condition = (
        "suggestion.priority == 'P2' && suggestion.priority_probability > 0.6 && !suggestion.team_abstained"
        " && suggestion.team == 'ops' && suggestion.assigned_team_looks_wrong"
    )
    assert decide(("asked", "{require_review: 'yes'}", condition), _suggestion=suggestion).review_reasons


@pytest.mark.parametrize("text", ["a\x00b", "a\x00breach", "\ud800 breach", "שלום 🔥", "x" * 33_000])
def test_no_text_stops_a_decision(decide, text):
    rules = (
        ("text", "{require_review: found}", "incident.text.mentions(['breach'])"),
        ("label", "{require_review: label}", "'k' in incident.labels && incident.labels['k'] == 'v'"),
    )
    outcome = decide(*rules, title=text, service=text, labels={text: text})
    assert outcome.faults == ()
    assert bool(outcome.review_reasons) is ("breach" in text)


def test_deciding_twice_gives_the_same(configured, facts_for):
    configuration = configured(("tell", "{also_tell: [owner.lead]}"))
    facts = facts_for(configuration, service="shop")
    assert configuration.rulebook.decide(facts) == configuration.rulebook.decide(facts)


def test_shipped_rules_decide_within_milliseconds(shipped, facts_for):
    """A coarse guard; the measurement itself belongs to the bench."""
    facts = facts_for(shipped, title="Disk is full", service="orders-db")
    shipped.rulebook.decide(facts)
    spent = []
    for _ in range(20):
        begun = perf_counter()
        shipped.rulebook.decide(facts)
        spent.append(perf_counter() - begun)
    assert min(spent) < 0.002
