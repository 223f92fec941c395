"""Which rules can match at all: an index over what their conditions need, so that few of thousands are asked.

A rule that the gate leaves out has a condition that is false: in CEL ``false && anything`` is false, an error
included. So it decides, and reports faults, as asking every condition does.
"""

import operator
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf
from typing import Any, Protocol

from triage.rules.conjuncts import (
    LABELS,
    Among,
    Compared,
    Holds,
    LabelAmong,
    Mentions,
    Needs,
    Requirement,
    needs_of,
)
from triage.rules.facts import CHAIN_FACTS
from triage.rules.readings import FactValue
from triage.rules.rule import Rule
from triage.rules.word_index import WordIndex
from triage.rules.wording import folded, needle

Values = Mapping[str, FactValue]
Check = Callable[[Values], bool]
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_DEAR = 20
"""What such a look-up is worth, in checks of a rule that was found in vain."""


class Passage(Protocol):
    """Through the rules for one decision, in file order."""

    def next(self, values: Values) -> int | None:
        """The place of the next rule that may match; None after the last."""

    def is_certain(self) -> bool:
        """Whether that rule matches, so that its condition need not be asked."""

    def see(self, values: Values) -> None:
        """Facts that rules change have changed: other rules below may match now."""


class AnyGate(Protocol):
    def enter(self, values: Values) -> Passage: ...


class NoGate:
    """Every rule may match."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._count = len(rules)

    def enter(self, values: Values) -> Passage:
        return _EveryRule(self._count)


class _EveryRule:
    def __init__(self, count: int) -> None:
        self._places = iter(range(count))

    def next(self, values: Values) -> int | None:
        return next(self._places, None)

    def is_certain(self) -> bool:
        return False

    def see(self, values: Values) -> None:
        pass


class Gate:
    """Over rules in file order. Rules are found by one of their requirements; the others are looked at in turn."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._always: list[int] = []
        self._by_value: defaultdict[str, defaultdict[object, list[int]]] = defaultdict(_lists)
        self._by_chain: defaultdict[str, defaultdict[object, list[int]]] = defaultdict(_lists)
        self._by_label: defaultdict[tuple[str, str | None], list[int]] = defaultdict(list)
        self._by_word: defaultdict[str, WordIndex] = defaultdict(WordIndex)
        self._checks: list[tuple[Check, ...]] = []
        self._certain: list[bool] = []
        all_needs = [needs_of(rule.when.expression) if rule.when else Needs((), True) for rule in rules]
        named = Counter(key for asked in all_needs for need in asked.requirements for key in _keys(need))
        for place, asked in enumerate(all_needs):
            needs = asked.requirements
            chosen = min(needs, key=lambda need: _cost(need, named), default=None)
            is_found_by = chosen is not None and self._index(place, chosen)
            if not is_found_by:
                self._always.append(place)
            self._certain.append(asked.whole)
            rest = [need for need in needs if need is not chosen or not is_found_by]
            self._checks.append(tuple(check for need in rest if (check := _check_of(need, chosen)) is not None))

    def enter(self, values: Values) -> Passage:
        return _Gated(self, values)

    def is_certain(self, place: int) -> bool:
        return self._certain[place]

    def may_match(self, place: int, values: Values) -> bool:
        for check in self._checks[place]:  # noqa: SIM110 - asked hundreds of times for each decision
            if not check(values):
                return False
        return True

    def found_once(self, values: Values) -> list[int]:
        """Places found by facts that stay as they are, ascending."""
        found = set(self._always)
        for fact, by_value in self._by_value.items():
            found.update(by_value.get(values[fact], ()))
        labels = values[LABELS] if self._by_label else {}
        for item in labels.items() if isinstance(labels, dict) else ():
            found.update(self._by_label.get(item, ()))
            found.update(self._by_label.get((item[0], None), ()))
        for fact, by_word in self._by_word.items():
            found.update(by_word.places(str(values[fact])))
        return sorted(found)

    def found_on_the_way(self, values: Values) -> list[int]:
        """Places found by facts that rules change, ascending."""
        if not self._by_chain:
            return []
        return sorted({p for fact, by_value in self._by_chain.items() for p in by_value.get(values[fact], ())})

    def _index(self, place: int, need: Requirement) -> bool:
        """Whether the rule can be found by ``need``."""
        match need:
            case Among(fact, among):
                by_value = (self._by_chain if fact in CHAIN_FACTS else self._by_value)[fact]
                for value in among:
                    by_value[value].append(place)
            case LabelAmong(name, texts):
                for text in texts or (None,):
                    self._by_label[name, text].append(place)
            case Mentions(fact, words):
                for word in words:
                    self._by_word[fact].add(word, place)
            case _:
                return False
        return True


