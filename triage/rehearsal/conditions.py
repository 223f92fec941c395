"""What can be said of conditions without asking them: that one is never true, that one implies another.

Careful to claim too little: a part that is not understood implies only its own text.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from triage.rules.conjuncts import (
    Among,
    Compared,
    Holds,
    LabelAmong,
    Mentions,
    Requirement,
    conjuncts,
    needs_of,
)
from triage.rules.rule import Rule


@dataclass(frozen=True, slots=True)
class Read:
    """A condition taken apart: simple requirements, and the texts of all parts that ``&&`` joins. ``whole``: the
    requirements are all there is."""

    requirements: tuple[Requirement, ...]
    texts: frozenset[str]
    facts: frozenset[str]
    whole: bool

    @property
    def is_always(self) -> bool:
        return not self.texts


def read(rule: Rule) -> Read:
    if rule.when is None:
        return Read((), frozenset(), frozenset(), True)
    expression = rule.when.expression
    needs = needs_of(expression)
    texts = frozenset(" ".join(part.split()) for part in conjuncts(expression))
    return Read(needs.requirements, texts, rule.when.facts, needs.whole)


def implies(one: Read, other: Read) -> bool:
    """Whether ``other`` is true wherever ``one`` is, as far as that can be read."""
    if other.is_always:
        return True
    if other.texts <= one.texts:
        return True
    return other.whole and all(
        any(_implies(mine, theirs) for mine in one.requirements) for theirs in other.requirements
    )


def _implies(one: Requirement, other: Requirement) -> bool:
    match one, other:
        case Among(fact, values), Among(other_fact, among):
            return fact == other_fact and values <= among
        case Among(fact, values), Compared(other_fact, sign, number):
            return fact == other_fact and all(_holds(value, sign, number) for value in values)
        case Compared(fact, sign, number), Compared(other_fact, other_sign, bound):
            return fact == other_fact and _at_least_as_strict(sign, number, other_sign, bound)
        case LabelAmong(name, values), LabelAmong(other_name, among):
            return name == other_name and (among is None or (values is not None and values <= among))
        case Mentions(fact, words), Mentions(other_fact, among):
            return fact == other_fact and set(words) <= set(among)
        case Holds(), Holds():
            return one == other
    return False


def _holds(value: object, sign: str, number: float) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return {">=": value >= number, ">": value > number, "<=": value <= number, "<": value < number}.get(
        sign, False
    )


def _at_least_as_strict(sign: str, number: float, other: str, bound: float) -> bool:
    if sign[0] != other[0]:
        return False
    if number == bound:
        return sign == other or sign in (">", "<")
    return number > bound if sign[0] == ">" else number < bound


def why_never(condition: Read, known: Mapping[str, Collection[str]]) -> str | None:
    """Why the condition can never be true, or None. ``known``: facts that have only these values."""
    values: defaultdict[str, list[frozenset[object]]] = defaultdict(list)
    labels: defaultdict[str, list[frozenset[str]]] = defaultdict(list)
    bounds: defaultdict[str, list[tuple[str, float]]] = defaultdict(list)
    for need in condition.requirements:
        match need:
            case Among(fact, among):
                values[fact].append(frozenset(among))
            case LabelAmong(name, texts) if texts is not None:
                labels[name].append(texts)
            case Compared(fact, sign, number):
                bounds[fact].append((sign, number))
    return next(_contradictions(values, labels, bounds, known), None)


def _contradictions(
    values: Mapping[str, list[frozenset[object]]],
    labels: Mapping[str, list[frozenset[str]]],
    bounds: Mapping[str, list[tuple[str, float]]],
    known: Mapping[str, Collection[str]],
) -> Iterator[str]:
    for fact, sets in values.items():
        left = frozenset.intersection(*sets)
        if not left:
            yield f"{fact} would have to have two values at once"
        elif fact in known and all(isinstance(v, str) and v and v not in known[fact] for v in left):
            yield f"{fact} is never {' or '.join(repr(v) for v in sorted(map(str, left)))}"
        elif fact in bounds and not any(all(_holds(v, *bound) for bound in bounds[fact]) for v in left):
            yield f"no value of {fact} fulfils all of its comparisons"
    for name, texts in labels.items():
        if not frozenset.intersection(*texts):
            yield f"the label {name} would have to have two values at once"
    for fact, found in bounds.items():
        if _is_empty(found):
            yield f"no number is what {fact} would have to be"


def _is_empty(bounds: list[tuple[str, float]]) -> bool:
    """Whether no number fulfils all; facts that are whole numbers are looked at as if there were fractions."""
    least = max(((number, sign == ">") for sign, number in bounds if sign[0] == ">"), default=None)
    most = min(((number, sign != "<") for sign, number in bounds if sign[0] == "<"), default=None)
    if least is None or most is None:
        return False
    if least[0] != most[0]:
        return least[0] > most[0]
    return least[1] or not most[1]
