"""From which similarity on an earlier incident is linked, chosen on what an organisation knows of its own links.

The wrong-link rate at a threshold is the share of links from there on that are wrong. It is put together from two
kinds of links, each with its own upper bound, and weighted by how many there are of either:

- what people said is right or wrong: their wrong share, bounded by Clopper and Pearson (1934);
- for the others, whether both incidents ended with the same team or the same resolution. Right links agree, wrong
  ones only by chance, so of links that disagree in a share d, with agreement by chance q, the share d / (1 - q) is
  wrong. What reads alike goes to the same team without being the same problem (of 936 alerting rules of one
  company, each unlike the others by construction, 94 of 100 lookalikes share a team, of pairs drawn at random 14),
  so q is measured on pairs that read about as much alike: each new text and its runner-up, which is a wrong link
  where the best candidate is right. The upper bound of q is used.

This second one is an estimate, not a promise. It assumes that right links agree (an outage that several teams each
mend a part of breaks that, and makes it too large: the safe side), that wrong first candidates agree no oftener
than runners-up do (which are right too where a problem came back often: the safe side again), and that links
without a team or a resolution on both sides are like those with them. Where no link has them, whatever people said
nothing of counts as wrong: who merges or links seldom speaks for what nobody looked at.

Thresholds are tried as a fixed sequence from the highest that could pass downwards, and the first that fails ends
it, so that having tried many does not weaken what the last one promises: Angelopoulos, Bates, Candès, Jordan and
Lei, Learn then Test (2021). There are two sequences, at half of the risk each; the second begins where a stray
wrong link cannot end it at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from triage.recurrence.binomial import at_most, links_needed

THRESHOLDS = tuple(round(0.01 * step, 2) for step in range(40, 100))
"""Those that are tried."""
CONFIDENCE = 0.95
NEARLY = 0.1
"""How much less alike than a threshold runners-up may be that tell of agreement by chance there."""
FEWEST = 50
"""Where fewer runners-up are so much alike, these many of the most similar tell."""
_KINDS = ("same", "different", "agreeing", "disagreeing", "untold")
_OF_CHANCE = 0.2
"""The part of the risk that the bound of agreement by chance takes."""
_CALMER = 3
"""With so many times the evidence that it takes to pass at all, the second sequence begins."""


class Verdict(Enum):
    """What people said of a link. ``UNKNOWN``: nothing."""

    SAME = "same"
    DIFFERENT = "different"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A new text and the earlier incident most like it. ``same_team``, ``same_resolution``: whether both ended so,
    None where one of the two is unknown; they count only where there is no verdict."""

    similarity: float
    verdict: Verdict = Verdict.UNKNOWN
    same_team: bool | None = None
    same_resolution: bool | None = None

    @property
    def agrees(self) -> bool | None:
        """Two wordings of a resolution are no disagreement where the team is the same, nor the other way round."""
        told = [one for one in (self.same_team, self.same_resolution) if one is not None]
        return any(told) if told else None


