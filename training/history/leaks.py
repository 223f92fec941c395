"""Facts that spell the answer: written once it was known, and gone when the next incident opens."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.history.facts import Codes, FactTable, KeyFacts, numbered
from triage.domain.catalogue import fold
from triage.domain.incident import Incident
from triage.prediction.features import fact_ids, fact_names

_LEAST_ROWS = 10
_LEAST_SHARE_EQUAL = 0.95

# A key decides alone when the other rows of its value give the label this often, and leave at most this part of
# the errors of always saying the most frequent label.
_LEAST_DECIDED_ROWS = 30
_SEVERAL = 3
_LEAST_DECIDED = 0.95
_MOST_ERRORS_LEFT = 0.2
_CERTAIN = 0.99

_WRITTEN_LATER = frozenset(
    {
        "assigned to",
        "assignment group",
        "business duration",
        "calendar duration",
        "caused by",
        "close code",
        "close notes",
        "closed at",
        "closed by",
        "closure code",
        "closure notes",
        "made sla",
        "reassignment count",
        "reopen count",
        "resolution",
        "resolution code",
        "resolution notes",
        "resolution time",
        "resolved at",
        "resolved by",
        "root cause",
        "sys mod count",
        "sys updated by",
        "sys updated on",
        "time to resolve",
        "work notes",
    }
)
"""Labels that systems of record fill in while an incident is worked on or when it is closed."""

_NAMES_WHO_DID_IT = frozenset(
    {
        *("assigned", "assignee", "assignment", "closed", "closure", "handled", "owned", "owner", "owning"),
        *("resolved", "resolution", "resolver", "responsible", "squad", "team", "teams"),
    }
)
"""Words of a label's name that say its value may well have been written by whoever took the incident."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """``key`` as in ``labels.owner``; ``dropped`` is False where it may well be known when an incident opens
    (service, severity, a label by another name): it is only pointed out."""

    key: str
    target: str
    reason: str
    dropped: bool

    def __str__(self) -> str:
        return f"{self.key} {'left out' if self.dropped else 'kept'} for {self.target}: {self.reason}"


def find_leaks(
    incidents: Sequence[Incident], labels: Sequence[str], target: str, facts: FactTable | None = None
) -> list[Leak]:
    """The keys that are written later, whose value is the label in at least 95 % of the rows that have them, or
    whose value decides the label alone without spelling it. ``facts`` are those of ``incidents``, if at hand.

    Only labels are ever left out. One that decides alone is left out where it does so in at least 99 % of the
    rows and its name speaks of whom the incident went to; a service or a component may rightly decide alone.
    """
    facts = FactTable.of(incidents) if facts is None else facts
    words, label_of = numbered(labels)
    spelling: dict[str, int] = {}
    folded = np.array([spelling.setdefault(fold(word), len(spelling)) for word in words], dtype=np.int64)[label_of]
    leaks = []
    for of_key in facts.by_key(1):
        leak = _leak(of_key, spelling, folded[of_key.rows], target)
        if leak is not None:
            leaks.append(leak)
    return leaks


def ids_of(leaks: Sequence[Leak], incidents: Sequence[Incident]) -> frozenset[int]:
    """The features of every dropped key, in these incidents."""
    keys = {leak.key for leak in leaks if leak.dropped}
    if not keys:
        return frozenset()
    by_key: defaultdict[str, set[str]] = defaultdict(set)
    for incident in incidents:
        for name in fact_names(incident):
            key = name.split("=", 1)[0]
            if key in keys:
                by_key[key].add(name)
    return frozenset(int(i) for names in by_key.values() for i in fact_ids(tuple(sorted(names))))


def _leak(found: KeyFacts, spelling: dict[str, int], labels: Codes, target: str) -> Leak | None:
    """``labels``: the folded label of each of the key's rows, as ``spelling`` numbers them."""
    is_label = found.key.startswith("labels.")
    name = fold(found.key.removeprefix("labels."))
    if is_label and name in _WRITTEN_LATER:
        return Leak(key=found.key, target=target, reason="written after the incident opened", dropped=True)
    rows = len(labels)
    spelled = np.array([spelling.get(fold(value), -1) for value in found.values], dtype=np.int64)
    equal = int(np.count_nonzero(spelled[found.codes] == labels))
    if rows >= _LEAST_ROWS and equal >= _LEAST_SHARE_EQUAL * rows:
        reason = f"equals the label in {equal:,} of {rows:,} rows"
        return Leak(key=found.key, target=target, reason=reason, dropped=is_label)
    verdict = _decides(found.codes, labels)
    if verdict is None or not verdict.alone:
        return None
    certain = verdict.right >= _CERTAIN and not _NAMES_WHO_DID_IT.isdisjoint(name.split())
    return Leak(key=found.key, target=target, reason=str(verdict), dropped=is_label and certain)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verdict:
    """What the most frequent label among the *other* rows of the same value is worth, on the rows of values seen
    several times. ``majority``: what always saying the most frequent label would be."""

    rows: int
    right: float
    majority: float
    one_to_one: bool

    @property
    def alone(self) -> bool:
        better = 1 - self.right <= _MOST_ERRORS_LEFT * (1 - self.majority)
        return self.rows >= _LEAST_DECIDED_ROWS and self.right >= _LEAST_DECIDED and better and self.majority < 1

    def __str__(self) -> str:
        return (
            f"decides the label alone in {self.right:.1%} of {self.rows:,} rows (the most frequent label: "
            f"{self.majority:.0%})"
            + ("; it has one value for each label, as another name of it would have" if self.one_to_one else "")
            + "; leave it out if it is not known when an incident opens"
        )


def _decides(values: Codes, labels: Codes) -> _Verdict | None:
    """Leaving one row out: it is judged right where its label leads among its value's other rows, ties lost."""
    several = np.bincount(values)[values] >= _SEVERAL
    values, labels = values[several], labels[several]
    if not len(values):
        return None
    width = int(labels.max()) + 1
    pairs, rows = np.unique(values * width + labels, return_counts=True)
    order = np.lexsort((-rows, pairs // width))
    value_of, rows = (pairs // width)[order], rows[order]
    leads = np.concatenate(([True], value_of[1:] != value_of[:-1]))
    has_second = np.concatenate((value_of[1:] == value_of[:-1], [False]))[leads]
    second = np.zeros(int(leads.sum()), dtype=np.int64)
    second[has_second] = rows[1:][leads[:-1] & ~leads[1:]]
    leading = rows[leads]
    said = (pairs % width)[order][leads]
    return _Verdict(
        rows=len(values),
        right=float(leading[leading - 1 > second].sum() / len(values)),
        majority=float(np.bincount(labels).max() / len(values)),
        one_to_one=len(np.unique(said)) == len(said) == len(np.unique(labels)),
    )
