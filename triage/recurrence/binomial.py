"""What so many hits among so many say of a share."""

import math
from functools import lru_cache

import numpy as np

_FINE = 1e-7


@lru_cache(maxsize=4_096)
def at_most(hits: int, of: int, confidence: float) -> float:
    """The one-sided upper bound of a share of which ``hits`` of ``of`` were seen (Clopper and Pearson, 1934): with
    a larger one, so few would be seen with a probability of less than 1 - ``confidence``."""
    if of == 0 or hits >= of:
        return 1.0
    seen = np.arange(hits + 1)
    ways = np.concatenate(([0.0], np.cumsum(np.log(of - seen[1:] + 1) - np.log(seen[1:]))))
    low, high = hits / of, 1.0
    while high - low > _FINE:
        middle = (low + high) / 2
        so_few = np.exp(ways + seen * math.log(middle) + (of - seen) * math.log1p(-middle)).sum()
        low, high = (middle, high) if so_few > 1.0 - confidence else (low, middle)
    return high


def links_needed(target: float, confidence: float) -> int:
    """How many links, all of them right, show that at most ``target`` are wrong."""
    return math.ceil(math.log(1.0 - confidence) / math.log1p(-target)) if target < 1.0 else 1
