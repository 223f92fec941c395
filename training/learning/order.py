"""The order of an organisation's priorities, read from its own words, and what a wrong one costs."""

import re
from collections.abc import Mapping, Sequence

from training.recipes import CostRecipe
from triage.domain.catalogue import fold

_NUMBERED = re.compile(r"^(?:p|sev|s|prio|priority|severity|level|urgency|impact)?\s*-?\s*([0-9]{1,2})\b")

_WORDS: Mapping[str, int] = {
    word: rank
    for rank, words in enumerate(
        (
            "blocker emergency disaster page fatal",
            "critical highest urgent crit alert",
            "high major error severe important",
            "medium moderate normal warning average default",
            "low minor notice trivial",
            "lowest info information informational planning none debug",
        )
    )
    for word in words.split()
}


def urgency_order(labels: Sequence[str]) -> tuple[str, ...]:
    """``labels`` from most to least urgent by their numbers (``P1``, ``3 - Moderate``, ``sev2``) or, where not all
    have one, by common words; empty where neither orders all of them without a tie."""
    numbers = [_number(label) for label in labels]
    words = [_WORDS.get(fold(label)) for label in labels]
    for ranks in (numbers, words):
        found = [rank for rank in ranks if rank is not None]
        if len(found) == len(labels) and len(set(found)) == len(labels):
            ranked = sorted(zip(found, labels, strict=True))
            return tuple(label for _, label in ranked)
    return ()


def cost_matrix(labels: Sequence[str], order: Sequence[str], costs: CostRecipe) -> tuple[tuple[float, ...], ...]:
    """Of concluding the column where the row is true, both in the order of ``labels``."""
    rank = [order.index(label) for label in labels]
    return tuple(tuple(_cost(true, said, costs) for said in rank) for true in rank)


def _cost(true: int, said: int, costs: CostRecipe) -> float:
    if said <= true:
        return costs.over * (true - said)
    return costs.under * (said - true) + (costs.missed if true == 0 else 0.0)


def _number(label: str) -> int | None:
    found = _NUMBERED.match(fold(label))
    return int(found.group(1)) if found else None
