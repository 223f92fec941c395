"""The order of an organisation's priorities, read from its own words, and what a wrong one costs."""

import re
from collections.abc import Mapping, Sequence
from itertools import combinations

from training.recipes import CostRecipe
from triage.domain.catalogue import fold

_NUMBER = r"(?:p|sev|s|prio|priority|severity|level|urgency|impact)?\s*([0-9]{1,2})"
_NUMBERED = re.compile(rf"^{_NUMBER}\b|[(\[]\s*{_NUMBER}\s*[)\]]$")
_PUNCTUATION = re.compile(r"[^\w ]+")

_WORDS: Mapping[str, int] = {
    word: rank
    for rank, words in enumerate(
        (
            "blocker, emergency, disaster, page, fatal, immediate, sofort",
            "alert",
            "critical, highest, urgent, crit, very high, kritisch, dringend, sehr hoch, critique, crítica",
            "high, major, error, severe, important, hoch, haute, élevée, alta, alto",
            "medium, moderate, normal, average, default, mittel, moyenne, media, média",
            "minor",
            "warning, warn, warnung",
            "low, niedrig, gering, basse, faible, baja, baixa",
            "notice, trivial",
            "lowest, very low, sehr niedrig, info, information, informational, planning, none",
            "debug, enhancement",
        )
    )
    for word in words.split(", ")
}
"""The scales of trackers, monitoring and system logs in one order; words of one rank are never told apart."""


def urgency_order(labels: Sequence[str]) -> tuple[str, ...]:
    """``labels`` from most to least urgent by their numbers (``P1``, ``3 - Moderate``, ``High (2)``) or, where not
    all have one, by common words; empty where neither orders all of them without a tie. The least number is the
    most urgent unless the words beside the numbers say the reverse (``5 - Very high``); where they say both, there
    is no order."""
    split = [_number_and_word(label) for label in labels]
    words = [_WORDS.get(word) for _, word in split]
    numbers = [number for number, _ in split]
    if _tell_apart(numbers):
        turned = _turned(numbers, words)
        return () if turned is None else _sorted(labels, numbers)[:: -1 if turned else 1]
    return _sorted(labels, words) if _tell_apart(words) else ()


def cost_matrix(labels: Sequence[str], order: Sequence[str], costs: CostRecipe) -> tuple[tuple[float, ...], ...]:
    """Of concluding the column where the row is true, both in the order of ``labels``."""
    rank = [order.index(label) for label in labels]
    return tuple(tuple(_cost(true, said, costs) for said in rank) for true in rank)


def _cost(true: int, said: int, costs: CostRecipe) -> float:
    if said <= true:
        return costs.over * (true - said)
    return costs.under * (said - true) + (costs.missed if true == 0 else 0.0)


def _number_and_word(label: str) -> tuple[int | None, str]:
    folded = fold(label)
    found = _NUMBERED.search(folded)
    number = None if found is None else int(found.group(1) or found.group(2))
    return number, " ".join(_PUNCTUATION.sub(" ", _NUMBERED.sub("", folded)).split())


def _tell_apart(ranks: Sequence[int | None]) -> bool:
    return None not in ranks and len(set(ranks)) == len(ranks)


def _sorted(labels: Sequence[str], ranks: Sequence[int | None]) -> tuple[str, ...]:
    return tuple(label for _, label in sorted(zip(ranks, labels, strict=True)))


def _turned(numbers: Sequence[int | None], words: Sequence[int | None]) -> bool | None:
    """Whether greater numbers stand beside more urgent words; None where some do and some do not."""
    both = [(n, w) for n, w in zip(numbers, words, strict=True) if n is not None and w is not None]
    agree = {(n < m) == (w < v) for (n, w), (m, v) in combinations(both, 2) if w != v}
    return None if len(agree) > 1 else agree == {False}
