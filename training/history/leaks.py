"""Facts that spell the answer: written once it was known, and gone when the next incident opens."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from triage.domain.catalogue import fold
from triage.domain.incident import Incident
from triage.prediction.features import fact_ids, fact_names

_LEAST_ROWS = 10
_LEAST_SHARE_EQUAL = 0.95

_WRITTEN_LATER = frozenset(
    {
        "assigned to",
        "assignment group",
        "close code",
        "close notes",
        "closed at",
        "closed by",
        "reassignment count",
        "resolution",
        "resolution code",
        "resolution notes",
        "resolved at",
        "resolved by",
        "root cause",
        "time to resolve",
    }
)
"""Labels that systems of record fill in while an incident is worked on or when it is closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """``key`` as in ``labels.owner``; ``dropped`` is False for a field that is known when an incident opens
    (service, severity …): it is only pointed out."""

    key: str
    target: str
    reason: str
    dropped: bool

    def __str__(self) -> str:
        return f"{self.key} {'left out' if self.dropped else 'kept'} for {self.target}: {self.reason}"


def find_leaks(incidents: Sequence[Incident], labels: Sequence[str], target: str) -> list[Leak]:
    """The keys whose value is the label in at least 95 % of the rows that have them, and those written later."""
    rows: Counter[str] = Counter()
    equal: Counter[str] = Counter()
    for incident, label in zip(incidents, labels, strict=True):
        for key, value in _facts(incident):
            rows[key] += 1
            equal[key] += fold(value) == fold(label)
    leaks = []
    for key, n in sorted(rows.items()):
        if fold(key.removeprefix("labels.")) in _WRITTEN_LATER and key.startswith("labels."):
            leaks.append(Leak(key=key, target=target, reason="written after the incident opened", dropped=True))
        elif n >= _LEAST_ROWS and equal[key] >= _LEAST_SHARE_EQUAL * n:
            reason = f"equals the label in {equal[key]:,} of {n:,} rows"
            leaks.append(Leak(key=key, target=target, reason=reason, dropped=key.startswith("labels.")))
    return leaks


def ids_of(leaks: Sequence[Leak], incidents: Sequence[Incident]) -> frozenset[int]:
    """The features of every dropped key, in these incidents."""
    keys = {leak.key for leak in leaks if leak.dropped}
    by_key: defaultdict[str, set[str]] = defaultdict(set)
    for incident in incidents:
        for name in fact_names(incident):
            by_key[name.split("=", 1)[0]].add(name)
    return frozenset(int(i) for key in keys for i in fact_ids(tuple(sorted(by_key[key]))))


def _facts(incident: Incident) -> Iterator[tuple[str, str]]:
    for name in fact_names(incident):
        key, value = name.split("=", 1)
        yield key, value
