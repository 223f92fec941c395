"""The vote of the nearest earlier incidents whose label a person gave."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float32]
Half = NDArray[np.float16]
LabelNumbers = NDArray[np.uint16]

_ROWS_AT_ONCE = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighbourSettings:
    """``count`` nearest vote, each with exp(``sharpness`` · (cosine - 1)). ``floor`` votes are shared by all
    labels, so that one without any neighbour is unlikely, not impossible. ``weight`` multiplies the log of the
    shares.
    """

    count: int
    sharpness: float
    floor: float
    weight: float


class Neighbours:
    """``meaning``: unit embeddings of shape (m, dimensions); ``labels``: (m,), each below ``width``."""

    def __init__(self, settings: NeighbourSettings, meaning: Half, labels: LabelNumbers, width: int) -> None:
        self.settings = settings
        self._meaning = meaning
        self._wide: Numbers = meaning.astype(np.float32)
        self._labels = labels
        self._width = width

    def weighed(self, weight: float) -> "Neighbours":
        """The same neighbours with another say."""
        return Neighbours(replace(self.settings, weight=weight), self._meaning, self._labels, self._width)

    def content(self) -> dict[str, NDArray[np.float16] | NDArray[np.uint16]]:
        return {"near_meaning": self._meaning, "near_labels": self._labels}

    def scores(self, meaning: Numbers) -> NDArray[np.float64]:
        """Shape (n, width): weighted log shares of the votes; ``meaning`` of shape (n, dimensions)."""
        found = [self._scores(meaning[at : at + _ROWS_AT_ONCE]) for at in range(0, len(meaning), _ROWS_AT_ONCE)]
        return np.concatenate(found) if found else np.zeros((0, self._width))

    def _scores(self, meaning: Numbers) -> NDArray[np.float64]:
        settings, rows = self.settings, len(meaning)
        votes = np.full((rows, self._width), settings.floor / self._width)
        count = min(settings.count, len(self._labels))
        if count:
            cosines = meaning @ self._wide.T
            near = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
            weights = np.exp(settings.sharpness * (np.take_along_axis(cosines, near, axis=1).astype(float) - 1))
            np.add.at(votes, (np.arange(rows)[:, None], self._labels[near].astype(np.intp)), weights)
        shares: NDArray[np.float64] = settings.weight * np.log(votes / votes.sum(axis=1, keepdims=True))
        return shares
