"""What a person's look at an incident is worth, and what they say of it.

Not the review of an incident that is over (``triage.reviewing``): here somebody judges what the machine concluded,
and the machine learns from it.
"""

import hashlib
import math
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from triage.domain.correction import UNSAID, Words
from triage.domain.decision import Decision, DecisionInputs, DecisionSource, PriorityDecision, TeamDecision
from triage.domain.priority import Priority
from triage.domain.recurrence import RecurrenceKind

NOT_THE_MACHINES = (DecisionSource.FALLBACK, DecisionSource.REPORTED, DecisionSource.OVERRIDE)
DOUBTS = {
    DecisionSource.FALLBACK: 1.0,
    DecisionSource.CATALOGUE: 0.7,
    DecisionSource.CORRECTION: 0.7,
    DecisionSource.REPORTED: 0.5,
    DecisionSource.MATRIX: 0.4,
    DecisionSource.RULE: 0.2,
    DecisionSource.OVERRIDE: 0.0,
}
"""How likely what was concluded is wrong where nobody gave a probability: an order more than a measurement. Of a
correction ``Words.left`` takes away what was learnt since."""
COSTS = {Priority.P1: 1.0, Priority.P2: 0.7, Priority.P3: 0.4, Priority.P4: 0.25, Priority.P5: 0.15}
"""What it costs to be wrong, of the most urgent as one."""
TIERS = {1: 1.25, 2: 1.1}
"""By how much more for a service of this tier; of tier 1 everything hangs on it."""
OFTEN = 1_000
"""Occurrences in thirty days from which more of them make no difference."""
ITSELF = 10
"""As many incidents of any pattern is one worth that somebody may act on wrongly at this moment: so a doubtful P1
that comes for the first time does not wait behind what is merely frequent."""
NEW = ASKED = 2
"""What a new kind, and a decision that asks for a look, are worth beside it."""
_PEOPLE = (DecisionSource.CORRECTION, DecisionSource.OVERRIDE)
_ALL = 2.0**64


class Reason(NamedTuple):
    """Why a look is worth something: in words, and how much of it in [0, 1]."""

    words: str
    part: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """``saves``: how many wrong conclusions a look may save, each weighed by what it costs; ``left`` of them after
    what was said of the pattern already. ``value`` in [0, 1], the greatest first, is that on a logarithmic scale,
    which leaves the order as it is."""

    saves: float
    left: float = 1.0
    reasons: tuple[Reason, ...]

    @property
    def value(self) -> float:
        return min(1.0, _on_scale(self.saves * self.left))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewItem:
    """An incident as somebody may have to look at it. ``draw`` in [0, 1): below the rate of the sample it is in
    it; ``acts_…``: whether the machine was sure enough to act alone."""

    incident_id: str
    pattern_id: str
    decision_id: str
    opened_at: datetime
    worth: Worth
    draw: float
    priority: Priority
    team: str
    acts_priority: bool
    acts_team: bool


def item_of(
    decision: Decision, inputs: DecisionInputs, pattern_id: str, *, tier: int | None = None, words: Words = UNSAID
) -> ReviewItem:
    """Of the decision that opened an incident; ``tier``: of its service, where the catalogue knows it; ``words``:
    what people said of its pattern before."""
    incident_id = str(decision.incident_id)
    return ReviewItem(
        incident_id=incident_id,
        pattern_id=pattern_id,
        decision_id=str(decision.decision_id),
        opened_at=inputs.opened_at,
        worth=worth_of(decision, tier, words),
        draw=draw_of(incident_id),
        priority=decision.priority.value,
        team=decision.team.value,
        acts_priority=acts(decision.priority),
        acts_team=acts(decision.team),
    )


def acts(decided: PriorityDecision | TeamDecision) -> bool:
    """Whether the machine itself concluded it. What it falls back on, what somebody reported and what a person
    said of this very incident is none of its conclusions; where a person's word on the pattern, a rule or the
    catalogue decided, it acted although the model declined."""
    if decided.source is DecisionSource.MODEL:
        return not decided.abstained
    return decided.source not in NOT_THE_MACHINES


