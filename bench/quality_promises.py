"""Whether the sets that are promised to hold the true label do: on exchangeable rows, and as time goes by."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.evaluation.drift_alarm import watch
from training.learning.judged import Judged
from triage.prediction.guarantees import SetRule

SET = "set"
"""The field of an output line that holds the promised set, the most probable label first."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Promise:
    """``held``, shape (n,): whether the set has the true label; ``sizes``, shape (n,): how many labels it has. The
    rest as in the bundle's rule; over several splits, ``units`` and ``allowed`` are their means."""

    coverage: float
    units: int
    allowed: int
    held: NDArray[np.bool_]
    sizes: NDArray[np.int64]


def promise_of(told: Sequence[tuple[dict[str, Any], str]], rule: SetRule | None) -> Promise | None:
    """``told``: a target's part of each output line, and the truth. None where nothing was promised."""
    if rule is None or any(SET not in said for said, _ in told):
        return None
    return Promise(
        coverage=rule.coverage,
        units=rule.units,
        allowed=rule.allowed,
        held=np.array([truth in said[SET] for said, truth in told], dtype=np.bool_),
        sizes=np.array([len(said[SET]) for said, _ in told], dtype=np.int64),
    )


def pooled_promise(parts: Sequence[Promise | None]) -> Promise | None:
    """None where a split has none: then there is nothing to say of the set of them."""
    there = [part for part in parts if part is not None]
    if len(there) < len(parts) or not there:
        return None
    return Promise(
        coverage=there[0].coverage,
        units=round(float(np.mean([part.units for part in there]))),
        allowed=round(float(np.mean([part.allowed for part in there]))),
        held=np.concatenate([part.held for part in there]),
        sizes=np.concatenate([part.sizes for part in there]),
    )


def over_time(promise: Promise, judged: Judged) -> Iterator[str]:
    """How often it was not held, period by period, with an alarm where chance does not explain that."""
    watched = watch(
        ~promise.held,
        units=promise.units,
        allowed=promise.allowed,
        moments=judged.moments,
        groups=judged.groups,
    )
    yield from (f"not held, {line}" for line in watched.lines())
