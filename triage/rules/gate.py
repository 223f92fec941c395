"""Which rules can match at all: an index over what their conditions need, so that few of thousands are asked.

A rule that the gate leaves out has a condition that is false: in CEL ``false && anything`` is false, an error
included. So a condition whose other part could not be evaluated is no fault where a simple part says no already.
"""

import operator
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from triage.rules.conjuncts import (
    LABELS,
    Among,
    Compared,
    Holds,
    LabelAmong,
    Mentions,
    Requirement,
    requirements,
)
from triage.rules.readings import FactValue
from triage.rules.rule import Rule
from triage.rules.wording import folded, needle

Values = Mapping[str, FactValue]
_Check = Callable[[Values], bool]
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


class AnyGate(Protocol):
    def candidates(self, values: Values) -> Sequence[int]: ...


class NoGate:
    """Every rule is a candidate."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._all = range(len(rules))

    def candidates(self, values: Values) -> Sequence[int]:
        return self._all


class Gate:
    """Over rules in file order. ``candidates`` names places in that order; it never leaves out one that
    matches."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._always: list[int] = []
        self._by_value: defaultdict[str, defaultdict[str | bool, list[int]]] = defaultdict(_lists)
        self._by_label: defaultdict[tuple[str, str | None], list[int]] = defaultdict(list)
        self._by_needle: defaultdict[str, defaultdict[str, list[int]]] = defaultdict(_lists_by_text)
        self._checks: dict[int, list[_Check]] = {}
        for place, rule in enumerate(rules):
            needs = list(requirements(rule.when.expression)) if rule.when is not None else []
            chosen = min(needs, key=_cost, default=None)
            self._enter(place, chosen)
            checks = [check for need in needs if need is not chosen and (check := _check_of(need)) is not None]
            if checks:
                self._checks[place] = checks

    def candidates(self, values: Values) -> list[int]:
        """Places of the rules that may match, ascending."""
        found = set(self._always)
        for fact, by_value in self._by_value.items():
            found.update(by_value.get(values[fact], ()))  # type: ignore[arg-type]
        if self._by_label:
            labels = values[LABELS]
            for item in labels.items() if isinstance(labels, dict) else ():
                found.update(self._by_label.get(item, ()))
                found.update(self._by_label.get((item[0], None), ()))
        for fact, by_needle in self._by_needle.items():
            text = folded(str(values[fact]))
            for sought, places in by_needle.items():
                if sought in text:
                    found.update(places)
        return sorted(place for place in found if self._may_match(place, values))

    def _may_match(self, place: int, values: Values) -> bool:
        return all(check(values) for check in self._checks.get(place, ()))

    def _enter(self, place: int, need: Requirement | None) -> None:
        match need:
            case Among(fact, among):
                for value in among:
                    self._by_value[fact][value].append(place)
            case LabelAmong(name, None):
                self._by_label[name, None].append(place)
            case LabelAmong(name, texts) if texts is not None:
                for text in texts:
                    self._by_label[name, text].append(place)
            case Mentions(fact, words):
                for word in words:
                    self._by_needle[fact][needle(word)].append(place)
            case _:
                self._always.append(place)
                check = _check_of(need) if need is not None else None
                if check is not None:
                    self._checks.setdefault(place, []).append(check)


def _lists() -> defaultdict[str | bool, list[int]]:
    return defaultdict(list)


def _lists_by_text() -> defaultdict[str, list[int]]:
    return defaultdict(list)


def _cost(need: Requirement) -> int:
    """Cheap and telling first: a value among hundreds, a label, words, one of two, and last a number."""
    match need:
        case Among(_, among):
            return 3 if among <= {True, False} else 0
        case LabelAmong(_, values):
            return 1 if values is not None else 2
        case Mentions():
            return 2
    return 4


def _check_of(need: Requirement) -> _Check | None:
    match need:
        case Among(fact, among):
            return lambda values: values[fact] in among
        case Compared(fact, sign, number):
            compare = _COMPARE[sign]
            return lambda values: compare(values[fact], number)
        case LabelAmong(name, texts):
            return lambda values: _has_label(values, name, texts)
        case Holds(fact, value):
            return lambda values: value in _texts(values[fact])
    return None


def _has_label(values: Values, name: str, texts: frozenset[str] | None) -> bool:
    labels = values[LABELS]
    if not isinstance(labels, dict) or name not in labels:
        return False
    return texts is None or labels[name] in texts


def _texts(value: FactValue) -> Iterable[str]:
    return value if isinstance(value, list) else ()