def draw_of(incident_id: str) -> float:
    """In [0, 1), from the id alone, so that nobody's opinion has a part in who is drawn."""
    digest = hashlib.blake2b(f"sample {incident_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / _ALL


def worth_of(decision: Decision, tier: int | None = None, words: Words = UNSAID) -> Worth:
    """Uncertain, costly if wrong, often, new: how much is gained by asking a person.

    Doubt times cost is the expected loss that one look may save (expected error reduction in its simplest form:
    Settles, "Active Learning Literature Survey", 2009, section 3.4), and how many incidents of its pattern come
    says how many times it is saved, since a correction holds for all of them (information density, section 3.6
    there). After words on the pattern ``words.left`` of it is left, so that looks are dealt out to patterns by
    what they may save, as seats are to parties.
    """
    team, priority = doubt_of(decision.team), doubt_of(decision.priority)
    doubt = 1 - (1 - team) * (1 - 0.6 * priority)
    cost = _cost(decision.priority, tier)
    month = max(1, decision.recurrence.occurrences.get("30d", 1))
    repeated = doubt * (0.4 + 0.6 * cost) * min(month, OFTEN)
    is_new = decision.recurrence.kind is RecurrenceKind.NEW
    asked = decision.review.required
    reasons = [
        Reason(_uncertain(team, priority), round(doubt, 3)),
        Reason("costly if wrong" if cost >= COSTS[Priority.P2] else "not costly if wrong", round(cost, 3)),
    ]
    if month > 1:
        reasons.append(Reason(f"its pattern came {month} times in 30 days", round(_on_scale(repeated), 3)))
    if is_new:
        reasons.append(Reason("a new kind", 1.0))
    reasons += [Reason(reason, 1.0) for reason in decision.review.reasons]
    if words.looks:
        times = "once" if words.looks == 1 else f"of {words.looks}"
        agree = "" if words.agree else " and differed"
        reasons.append(Reason(f"people spoke {times} of its pattern{agree}", round(words.left, 3)))
    saves = repeated + ITSELF * doubt * cost + NEW * is_new + ASKED * asked
    return Worth(saves=saves, left=words.left, reasons=tuple(reasons))


def doubt_of(decided: PriorityDecision | TeamDecision) -> float:
    """How likely it is wrong, in [0, 1]: the less probable, and the nearer the next one is (margin sampling,
    Settles, section 3.1)."""
    others = [one.probability for one in decided.alternatives if one.value != str(_plain(decided))]
    best = max(others, default=0.0)
    if decided.source is DecisionSource.MODEL and decided.probability is not None:
        return (1 - decided.probability) * (1 + best / max(decided.probability, best, 1e-9)) / 2
    doubt = DOUBTS.get(decided.source, 0.5)
    if decided.abstained and decided.source not in _PEOPLE:
        # What the model would have said, had it dared, makes it half as doubtful at most.
        doubt = max(doubt, 0.6) * (1 - best / 2)
    return doubt


def _plain(decided: PriorityDecision | TeamDecision) -> str:
    return decided.value.value if isinstance(decided, PriorityDecision) else decided.value


def _on_scale(saves: float) -> float:
    """One for as many as a pattern's look can save."""
    return math.log1p(saves) / math.log1p(OFTEN)


def _cost(decided: PriorityDecision, tier: int | None) -> float:
    """What it costs to be wrong: as much as the most urgent that it may be, by how likely it is that; more where
    much hangs on the service."""
    missed = sum(
        one.probability * (COSTS[Priority(one.value)] - COSTS[decided.value])
        for one in decided.alternatives
        if one.value in Priority.__members__ and Priority(one.value).is_more_urgent_than(decided.value)
    )
    return min(1.0, (COSTS[decided.value] + missed) * TIERS.get(tier or 0, 1.0))


def _uncertain(team: float, priority: float) -> str:
    words = [word for word, doubt in (("the team", team), ("the priority", priority)) if doubt >= 0.3]
    return f"uncertain: {' and '.join(words)}" if words else "fairly certain"
