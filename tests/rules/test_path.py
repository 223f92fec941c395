"""The concrete path: who, when, over what, and never nobody."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.rules.conftest import LAST_RULE
from triage.domain.escalation import Require, VendorClock
from triage.domain.priority import Priority
from triage.domain.schedule import OnCallOverride
from triage.errors import ConfigurationError
from triage.rules.configuration import configuration_from_texts

OPENED = datetime(2027, 2, 1, 11, 0, tzinfo=UTC)


@pytest.fixture
def path(configured, facts_for):
    def built(*rules, policies=None, **fields):
        configuration = configured(*rules, **({"policies": policies} if policies else {}))
        return configuration.rulebook.decide(facts_for(configuration, **fields))

    return built


def policies(step: str) -> str:
    head = "policies:\n  ladder:\n    owner: ops\n    review_after: 2027-12-31\n    kinds: [time]\n    steps:\n"
    return f"{head}      - {step}\n"


def test_steps_follow_each_other_when_nobody_acknowledges(path):
    steps = path(service="shop").path.steps
    assert [step.number for step in steps] == [1, 2, 3]
    assert [step.at - OPENED for step in steps] == [
        timedelta(0),
        timedelta(minutes=10 * 2 + 5),
        timedelta(minutes=25 + 15),
    ]


def test_owner_is_whoever_is_on_call_at_that_step(path):
    first, second, third = path(service="shop").path.steps
    assert (first.targets, first.forecast) == (("oncall:ops",), ("bob",))
    assert (second.targets, second.forecast) == (("person:eve", "vendor:host"), ("eve",))
    assert (third.targets, third.forecast) == (("team:desk",), ("ann",))


def test_forecast_follows_a_hand_over_between_steps(path):
    before = datetime(2027, 2, 8, 8, 55, tzinfo=UTC)
    slow = policies("{targets: [owner], acknowledge_within: 10m}") + "      - {targets: [owner]}\n"
    steps = path(policies=slow, service="shop", _now=before).path.steps
    assert [step.forecast for step in steps] == [("bob",), ("eve",)]


def test_stage_stands_for_its_channels_and_sla_fills_the_missing_deadline(path):
    first, second, _ = path(service="shop", _priority=Priority.P2, customer_tier="vip").path.steps
    assert (first.channels, second.channels) == (("room",), ("page",))
    assert (first.resolve_within, second.resolve_within) == (timedelta(hours=1), timedelta(hours=2))


def test_priority_without_sla_has_no_deadline(path):
    assert path(_priority=Priority.P5).path.steps[0].resolve_within is None


def test_same_target_twice_is_told_once(path):
    step = "{targets: [owner, 'oncall:ops', 'person:bob'], roles: {responsible: owner.lead}, require: all}"
    first = path(policies=policies(step), service="shop").path.steps[0]
    assert first.targets == ("oncall:ops", "person:bob")
    assert first.forecast == ("bob",)
    assert first.roles == {"responsible": "person:eve", "accountable": "person:eve"}
    assert first.require is Require.ALL


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("owner", "oncall:ops"),
        ("owner.senior", "oncall:ops"),
        ("owner.lead", "oncall:ops"),
        ("'team:closed'", "oncall:ops"),
        ("'team:ops.senior'", "person:eve"),
        ("'team:ops.lead'", "person:eve"),
        ("owner.parent", "oncall:ops"),
        ("'role:approver'", "person:ann"),
    ],
)
def test_unreachable_people_are_stood_in_for_by_the_next_in_line(path, target, found):
    outcome = path(policies=policies(f"{{targets: [{target}]}}"), _team="lost")
    assert outcome.path.steps[0].targets == (found,)
    assert outcome.path.steps[0].forecast


def test_step_that_reaches_nobody_gets_the_triage_desk_and_says_so(path):
    outcome = path(policies=policies("{targets: ['person:gone', 'person:mute']}"), service="shop")
    step = outcome.path.steps[0]
    assert step.targets == ("person:gone", "person:mute", "team:desk")
    assert step.forecast == ("ann",)
    assert outcome.review_reasons == (
        "step 1: nobody of person:gone, person:mute can be reached; the triage desk is told",
    )
    assert outcome.notes == ("gone: inactive", "mute: has no contact method")


def test_also_told_are_informed_with_the_first_step(path):
    outcome = path(("more", "{also_tell: ['person:ann', owner, 'person:ann']}"), service="shop")
    first, second, _ = outcome.path.steps
    assert first.targets == ("oncall:ops", "person:ann")
    assert first.forecast == ("bob", "ann")
    assert first.roles["informed"] == "person:ann"
    assert "person:ann" not in second.targets


CHECKPOINT = "{checkpoint: {id: ask, role: approver, reason: may we, decide_within: 20m}}"


def test_checkpoint_holds_back_the_announcement_and_nobodys_page(path):
    before = path(service="shop").path.steps
    steps = path(("hold", CHECKPOINT), service="shop").path.steps
    waiting = steps[2]

    assert [step.number for step in steps] == [1, 2, 3, 4]
    assert [step.at for step in steps if step is not waiting] == [step.at for step in before]
    assert [step.targets for step in steps if step is not waiting] == [step.targets for step in before]
    assert (waiting.channels, waiting.targets, waiting.at) == (("page",), ("person:ann",), steps[1].at)
    assert waiting.checkpoint.id == "ask"
    assert waiting.acknowledge_within == timedelta(minutes=20)
    assert steps[1].channels == ()


def test_checkpoint_without_such_a_step_announces_over_the_whole_stage(path):
    steps = path(("hold", CHECKPOINT), service="shop", policies=policies("{targets: [owner]}")).path.steps
    assert steps[1].channels == ("page", "mail")
    assert steps[1].at == steps[0].at


def test_same_checkpoint_asked_for_twice_is_one(path):
    steps = path(("one", CHECKPOINT), ("two", CHECKPOINT), service="shop").path.steps
    assert len([step for step in steps if step.checkpoint]) == 1


GAP = """\
organisation: Small
triage_desk: desk
people:
  ann: {name: Ann, contacts: [{channel: email, address: ann@small.example}]}
  bob: {name: Bob, contacts: [{channel: email, address: bob@small.example}]}
