"""What a silence hid is told, wherever patterns that are merged, split and taken apart have carried it."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from tests.fixtures_store import Desk
from triage.corrections import Corrections
from triage.domain.priority import Priority
from triage.memory.reshaping import Reshaping
from triage.memory.silencing import tell_unsilenced
from triage.store.incidents import Incidents
from triage.store.pattern_changes import PatternChanges
from triage.store.silences import Silences
from triage.triager import Received

LAGS, BEHIND, DOOR = "Replica lags", "Replication is behind", "Door is open"
WEB1, WEB2 = "Disk of host web1 full at {}%", "Disk of host web2 full at {}%"
SERVICES = {LAGS: "orders-db", BEHIND: "card-gateway", DOOR: "doors"}
"""Of another service each, so that none joins another's open incident."""


class Night:
    """Somebody silences patterns and others reshape them."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.reshaping = Reshaping(PatternChanges(desk.database), desk.clock)
        self.corrections = Corrections(Incidents(desk.database), lambda: desk.active, desk.clock)
        self.silences = Silences(desk.database)

    def known(self, titles: Sequence[str]) -> list[str]:
        """Patterns, none of whose incidents is open."""
        opened = [self._fire(title).incident for title in titles]
        for incident in opened:
            self.corrections.resolve(incident.id, "ann", None)
        self.desk.clock.advance(minutes=5)
        return [incident.pattern_id for incident in opened]

    def silence(self, pattern_id: str) -> None:
        now = self.desk.clock.now
        self.silences.make(pattern_id, Priority.P1, "known", "ann", now, now + timedelta(hours=2))

    def hidden(self, title: str) -> Received:
        received = self._fire(title)
        assert received.opened
        assert received.decision.escalation.suppressed
        return received

    def _fire(self, title: str) -> Received:
        return self.desk.fire(title=title, service=SERVICES.get(title, "disks"))

    def merge(self, into: str, other: str) -> str:
        return self.reshaping.merge(into, other, "ann").change.id

    def undo(self, *changes: str) -> None:
        for change in changes:
            self.reshaping.undo(change, "ann")

    def told(self) -> int:
        return tell_unsilenced(self.silences, self.corrections, self.desk.clock.now)

    def is_told(self, hidden: Received) -> bool:
        incidents = Incidents(self.desk.database)
        decision = incidents.get_decision(incidents.get(hidden.incident.id).decision_id or "").decision
        return not decision.escalation.suppressed


@pytest.fixture
def night(desk: Desk) -> Night:
    return Night(desk)


@pytest.mark.parametrize("over", [False, True])
@pytest.mark.parametrize("silenced_first", [False, True])
@pytest.mark.parametrize("on_the_merged", [False, True])
def test_what_a_merge_put_under_a_silence_is_told_once_it_is_undone(
    night: Night, over: bool, silenced_first: bool, on_the_merged: bool
) -> None:
    into, merged = night.known([LAGS, BEHIND])
    # Who silences a merged pattern silences its root, so one that lies on the merged side was there before.
    silenced, title = (merged, LAGS) if on_the_merged else (into, BEHIND)
    if silenced_first or on_the_merged:
        night.silence(silenced)
    change = night.merge(into, merged)
    if not (silenced_first or on_the_merged):
        night.silence(silenced)
    hidden = night.hidden(title)
    assert night.told() == 0
    night.undo(change)
    if over:
        night.desk.clock.advance(hours=3)
    assert [night.told() for _ in range(2)] == [1, 0]
    assert night.is_told(hidden)


def test_what_was_split_off_a_family_with_a_silence_on_a_member_is_told(night: Night) -> None:
    lags, disk = night.known([LAGS, WEB2.format(90)])
    night.silence(lags)
    night.merge(disk, lags)
    hidden = night.hidden(WEB1.format(91))
    staying = night.hidden(LAGS)
    night.reshaping.split(disk, [hidden.incident.id], "ann")
    assert [night.told() for _ in range(2)] == [1, 0]
    assert night.is_told(hidden)
    assert not night.is_told(staying)
    night.desk.clock.advance(hours=3)
    assert [night.told() for _ in range(2)] == [1, 0]
    assert night.is_told(staying)


@pytest.mark.parametrize("between", [False, True])
def test_two_undone_merges_in_a_row_leave_nobody_untold(night: Night, between: bool) -> None:
    lags, behind, door = night.known([LAGS, BEHIND, DOOR])
    night.silence(lags)
    inner = night.merge(behind, door)
    outer = night.merge(lags, behind)
    hidden, staying = night.hidden(DOOR), night.hidden(LAGS)
    night.undo(outer)
    if between:
        assert night.told() == 1
    night.undo(inner)
    assert night.told() == (0 if between else 1)
    assert night.is_told(hidden)
    assert not night.is_told(staying)


def test_a_silence_goes_on_hiding_what_its_family_holds(night: Night) -> None:
    lags, behind = night.known([LAGS, BEHIND])
    night.silence(behind)
    change = night.merge(lags, behind)
    hidden = night.hidden(BEHIND)
    night.undo(change)
    night.merge(lags, behind)
    assert night.told() == 0
    assert not night.is_told(hidden)
