"""A thread that does something again and again, for as long as the process lives."""

import threading
from collections.abc import Callable


class Rounds:
    """``act`` outlives every failure of its own, and says how many seconds to wait after it."""

    def __init__(self, name: str, act: Callable[[], float]) -> None:
        self._act = act
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def is_stopping(self) -> bool:
        """Asked by an ``act`` that has more to do."""
        return self._stop.is_set()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """What is being done is finished first."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=30)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._stop.wait(self._act())
