"""Answers that take seconds to work out, kept for a minute: whoever looks is shown the last ones at once, while
newer ones are worked out beside."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import structlog

log = structlog.get_logger("triage.lately")

FRESH_FOR = 60.0
"""Seconds for which nothing newer is worked out."""
SHOWN_FOR = 900.0
"""Seconds after which it is too old to be shown while something newer is worked out."""
MOST = 64
"""Answers that are kept: a few kilobytes each."""

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Kept(Generic[Value]):
    """``at``: by the monotonic clock, when it was worked out."""

    value: Value
    at: float


class Lately:
    """One thing at a time is worked out, so that looking back never takes more than one connection. Safe for
    threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Kept[Any]] = OrderedDict()
        self._running: dict[Hashable, Future[Kept[Any]]] = {}
        self._worker = ThreadPoolExecutor(1, "looking back")

    def ask(self, key: Hashable, make: Callable[[], Value], patience: float) -> Value | None:
        """What ``make`` answered within the last minute, or a little earlier while it is asked again; else what it
        answers now, or None where that takes longer than ``patience`` seconds: ask again then.

        Raises what ``make`` raises.
        """
        with self._lock:
            held = self._kept.get(key)
            age = self._clock() - held.at if held is not None else SHOWN_FOR
            if held is not None and age < FRESH_FOR:
                return cast(Value, held.value)
            running = self._running.get(key)
            if running is None:
                running = self._running[key] = self._worker.submit(self._work_out, key, make)
                running.add_done_callback(_log_failure)
        if held is not None and age < SHOWN_FOR:
            return cast(Value, held.value)
        try:
            return cast(Value, running.result(patience).value)
        except TimeoutError:
            return None

    def close(self) -> None:
        """What was begun is not waited for."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _work_out(self, key: Hashable, make: Callable[[], Any]) -> Kept[Any]:
        try:
            made = Kept(make(), self._clock())
            with self._lock:
                self._kept[key] = made
                self._kept.move_to_end(key)
                while len(self._kept) > MOST:
                    self._kept.popitem(last=False)
            return made
        finally:
            with self._lock:
                self._running.pop(key, None)


def _log_failure(done: Future[Kept[Any]]) -> None:
    """Nobody may be waiting for it any more."""
    if not done.cancelled() and (error := done.exception()) is not None:
        log.warning("what was asked could not be worked out", kind=type(error).__name__)
