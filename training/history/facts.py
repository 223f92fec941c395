"""The facts of a whole history as numbers, so that 200,000 rows are compared without a loop over them."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from triage.domain.incident import Incident
from triage.prediction.features import fact_names

Codes = NDArray[np.int64]
Keys = NDArray[np.uint64]

_Thing = TypeVar("_Thing", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFacts:
    """Every row that has ``key``: ``rows`` (ascending) and, beside it, which of ``values`` it has."""

    key: str
    rows: Codes
    codes: Codes
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FactTable:
    """The facts (plain scope) of n incidents. ``names`` are the distinct ones; those of row i are
    ``codes[starts[i]:starts[i + 1]]``."""

    names: tuple[str, ...]
    codes: Codes
    starts: Codes

    @classmethod
    def of(cls, incidents: Iterable[Incident]) -> "FactTable":
        number: dict[str, int] = {}
        codes: list[int] = []
        ends = [0]
        for incident in incidents:
            codes.extend(number.setdefault(name, len(number)) for name in fact_names(incident))
            ends.append(len(codes))
        return cls(
            names=tuple(number), codes=np.array(codes, dtype=np.int64), starts=np.array(ends, dtype=np.int64)
        )

    def __len__(self) -> int:
        return len(self.starts) - 1

    def take(self, rows: Codes) -> "FactTable":
        """The facts of these rows only, in their order."""
        sizes = np.diff(self.starts)[rows]
        starts = np.concatenate(([0], np.cumsum(sizes)))
        at = np.arange(starts[-1]) + np.repeat(self.starts[rows] - starts[:-1], sizes)
        return FactTable(names=self.names, codes=self.codes[at], starts=starts)

    def by_key(self, least_rows: int) -> Iterator[KeyFacts]:
        """The keys that at least so many rows have, by name."""
        keys, key_of = numbered(name.split("=", 1)[0] for name in self.names)
        key_at = key_of[self.codes]
        order = np.argsort(key_at, kind="stable")
        row_at = np.repeat(np.arange(len(self)), np.diff(self.starts))
        ends = np.cumsum(np.bincount(key_at, minlength=len(keys)))
        for number in sorted(range(len(keys)), key=keys.__getitem__):
            start = int(ends[number - 1]) if number else 0
            chosen = order[start : ends[number]]
            if len(chosen) >= least_rows:
                used, codes = np.unique(self.codes[chosen], return_inverse=True)
                values = tuple(self.names[at].split("=", 1)[1] for at in used)
                yield KeyFacts(key=keys[number], rows=row_at[chosen], codes=codes, values=values)

    def row_keys(self, renamed: Callable[[str], str | None] = lambda name: name) -> Keys:
        """Shape (n,): equal where two rows have the same facts in whatever order, each told by what ``renamed``
        makes of it (None: it does not matter).

        A row's key is the sum of a random 64-bit number for each of its facts, so that for 200,000 rows two
        different ones get the same key with a chance of one in a thousand million.
        """
        names, name_of = numbered(renamed(name) for name in self.names)
        drawn = random_keys(len(names))
        drawn[[at for at, name in enumerate(names) if name is None]] = 0
        sums = np.concatenate((np.zeros(1, np.uint64), np.cumsum(drawn[name_of][self.codes], dtype=np.uint64)))
        return sums[self.starts[1:]] - sums[self.starts[:-1]]


def numbered(things: Iterable[_Thing]) -> tuple[list[_Thing], Codes]:
    """The distinct ones in order of appearance, and which of them each is."""
    number: dict[_Thing, int] = {}
    codes = np.fromiter((number.setdefault(thing, len(number)) for thing in things), dtype=np.int64)
    return list(number), codes


def random_keys(count: int, seed: int = 0) -> Keys:
    """The same for the same ``seed``."""
    return np.random.default_rng(seed).integers(0, 2**64, count, dtype=np.uint64)


def contents(texts: Sequence[str], keys: Keys) -> Codes:
    """Shape (n,): equal where two rows have the same text and the same key."""
    distinct, text_of = numbered(texts)
    _, found = np.unique(random_keys(len(distinct), seed=1)[text_of] + keys, return_inverse=True)
    return np.asarray(found, dtype=np.int64)


def paired(left: Codes, right: Codes) -> Codes:
    """Shape (n,): equal where both are. Neither has a negative number."""
    _, found = np.unique(left * (int(right.max(initial=0)) + 1) + right, return_inverse=True)
    return np.asarray(found, dtype=np.int64)
