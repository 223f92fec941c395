"""The concrete path: who, when, over what, and never nobody."""

from datetime import UTC, datetime, timedelta

import pytest

from triage.domain.escalation import Require
from triage.domain.priority import Priority

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
    assert first.roles == {"responsible": "person:eve"}
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
    assert outcome.review_reasons == ("step 1: nobody of person:gone, person:mute can be reached",)
    assert outcome.notes == ("gone: inactive", "mute: has no contact method")


def test_also_told_are_informed_with_the_first_step(path):
    outcome = path(("more", "{also_tell: ['person:ann', owner, 'person:ann']}"), service="shop")
    first, second, _ = outcome.path.steps
    assert first.targets == ("oncall:ops", "person:ann")
    assert first.forecast == ("bob", "ann")
    assert first.roles == {"informed": "person:ann"}
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
