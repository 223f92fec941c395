"""Each target has its own lane: a slow or dead one delays nobody else, and what waits long comes back."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from triage.domain.catalogue import Gateway
from triage.domain.message import Message, MessageKind
from triage.notify.ways import Target, Way
from triage.serving import lanes
from triage.serving.lanes import Lanes
from triage.telling.delivering import Parcel

AT = datetime(2026, 3, 9, tzinfo=UTC)


def parcel(lane: str, key: str = "k") -> Parcel:
    message = Message(
        key=key, incident_id=None, kind=MessageKind.ALARM, recipient="person:ann", detail={}, made_at=AT
    )
    way = Way(gateway=Gateway(id=lane), address="x")
    return Parcel(messages=(message,), ways=1, target=Target(way=way, url="", secret="", lane=lane))


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_stuck_lane_holds_up_no_other() -> None:
    free, sent = threading.Event(), list[str]()

    def work(parcel: Parcel) -> None:
        if parcel.lane == "stuck":
            free.wait(30)
        sent.append(parcel.lane)

    both = Lanes(work)
    for _ in range(lanes.SIDE_BY_SIDE + 3):
        assert both.offer(parcel("stuck"))
    for _ in range(20):
        assert both.offer(parcel("quick"))
    until(lambda: sent.count("quick") == 20)
    assert sent.count("stuck") == 0
    free.set()
    assert both.wait_until_empty(20)
    assert sent.count("stuck") == lanes.SIDE_BY_SIDE + 3


def test_a_slow_lane_takes_no_more_than_it_can_soon_send() -> None:
    free = threading.Event()
    slow = Lanes(lambda _: free.wait(30) and None)
    taken = 0
    while slow.offer(parcel("slow", str(taken))):
        taken += 1
        assert taken < 1000
    assert slow.is_full("slow")
    assert not slow.is_full("other")
    free.set()
    assert slow.wait_until_empty(20)


def test_what_waits_for_long_is_handed_back_unsent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "WAITS_AT_MOST", 0.05)
    free, sent = threading.Event(), list[str]()

    def work(parcel: Parcel) -> None:
        free.wait(30)
        sent.append(parcel.first.key)

    slow = Lanes(work)
    for number in range(lanes.SIDE_BY_SIDE + 2):
        slow.offer(parcel("slow", str(number)))
    time.sleep(0.1)
    back = [one.first.key for one in slow.overdue()]
    assert back == ["4", "5"]
    free.set()
    assert slow.wait_until_empty(20)
    assert sorted(sent) == ["0", "1", "2", "3"]


def test_closing_hands_back_what_was_not_begun() -> None:
    free, begun = threading.Event(), list[str]()

    def work(parcel: Parcel) -> None:
        begun.append(parcel.first.key)
        free.wait(30)

    slow = Lanes(work)
    for number in range(lanes.SIDE_BY_SIDE + 2):
        slow.offer(parcel("slow", str(number)))
    until(lambda: len(begun) == lanes.SIDE_BY_SIDE)
    threading.Timer(0.1, free.set).start()
    assert [one.first.key for one in slow.close(20)] == ["4", "5"]
    assert not slow.offer(parcel("slow"))


def test_everything_that_was_offered_is_sent() -> None:
    done = list[str]()
    one = Lanes(lambda parcel: done.append(parcel.first.key))
    for number in range(50):
        one.offer(parcel("a", str(number)))
    assert one.wait_until_empty(20)
    assert sorted(done, key=int) == [str(n) for n in range(50)]
