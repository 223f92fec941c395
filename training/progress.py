"""Progress on standard error: one bar a phase, so that a long training shows where it is."""

import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import click


class ProgressBars:
    """A bar for the current phase; the next phase ends it. ``hidden`` for programs."""

    def __init__(self, *, hidden: bool) -> None:
        self._hidden = hidden
        self._phase: str | None = None
        self._bar: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()

    def advance(self, phase: str, more: int, whole: int) -> None:
        """``more`` further of ``whole`` units of ``phase`` are done."""
        if phase != self._phase:
            self._end()
            self._phase = phase
            self._bar = click.progressbar(
                length=whole, label=phase.ljust(8), file=sys.stderr, hidden=self._hidden, show_pos=True
            )
            self._bar.render_progress()
        self._bar.update(more)

    def step(self, step: str, steps: Sequence[str]) -> None:
        """``step`` begins, one of ``steps``."""
        self.advance("encoder", 0, len(steps))
        self._bar.label = step.ljust(8)
        self._bar.update(steps.index(step) - self._bar.pos)

    def _end(self) -> None:
        if self._bar is not None:
            self._bar.render_finish()
            self._bar = None
