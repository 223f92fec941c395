"""A challenger beside the bundle in force: it is asked about every incident, nobody follows it, and people's words
say which of the two is right more often.

It is held against what was decided at the time, with the configuration of that time, so that nothing differs but
the bundle. It speaks of incidents only that were opened after it was made, which no history of it can have held.
"""

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

from triage.domain.estimate import Estimate, wilson
from triage.errors import BundleError, BundleRefused, Conflict
from triage.precision import Target
from triage.prediction.bundle import open_bundle
from triage.prediction.collection import get_bundle
from triage.prediction.manifest import read_manifest
from triage.store.challenges import Answer, Challenges, Counts, Differing
from triage.store.configurations import NOTHING, Configurations, Move, Pointer
from triage.store.database import Database
from triage.store.judgements import Judged, Judgements

BUNDLE, CHALLENGER = "bundle", "challenger"
LOOKED_BACK = timedelta(days=30)
"""Before it was named, as far as it cannot have learnt from what came then: there are figures at once."""
SURE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Of one target. ``same``: how often both conclude the same; ``acts`` and ``would_act``: how often the
    incumbent, and the challenger, is sure enough to act alone. Of the random sample that people judged, how often
    the conclusion of either was right; ``only_…``: how often it alone was; ``p``: the chance of numbers as unequal
    without a difference, by the exact sign test (McNemar, 1947), None where one is never right alone."""

    target: Target
    same: int
    acts: int
    would_act: int
    incumbent: Estimate
    challenger: Estimate
    only_incumbent: int
    only_challenger: int
    p: float | None

    @property
    def verdict(self) -> str:
        if self.p is None:
            return "Of no judged incident is one of them right alone."
        if self.p >= SURE:
            return "These incidents do not tell them apart."
        better = self.only_challenger > self.only_incumbent
        return f"The {'challenger' if better else 'one in force'} is right more often (p {self.p:.2g})."


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Of the challenger that the pointer names, against ``incumbent``, on incidents opened from ``since`` on."""

    pointer: Pointer
    incumbent: str
    since: datetime
    counts: Counts
    team: Compared
    priority: Compared
    differing: tuple[Differing, ...]


class Challenge:
    """``sample``: the rate at which incidents are drawn to be judged."""

    def __init__(self, database: Database, models: Path, sample: float, clock: Callable[[], datetime]) -> None:
        self._configurations = Configurations(database)
        self._challenges = Challenges(database)
        self._judgements = Judgements(database)
        self._models = models
        self._sample = sample
        self._clock = clock

    def name(self, version: str, by: str, reason: str, expect: str | None = None) -> Move | None:
        """Let a bundle run beside the one in force; None where it does already.

        Raises NotFound, BundleRefused, Conflict where it decides itself or another than the expected one runs
        beside it, StoreUnavailable.
        """
        folder = get_bundle(self._models, version)
        if self._in_force() == version:
            raise Conflict(f"{version} is in force: it cannot challenge itself")
        try:
            open_bundle(folder, workers=1).encoder.close()
        except BundleError as error:
            raise BundleRefused(f"the bundle {version} is refused: {error}") from error
        return self._configurations.point(CHALLENGER, version, by, reason, expect=expect)

    def end(self, by: str, reason: str, expect: str | None = None) -> Move | None:
        """None where none runs. Raises Conflict, StoreUnavailable."""
        return self._configurations.point(CHALLENGER, NOTHING, by, reason, expect=expect)

    def expected(self) -> str:
        """What the pointer says, ``none`` for nothing: what somebody who acts now has seen."""
        found = self._configurations.read_pointers().get(CHALLENGER)
        return found.version if found is not None else NOTHING

    def pointer(self) -> Pointer | None:
        """The challenger that is to run; None without one, and once it decides itself. Raises StoreUnavailable."""
        pointers = self._configurations.read_pointers()
        found, active = pointers.get(CHALLENGER), pointers.get(BUNDLE)
        if found is None or found.version in (NOTHING, active.version if active else NOTHING):
            return None
        return found

    def begins(self, pointer: Pointer) -> datetime:
        """From when on incidents are asked about: never before the challenger was made. A bundle that is gone, or
        says nothing of when, is asked about what came since it was named."""
        with suppress(BundleError):
            made = read_manifest(self._models / pointer.version).created_at
            return max(made, pointer.changed_at - LOOKED_BACK)
        return pointer.changed_at

    def state(self, pointer: Pointer) -> tuple[object, ...]:
        """Changes whenever a report may."""
        return pointer.version, self._in_force(), *self._challenges.state(pointer.version)

    def report(self) -> Report | None:
        """None where no challenger runs. Raises StoreUnavailable."""
        pointer, incumbent = self.pointer(), self._in_force()
        if pointer is None:
            return None
        since = max(self.begins(pointer), self._clock() - 3 * LOOKED_BACK)
        judged = {one.incident_id: one for one in self._judgements.judged(self._sample) if one.opened_at >= since}
        answers = self._challenges.answers(pointer.version, incumbent, list(judged))
        counts = self._challenges.count(pointer.version, incumbent, since)
        pairs = [(judged[key], answer) for key, answer in answers.items()]
        return Report(
            pointer=pointer,
            incumbent=incumbent,
            since=since,
            counts=counts,
            team=_compare("team", pairs, counts.team_same, counts.acts_team, counts.would_act_team),
            priority=_compare(
                "priority", pairs, counts.priority_same, counts.acts_priority, counts.would_act_priority
            ),
            differing=tuple(self._challenges.differing(pointer.version, incumbent, since)),
        )

    def _in_force(self) -> str:
        pointer = self._configurations.read_pointers().get(BUNDLE)
        return pointer.version if pointer is not None else NOTHING


def _compare(
    target: Target, pairs: Sequence[tuple[Judged, Answer]], same: int, acts: int, would_act: int
) -> Compared:
    right = [
        (getattr(one, f"suggested_{target}") == truth, getattr(answer, target) == truth)
        for one, answer in pairs
        for truth in [getattr(one, target)]
    ]
    one_alone = sum(before and not after for before, after in right)
    other_alone = sum(after and not before for before, after in right)
    return Compared(
        target=target,
        same=same,
        acts=acts,
        would_act=would_act,
        incumbent=wilson(sum(before for before, _ in right), len(right)),
        challenger=wilson(sum(after for _, after in right), len(right)),
        only_incumbent=one_alone,
        only_challenger=other_alone,
        p=sign_test(one_alone, other_alone),
    )


def sign_test(one: int, other: int) -> float | None:
    """Two-sided: the chance of as unequal a split of ``one + other`` tosses of a fair coin."""
    n = one + other
    if n == 0:
        return None
    tail = sum(math.comb(n, k) for k in range(min(one, other) + 1))
    return min(1.0, 2 * float(Fraction(tail, 2**n)))


def as_json(report: Report) -> dict[str, Any]:
    """For programs, without what the incidents say."""
    told = asdict(report) | {"version": report.pointer.version, "named_at": report.pointer.changed_at}
    told |= {"by": report.pointer.changed_by, "reason": report.pointer.reason}
    del told["pointer"]
    for target in (report.team, report.priority):
        told[target.target]["verdict"] = target.verdict
    told["differing"] = [one.incident_id for one in report.differing]
    return told