schedules:
  days: {timezone: UTC, participants: [bob], starts_on: 2027-01-04, hours: [{start: "13:00", end: "17:00"}]}
teams:
  desk: {name: Desk, responders: [ann]}
"""


def test_step_with_nobody_on_call_is_skipped_at_once_and_says_so(facts_for):
    steps = "{targets: ['oncall:days']}\n      - {targets: ['team:desk'], after: 30m}"
    rules = f"rules:\n{LAST_RULE}{policies(steps)}".replace("owner: ops", "owner: desk")
    configuration = configuration_from_texts(GAP, rules)
    outcome = configuration.rulebook.decide(facts_for(configuration))
    first, second = outcome.path.steps
    assert (first.skipped, first.forecast) == ("nobody of oncall:days can be reached", ())
    assert (second.at, second.forecast) == (OPENED, ("ann",))
    assert outcome.review_reasons == ("step 1: nobody of oncall:days can be reached; skipped",)
    assert outcome.notes == ("oncall:days: nobody is on call",)
    later = configuration.rulebook.decide(facts_for(configuration, _now=OPENED + timedelta(hours=3)))
    assert (later.path.steps[0].skipped, later.path.steps[0].forecast) == (None, ("bob",))


def test_shift_swap_is_foreseen(path):
    swap = OnCallOverride(
        id="swap",
        schedule="ops",
        person="eve",
        starts_at=OPENED,
        ends_at=OPENED + timedelta(hours=1),
        made_by="bob",
        made_at=OPENED,
    )
    assert path(service="shop", _oncall_overrides=(swap,)).path.steps[0].forecast == ("eve",)


def test_exception_goes_straight_to_the_lead_and_tells_them_once(path):
    steps = path(("straight", "{straight_to: [owner.lead]}"), service="shop").path.steps
    assert [step.targets for step in steps] == [("person:eve",), ("person:eve", "vendor:host"), ("team:desk",)]
    alone = path(("straight", "{straight_to: [owner.lead, service.vendor]}"), service="shop").path.steps
    assert [step.targets for step in alone] == [("person:eve", "vendor:host"), ("team:desk",)]
    assert alone[0].channels == ("room",)


def test_vendor_has_a_clock_of_its_own(path):
    second = path(service="shop").path.steps[1]
    assert second.vendors == (VendorClock(vendor="host"),)


def test_sla_counts_from_the_opening_while_steps_count_from_now(path):
    later = OPENED + timedelta(minutes=50)
    found = path(service="shop", _priority=Priority.P2, _now=later, _opened_at=OPENED).path
    assert found.steps[0].at == later
    assert (found.acknowledge_by, found.resolve_by) == (
        OPENED + timedelta(minutes=15),
        OPENED + timedelta(hours=4),
    )


def test_first_step_waits_for_no_approval(path):
    step = "{targets: [owner], checkpoint: {id: ask, role: approver, reason: may we, decide_within: 20m}}"
    with pytest.raises(ConfigurationError, match="must not hold back who is told first"):
        path(policies=policies(step))


def test_everybody_knows_who_is_responsible_and_accountable(path):
    for step in path(service="shop").path.steps:
        assert set(step.roles) >= {"responsible", "accountable"}
