"""What whoever takes an incident over has to know."""

from tests.escalation.test_machine import ASK, OPENED, Running, minutes, step, waiting
from triage.domain.escalation import Updates, VendorClock
from triage.escalation.handover import Played, Waiting, hand_over
from triage.escalation.state import Acknowledged, Phase

ROLES = {"responsible": "person:ann", "accountable": "person:eve", "commander": "person:max"}


def test_hand_over_names_parts_debts_and_what_is_next():
    clock = VendorClock(vendor="host", respond_within=minutes(45))
    updates = Updates(every=minutes(30), template="{status}", channels=("page",))
    running = Running(
        step("person:ann", roles=ROLES, vendors=(clock,)),
        waiting(),
        step("person:bob", roles={"responsible": "person:bob"}),
        updates=updates,
        resolve_by=OPENED + minutes(60),
    ).passes(12)
    found = hand_over(running.around, running.state, running.now)
    assert (found.phase, found.step, found.steps) == (Phase.CALLING, 2, 2)
    assert found.parts == (
        Played(part="commander", target="person:max", people=("max",)),
        Played(part="responsible", target="person:bob", people=("bob",)),
    )
    assert [name for name, _ in found.told] == ["ann", "bob"]
    assert found.waiting == (
        Waiting(what="vendor host", until=OPENED + minutes(45)),
        Waiting(what=f"approval {ASK.id}", until=OPENED + minutes(20)),
    )
    assert (found.next_at, found.next_update_at) == (OPENED + minutes(20), OPENED + minutes(30))
    assert found.resolve_by == OPENED + minutes(60)


def test_hand_over_of_what_is_worked_on_says_by_whom():
    running = Running(step("person:ann", roles=ROLES)).happens(Acknowledged("ann"), 3)
    found = hand_over(running.around, running.state, running.now)
    assert (found.acknowledged_by, found.next_at, found.acknowledge_by) == ("ann", None, None)


def test_hand_over_at_the_desk_is_past_the_last_step():
    running = Running(step("person:ann", roles=ROLES)).passes(30)
    assert hand_over(running.around, running.state, running.now).step == 2
