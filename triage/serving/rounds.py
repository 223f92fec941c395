"""A thread that does something every few seconds, and outlives every failure of it."""

import threading
from collections.abc import Callable

from triage.serving.metrics import Metrics
from triage.serving.outliving import outlives


class Rounds:
    """``act`` is called once every ``every`` seconds, and first after so long."""

    def __init__(self, name: str, act: Callable[[], None], every: float, metrics: Metrics) -> None:
        self._name = name
        self._act = act
        self._every = every
        self._metrics = metrics
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=30)

    def _run(self) -> None:
        while not self._stop.wait(self._every):
            outlives(self._name, self._act, self._metrics)
