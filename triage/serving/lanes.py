"""Lanes to the targets of messages: each has threads of its own, so that a slow or dead target delays nobody else.

What has to wait in a lane for long is handed back: by then another way may be the faster one.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from triage.telling.delivering import Parcel

SIDE_BY_SIDE = 4
"""Messages that are sent to one target at a time."""
LONGEST_QUEUE = 5.0
"""Seconds of work in a lane with which it takes no more."""
WAITS_AT_MOST = 10.0
"""Seconds after which a parcel is handed back, not tried."""
IDLE_AT_MOST = 30.0
"""Seconds without work after which a lane's thread ends."""
EXPECTED = 0.1
"""Seconds that the first sending is expected to take."""


@dataclass(slots=True)
class _Lane:
    waiting: deque[tuple[float, Parcel]] = field(default_factory=deque)
    begun: dict[int, float] = field(default_factory=dict)
    threads: int = 0
    idle: int = 0
    takes: float = EXPECTED


class Lanes:
    """``work`` sends one parcel, and outlives every failure."""

    def __init__(self, work: Callable[[Parcel], None]) -> None:
        self._work = work
        self._lanes: dict[str, _Lane] = {}
        self._changed = threading.Condition()
        self._closed = False

    def is_full(self, name: str) -> bool:
        """Whether what is in the lane takes longer already than another parcel should wait."""
        with self._changed:
            lane = self._lanes.get(name)
            return lane is not None and self._is_full(lane)

    def offer(self, parcel: Parcel) -> bool:
        """Whether its lane took it."""
        with self._changed:
            lane = self._lanes.setdefault(parcel.lane, _Lane())
            if self._closed or self._is_full(lane):
                return False
            lane.waiting.append((time.monotonic(), parcel))
            if lane.idle == 0 and lane.threads < SIDE_BY_SIDE:
                lane.threads += 1
                threading.Thread(target=self._run, args=(lane,), name="delivery", daemon=True).start()
            else:
                self._changed.notify_all()
            return True

    def overdue(self) -> list[Parcel]:
        """Taken out of their lanes, having waited for too long."""
        before = time.monotonic() - WAITS_AT_MOST
        found: list[Parcel] = []
        with self._changed:
            for lane in self._lanes.values():
                while lane.waiting and lane.waiting[0][0] < before:
                    found.append(lane.waiting.popleft()[1])
        return found

    def close(self, within: float) -> list[Parcel]:
        """Take no more, wait for what is being sent, and hand back what was not begun."""
        with self._changed:
            self._closed = True
            left = [parcel for lane in self._lanes.values() for _, parcel in lane.waiting]
            for lane in self._lanes.values():
                lane.waiting.clear()
            self._changed.notify_all()
            self._changed.wait_for(lambda: not any(lane.begun for lane in self._lanes.values()), within)
        return left

    def wait_until_empty(self, within: float) -> bool:
        """Whether everything that was offered is sent by then."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not any(lane.begun or lane.waiting for lane in self._lanes.values()), within
            )

    def _is_full(self, lane: _Lane) -> bool:
        now = time.monotonic()
        inside = len(lane.waiting) + len(lane.begun)
        if inside < SIDE_BY_SIDE:
            return False  # however slow it is, a thread is free
        slowest = max((now - begun for begun in lane.begun.values()), default=0.0)
        return inside * max(lane.takes, slowest) / SIDE_BY_SIDE > LONGEST_QUEUE

    def _run(self, lane: _Lane) -> None:
        me = threading.get_ident()
        while (parcel := self._next(lane, me)) is not None:
            try:
                self._work(parcel)
            finally:
                with self._changed:
                    took = time.monotonic() - lane.begun.pop(me)
                    lane.takes += (took - lane.takes) / 4
                    self._changed.notify_all()

    def _next(self, lane: _Lane, me: int) -> Parcel | None:
        """None when the thread is to end."""
        with self._changed:
            lane.idle += 1
            self._changed.wait_for(lambda: lane.waiting or self._closed, IDLE_AT_MOST)
            lane.idle -= 1
            if not lane.waiting:
                lane.threads -= 1
                return None
            lane.begun[me] = time.monotonic()
            return lane.waiting.popleft()[1]