class _Gated:
    """What was found once and what is found on the way, merged; made anew when a rule has changed something."""

    def __init__(self, gate: Gate, values: Values) -> None:
        self._gate = gate
        self._once = gate.found_once(values)
        self._place = -1
        self._ahead: list[int] = []
        self.see(values)

    def next(self, values: Values) -> int | None:
        while self._ahead:
            place = self._ahead.pop()
            if self._gate.may_match(place, values):
                self._place = place
                return place
        return None

    def is_certain(self) -> bool:
        return self._gate.is_certain(self._place)

    def see(self, values: Values) -> None:
        """No place is in both lists, since a rule is found by one requirement."""
        moving = self._gate.found_on_the_way(values)
        ahead = [places[bisect_right(places, self._place) :] for places in (self._once, moving)]
        self._ahead = sorted(ahead[0] + ahead[1], reverse=True)


def _lists() -> defaultdict[object, list[int]]:
    return defaultdict(list)


def _keys(need: Requirement) -> list[tuple[str, object]]:
    """What the rule is found under, where ``need`` is chosen for that."""
    match need:
        case Among(fact, among):
            return [(fact, value) for value in among]
        case LabelAmong(name, texts):
            return [(f"{LABELS} {name}", text) for text in texts or (None,)]
        case Mentions(fact, words):
            return [(f"{fact} mentions", needle(word)) for word in words]
    return []


def _cost(need: Requirement, named: Mapping[tuple[str, object], int]) -> float:
    """How many rules are found together at worst: of a service and an environment, the service tells more. Words
    have to be sought one by one, and what rules change may have to be looked up again."""
    keys = _keys(need)
    dear = isinstance(need, Mentions) or (isinstance(need, Among) and need.fact in CHAIN_FACTS)
    return sum(named[key] for key in keys) + (_DEAR if dear else 0) if keys else inf


def _check_of(need: Requirement, found_by: Requirement | None) -> Check | None:
    match need:
        case Among(fact, among):
            return lambda values: values[fact] in among
        case Compared(fact, sign, number):
            compare = _COMPARE[sign]
            return lambda values: compare(values[fact], number)
        case LabelAmong(name, None) if isinstance(found_by, LabelAmong) and found_by.name == name:
            return None  # Whoever has this value of the label has the label.
        case LabelAmong(name, texts):
            return lambda values: _has_label(values, name, texts)
        case Mentions(fact, words):
            sought = [needle(word) for word in words]
            return lambda values: _mentions(str(values[fact]), sought)
        case Holds(fact, value):
            return lambda values: value in _texts(values[fact])
    return None


def _mentions(text: str, sought: list[str]) -> bool:
    found = folded(text)
    return any(needle in found for needle in sought)


def _has_label(values: Values, name: str, texts: frozenset[str] | None) -> bool:
    labels = values[LABELS]
    if not isinstance(labels, dict) or name not in labels:
        return False
    return texts is None or labels[name] in texts


def _texts(value: FactValue) -> Iterable[str]:
    return value if isinstance(value, list) else ()
