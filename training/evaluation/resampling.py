"""Bootstrap over patterns: rows of one pattern are drawn together, for they are right or wrong together."""

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from training.learning.judged import Numbers, Values

_CHUNK = 4_000_000
"""Weights held at once: 32 MB."""
_FEW = 8
"""Worth drawing kinds of groups instead of groups where there are this many times fewer kinds."""


class Resamples:
    """``repetitions`` samples of the groups, drawn with replacement; the same ones for the same seed and values.

    ``groups``: shape (n,), equal where two rows belong together. What is bootstrapped must be a function of sums
    over rows, which nearly every measure is: a share, a mean, an F1, a calibration error with fixed bins. Groups
    with equal sums are interchangeable, so only how many of each kind are drawn matters: a multinomial over few
    kinds, exactly what drawing every group would give, at a hundredth of the time.
    """

    def __init__(self, groups: Numbers, *, seed: int, repetitions: int) -> None:
        _, numbers = np.unique(groups, return_inverse=True)
        n = len(groups)
        self.groups = int(numbers.max()) + 1
        self._summing = sparse.csr_array((np.ones(n), (numbers, np.arange(n))), shape=(self.groups, n))
        self._seed = seed
        self._repetitions = repetitions

    def totals(self, columns: "sparse.sparray | Values") -> Values:
        """Sums of ``columns``, of shape (n, m), dense or sparse, over each sample: shape (repetitions, m)."""
        chance = np.random.default_rng(self._seed)
        sums = sparse.csr_array(self._summing @ sparse.csr_array(columns))
        # Equal rows have equal keys; that different ones do has a probability of about 1e-10.
        _, kinds, counts = np.unique(sums @ chance.random(sums.shape[1]), return_index=True, return_counts=True)
        if len(kinds) * _FEW > self.groups:
            kinds, counts = np.arange(self.groups), np.ones(self.groups, dtype=np.int64)
        of_kinds = sparse.csr_array(sums[kinds].T)
        found = [(of_kinds @ weights.T).T for weights in self._weights(counts, chance)]
        totals: Values = np.concatenate(found)
        return totals

    def _weights(self, counts: Numbers, chance: np.random.Generator) -> Iterator[Values]:
        """How often each kind of group is in each sample: chunks of shape (some repetitions, kinds)."""
        step = max(1, _CHUNK // len(counts))
        for done in range(0, self._repetitions, step):
            size = min(step, self._repetitions - done)
            if len(counts) < self.groups:
                drawn = chance.multinomial(self.groups, counts / self.groups, size=size)
            else:
                drawn = np.stack([self._drawn_singly(chance) for _ in range(size)])
            yield drawn.astype(np.float64)

    def _drawn_singly(self, chance: np.random.Generator) -> Numbers:
        return np.bincount(chance.integers(self.groups, size=self.groups), minlength=self.groups)