@dataclass(frozen=True, slots=True)
class Chance:
    """How many runners-up agree, of those of which it is known."""

    agreeing: int
    pairs: int

    @property
    def rate(self) -> float:
        return self.agreeing / self.pairs if self.pairs else 1.0

    def at_most(self, confidence: float) -> float:
        return at_most(self.agreeing, self.pairs, confidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The links from ``threshold`` on. ``same`` and ``different`` of people; of the others ``agreeing``,
    ``disagreeing`` and ``untold``. ``chance``: how often wrong ones agree. ``wrong``: the estimated share of wrong
    links, ``wrong_at_most`` its one-sided upper bound; None where there is no link."""

    threshold: float
    links: int
    share: float
    same: int
    different: int
    agreeing: int
    disagreeing: int
    untold: int
    chance: Chance
    wrong: float | None = None
    wrong_at_most: float | None = None

    @property
    def by_people(self) -> int:
        return self.same + self.different

    @property
    def by_proxy(self) -> int:
        return self.agreeing + self.disagreeing

    @property
    def measured(self) -> int:
        return self.by_people + self.by_proxy


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """``asked``: how many new texts there were; ``points`` by rising threshold, each bound holding by itself with
    ``confidence``."""

    asked: int
    points: tuple[Point, ...]
    confidence: float = CONFIDENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """``threshold`` None: none can be concluded, and ``reason`` says why."""

    threshold: float | None
    reason: str


def measure(
    sample: Sequence[Judged],
    runners_up: Sequence[Judged],
    asked: int,
    *,
    confidence: float = CONFIDENCE,
    thresholds: Sequence[float] = THRESHOLDS,
) -> Curve:
    """``sample``: the best earlier candidate of each new text that has one; ``runners_up``: the next best
    of another pattern; ``asked``: how many texts there are."""
    alike = np.array([one.similarity for one in sample], dtype=np.float64)
    kinds = np.array([_KINDS.index(_kind(one)) for one in sample], dtype=np.int64)
    told = [one for one in runners_up if one.agrees is not None and one.verdict is not Verdict.SAME]
    told.sort(key=lambda one: -one.similarity)
    points = []
    for threshold in sorted(thresholds):
        counts = np.bincount(kinds[alike >= threshold], minlength=len(_KINDS)).tolist()
        near = sum(one.similarity >= threshold - NEARLY for one in told)
        agreeing = [one.agrees for one in told[: max(near, FEWEST)]]
        counted = Point(
            threshold=threshold,
            links=sum(counts),
            share=sum(counts) / asked if asked else 0.0,
            chance=Chance(agreeing.count(True), len(agreeing)),
            **dict(zip(_KINDS, counts, strict=True)),
        )
        points.append(_bounded(counted, confidence))
    return Curve(asked=asked, points=tuple(points), confidence=confidence)


def choose(curve: Curve, target: float, confidence: float = CONFIDENCE) -> Choice:
    """The lowest threshold from which on at most ``target`` of the links are wrong, with this confidence in the
    choice as a whole."""
    each = (1.0 + confidence) / 2
    passing = [p for p in curve.points if p.links and _bound(_without_wrong(p), each) <= target]
    if not passing:
        return Choice(threshold=None, reason=_too_few(curve, target, each))
    first = passing[-1]
    calmer = [point for point in passing if point.measured >= _CALMER * first.measured]
    ended = [_descend(curve, start.threshold, target, each) for start in (first, *calmer[-1:])]
    found = [threshold for threshold in ended if threshold is not None]
    if found:
        return Choice(threshold=min(found), reason="measured")
    best = min((point for point in curve.points if point.links), key=lambda p: _bound(p, each))
    bound = _bound(best, each)
    return Choice(
        threshold=None,
        reason=f"no threshold is known to keep wrong links at or below {target:.1%}; from the best one,"
        f" {best.threshold:g}, on they may be {bound:.1%}",
    )


def _kind(one: Judged) -> str:
    if one.verdict is not Verdict.UNKNOWN:
        return str(one.verdict.value)
    return "untold" if one.agrees is None else "agreeing" if one.agrees else "disagreeing"


def _bounded(point: Point, confidence: float) -> Point:
    if not point.links:
        return point
    return replace(point, wrong=_estimate(point), wrong_at_most=_bound(point, confidence))


def _estimate(point: Point) -> float:
    silent = point.links - point.by_people
    among_silent = 1.0
    if point.by_proxy and point.chance.rate < 1.0:
        among_silent = min(point.disagreeing / point.by_proxy / (1.0 - point.chance.rate), 1.0)
    return (point.different + silent * among_silent) / point.links


def _bound(point: Point, confidence: float) -> float:
    """The two kinds of links divide the risk as they divide the links."""
    judged = point.by_people / point.links
    risk = 1.0 - confidence
    if not point.by_proxy:
        return judged * at_most(point.different, point.by_people, confidence) + (1.0 - judged)
    by_people = at_most(point.different, point.by_people, 1.0 - risk * judged) if judged else 0.0
    chanced = point.chance.at_most(1.0 - risk * (1.0 - judged) * _OF_CHANCE)
    disagreeing = at_most(point.disagreeing, point.by_proxy, 1.0 - risk * (1.0 - judged) * (1.0 - _OF_CHANCE))
    among_silent = min(disagreeing / (1.0 - chanced), 1.0) if chanced < 1.0 else 1.0
    return judged * by_people + (1.0 - judged) * among_silent


def _without_wrong(point: Point) -> Point:
    """The same evidence, all of it in favour: what could be concluded at best."""
    return replace(point, same=point.by_people, different=0, agreeing=point.by_proxy, disagreeing=0)


def _descend(curve: Curve, start: float, target: float, confidence: float) -> float | None:
    found = None
    for point in reversed(curve.points):
        if point.threshold > start:
            continue
        if not point.links or _bound(point, confidence) > target:
            break
        found = point.threshold
    return found


def _too_few(curve: Curve, target: float, confidence: float) -> str:
    widest = curve.points[0]
    proxied = any(point.by_proxy for point in curve.points)
    if widest.untold and not proxied:
        return (
            f"people judged {widest.by_people:,} of {widest.links:,} links, and nothing tells of the others:"
            " of none is a team or a resolution known on both sides"
        )
    if proxied:
        risk = 1.0 - confidence
        chanced = min(*(point.chance.at_most(1.0 - risk * _OF_CHANCE) for point in curve.points), 0.99)
        needed = links_needed(target * (1.0 - chanced), 1.0 - risk * (1.0 - _OF_CHANCE))
    else:
        needed = links_needed(target, confidence)
    return f"needs {needed:,} links that people or their teams judge, there are {widest.measured:,}"
