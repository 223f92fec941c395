"""Predictions on rows that were not learnt from: what every measure of this folder starts from."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]
Values = NDArray[np.float64]

UNKNOWN = -1
"""The truth of a row whose label the head does not know."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """Predictions on rows that were not learnt from.

    ``target``: priority, team, second_look, impact or urgency. ``labels``: the head's, k of them.
    ``probabilities``: shape (n, k). ``truth``: shape (n,), -1 for a label the head does not know. ``acting``:
    shape (n,), not abstained. ``chosen``: shape (n,), what the head concludes: the most probable label or, for a
    priority, the one of least expected cost. ``moments``: shape (n,) of datetime64[s], NaT where unknown; None
    where no row has a date. ``ids``: of the rows. ``groups``: shape (n,), equal where two rows are of one
    pattern; a bootstrap draws patterns. ``order``: for an ordered target, label numbers from most to least
    urgent. ``costs``: shape (k, k), of concluding the column where the row is true.

    Raises ``ValueError`` where shapes do not agree or there is no row.
    """

    target: str
    labels: tuple[str, ...]
    probabilities: Values
    truth: Numbers
    acting: Flags
    chosen: Numbers
    moments: NDArray[np.datetime64] | None
    ids: tuple[str, ...]
    groups: Numbers
    order: tuple[int, ...] | None = None
    costs: Values | None = None

    def __post_init__(self) -> None:
        n, k = len(self.ids), len(self.labels)
        if n == 0:
            raise ValueError("there is no row to judge on")
        if self.probabilities.shape != (n, k):
            raise ValueError(f"probabilities: expected shape {(n, k)}, found {self.probabilities.shape}")
        for name in ("truth", "acting", "chosen", "groups"):
            if getattr(self, name).shape != (n,):
                raise ValueError(f"{name}: expected shape {(n,)}, found {getattr(self, name).shape}")
        if self.moments is not None and self.moments.shape != (n,):
            raise ValueError(f"moments: expected shape {(n,)}, found {self.moments.shape}")
        if self.costs is not None and self.costs.shape != (k, k):
            raise ValueError(f"costs: expected shape {(k, k)}, found {self.costs.shape}")

    def take(self, rows: Flags) -> "Judged":
        """Those of the rows that ``rows``, of shape (n,), is true for. Raises ``ValueError`` where it is for
        none."""
        at = np.flatnonzero(rows)
        arrays = {
            name: getattr(self, name)[at] for name in ("probabilities", "truth", "acting", "chosen", "groups")
        }
        moments = None if self.moments is None else self.moments[at]
        return replace(self, **arrays, moments=moments, ids=tuple(self.ids[i] for i in at.tolist()))

    @property
    def known(self) -> Flags:
        """Shape (n,): rows whose label the head could have said."""
        known: Flags = self.truth != UNKNOWN
        return known

    @property
    def right(self) -> Flags:
        """Shape (n,): what was concluded is true. A label the head does not know is never right."""
        right: Flags = self.chosen == self.truth
        return right

    @property
    def confidence(self) -> Values:
        """Shape (n,): the probability of what was concluded."""
        found: Values = self.probabilities[np.arange(len(self.ids)), self.chosen]
        return found

    @property
    def top(self) -> Numbers:
        """Shape (n,): the most probable label."""
        top: Numbers = self.probabilities.argmax(axis=1)
        return top
