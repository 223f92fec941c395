"""What is promised about suggestions, and all that serving needs to keep it: two limits to compare with.

Both are learned in training from held-out incidents (``training.learning.conformal``) and travel in the
manifest. Neither draws a random number: the same incident always gets the same answer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
SetMethod = Literal["lac", "aps", "raps"]

EXCHANGEABILITY = (
    "Condition: incidents to come are like those it was learned from, as if drawn from the same urn in any order "
    "(exchangeability). New services, other labelling habits or a season unlike the last break it; "
    "the drift alarm looks for that. It was learned while parts of the history were held out; what serves is "
    "fitted on all of it, which is better and not quite the same."
)
_ROWS_AT_ONCE = 8_192
"""Rows scored together: bounds the working memory, whatever the number of labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RaiseRule:
    """Make an incident urgent when its calibrated probability of ``labels`` is at least ``threshold``.

    ``labels``: the guarded ones, most urgent first; a miss is a true one of these that is given a less urgent
    priority. ``bound``: the largest share of misses; ``confidence``: None where that holds on average over
    calibration samples, else the probability over them with which it holds. ``units``: the incidents (or
    patterns, if ``by_pattern``) it was learned from, of which up to ``allowed`` may be missed.
    """

    labels: tuple[str, ...]
    threshold: float
    bound: float
    confidence: float | None
    units: int
    allowed: int
    by_pattern: bool

    def scores(self, probabilities: Numbers, labels: Sequence[str]) -> Numbers:
        """(n,): how probable the guarded labels are together. ``probabilities``: (n, k), one column for each of
        ``labels``; a guarded label that is not among them counts as impossible."""
        guarded = np.array([label in self.labels for label in labels], dtype=np.bool_)
        total: Numbers = probabilities[:, guarded].sum(axis=1)
        return total

    def raises(self, scores: Numbers) -> Flags:
        """(n,): which incidents to make at least as urgent as the last of ``labels``."""
        raised: Flags = scores >= self.threshold
        return raised

    def describe(self) -> dict[str, Any]:
        return asdict(self)

    def lines(self) -> Iterator[str]:
        urgent = " or ".join(self.labels)
        held = _held(self.confidence)
        units = f"patterns of incidents that were {urgent}" if self.by_pattern else f"incidents that were {urgent}"
        raised = f"An incident is raised to {self.labels[-1]}"
        yield f"{raised} when its probability of {urgent} is at least {self.threshold:.4g}."
        yield f"Promise, {held}: at most {_percent(self.bound)} of true {urgent} are triaged as less urgent."
        yield f"Learned from {self.units:,} {units}, of which the rule may miss {self.allowed:,}."
        yield EXCHANGEABILITY


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRule:
    """A set of labels that holds the true one with probability ``coverage``.

    A label is in the set when its conformity score is at most its limit: ``limits`` holds one number for all
    labels, or one for each (``by_class``: coverage within every label, not only over all). The other fields are
    as in ``RaiseRule``, a unit being missed when its true label is outside the set; ``penalty`` and ``free_ranks``
    matter to ``raps`` alone.

    Methods. ``lac``: 1 - probability (Sadinle, Lei & Wasserman, 2019), the smallest sets on average. ``aps``: the
    probability of the label and all likelier ones (Romano, Sesia & Candès, 2020), more even between easy and hard
    incidents. ``raps``: that plus ``penalty`` for every rank beyond ``free_ranks`` (Angelopoulos, Bates, Malik &
    Jordan, 2021), without the long tails. The usual random tie-breaking of ``aps`` and ``raps`` is left out, which
    can only make sets larger; and a set is never empty, for the likeliest label is always in.
    """

    method: SetMethod
    limits: tuple[float, ...]
    by_class: bool
    penalty: float
    free_ranks: int
    coverage: float
    confidence: float | None
    units: int
    allowed: int
    by_pattern: bool

    def sets(self, probabilities: Numbers) -> Flags:
        """Which labels are in each set: (n, k) from calibrated probabilities of shape (n, k)."""
        limits = np.array(self.limits)
        chosen = np.empty(probabilities.shape, dtype=np.bool_)
        for start in range(0, len(probabilities), _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            np.less_equal(self.conformity(probabilities[part]), limits, out=chosen[part])
        if chosen.size:
            chosen[np.arange(len(chosen)), probabilities.argmax(axis=1)] = True
        return chosen

    def conformity(self, probabilities: Numbers) -> Numbers:
        """How far each label is from being the expected one: (n, k), less is better."""
        return conformity(probabilities, self.method, self.penalty, self.free_ranks)

    def describe(self) -> dict[str, Any]:
        return asdict(self)

    def lines(self) -> Iterator[str]:
        units = "patterns" if self.by_pattern else "incidents"
        whose = "every label with enough incidents, and the rest together" if self.by_class else "all incidents"
        covered = f"at least {_percent(self.coverage)} have their true label in the set"
        yield f"Promise, {_held(self.confidence)}: of {whose}, {covered}."
        if self.by_class:
            yield "Incidents whose label was never seen in training are outside that promise."
        else:
            yield "A label never seen in training counts as not covered, and the promise allows for it."
        yield f"Learned from {self.units:,} {units} ({self.method}); no chance is involved, and no set is empty."
        yield EXCHANGEABILITY


def conformity(probabilities: Numbers, method: SetMethod, penalty: float, free_ranks: int) -> Numbers:
    """The scores behind ``SetRule``, of shape (n, k). Equal probabilities rank in the order of the labels."""
    if method == "lac":
        return 1.0 - probabilities
    order = np.argsort(-probabilities, axis=1, kind="stable")
    likeliest = np.cumsum(np.take_along_axis(probabilities, order, axis=1), axis=1)
    if method == "raps":
        likeliest += penalty * np.maximum(0, np.arange(1, probabilities.shape[1] + 1) - free_ranks)
    scores = np.empty_like(likeliest)
    np.put_along_axis(scores, order, likeliest, axis=1)
    return scores


def _held(confidence: float | None) -> str:
    return "on average" if confidence is None else f"with {_percent(confidence)} confidence"


def _percent(share: float) -> str:
    return f"{100 * share:.4g} %"
