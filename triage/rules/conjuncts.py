"""What a condition needs at least: simple comparisons that stand among its top-level ``&&``.

A reading of the expression's text that is careful to claim too little: what it does not understand is no
requirement, and then nothing is concluded from it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from triage.rules.facts import FACT_BY_NAME
from triage.rules.readings import FactType
from triage.rules.wording import needle

LABELS = "incident.labels"
_TEXT = r"""(?:'[^'\\\n]*'|"[^"\\\n]*")"""
_TEXTS = rf"\[\s*({_TEXT}(?:\s*,\s*{_TEXT})*)\s*,?\s*\]"
_NAME = r"[a-z_]+(?:\.[a-z_0-9]+)?"
_EQUAL = re.compile(rf"({_NAME})\s*==\s*({_TEXT})")
_EQUAL_TURNED = re.compile(rf"({_TEXT})\s*==\s*({_NAME})")
_AMONG = re.compile(rf"({_NAME})\s+in\s*{_TEXTS}")
_YES_NO = re.compile(rf"(!?)\s*({_NAME})")
_NUMBER = re.compile(rf"({_NAME})\s*(==|>=|<=|>|<)\s*(-?\d+(?:\.\d+)?)")
_LABEL = re.compile(rf"incident\.labels\[\s*({_TEXT})\s*\]\s*==\s*({_TEXT})")
_LABEL_AMONG = re.compile(rf"incident\.labels\[\s*({_TEXT})\s*\]\s+in\s*{_TEXTS}")
_HOLDS = re.compile(rf"({_TEXT})\s+in\s+({_NAME})")
_MENTIONS = re.compile(rf"(incident\.(?:text|title))\.mentions\(\s*{_TEXTS}\s*\)")
_OPEN, _CLOSE = "([{", ")]}"


@dataclass(frozen=True, slots=True)
class Among:
    """The fact has one of these values: texts, a number, or ``True`` or ``False``."""

    fact: str
    values: frozenset[str | bool | float]


@dataclass(frozen=True, slots=True)
class Compared:
    """The fact is a number of which ``fact operator number`` is true."""

    fact: str
    operator: str
    number: float


@dataclass(frozen=True, slots=True)
class LabelAmong:
    """The label has one of these values; None: it is there at all."""

    name: str
    values: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Holds:
    """The fact, a list of texts, holds ``value``."""

    fact: str
    value: str


@dataclass(frozen=True, slots=True)
class Mentions:
    """The fact, a text, mentions one of ``words``."""

    fact: str
    words: tuple[str, ...]


Requirement = Among | Compared | LabelAmong | Holds | Mentions


@dataclass(frozen=True, slots=True)
class Needs:
    """``requirements`` in the order written: each holds wherever the expression is true. ``whole``: where all of
    them hold, the expression is true."""

    requirements: tuple[Requirement, ...]
    whole: bool


def needs_of(expression: str) -> Needs:
    """A label's value is a requirement only beside the question whether there is such a label: without it a
    missing label is no "no" but a fault, which its owner should hear of."""
    parts = [_requirement(part) for part in conjuncts(expression)]
    asked_for = {part.name for part in parts if isinstance(part, LabelAmong) and part.values is None}
    understood = tuple(
        part
        for part in parts
        if part is not None and not (isinstance(part, LabelAmong) and part.name not in asked_for)
    )
    return Needs(understood, bool(parts) and len(understood) == len(parts))


def conjuncts(expression: str) -> Iterator[str]:
    """The parts that are joined by ``&&`` at the top; the whole where something else joins them."""
    # A name in backticks may hold "//", which is no comment then.
    text = _without_comments(expression) if "`" not in expression else None
    parts = _split(text) if text is not None else None
    if text is None or parts is None:
        yield expression
        return
    for part in parts:
        bare = part.strip()
        if bare.startswith("(") and _closes_at_end(bare):
            yield from conjuncts(bare[1:-1])
        else:
            yield bare


def _tokens(text: str) -> Iterator[tuple[int, str]] | None:
    """Where each character outside of strings stands, and the strings as single tokens; None where a string does
    not end."""
    found: list[tuple[int, str]] = []
    place = 0
    while place < len(text):
        character = text[place]
        if character in "'\"":
            end = _string_end(text, place)
            if end is None:
                return None
            found.append((place, text[place:end]))
            place = end
        else:
            found.append((place, character))
            place += 1
    return iter(found)


def _string_end(text: str, start: int) -> int | None:
    """The place after the string that begins at ``start``."""
    quote = text[start]
    mark = quote * 3 if text.startswith(quote * 3, start) else quote
    # A prefix of r, b or both; only r takes backslashes as they are.
    prefix = re.search(r"(?<![A-Za-z0-9_])([rRbB]{1,2})$", text[:start])
    raw = prefix is not None and "r" in prefix[1].lower()
    place = start + len(mark)
    while place < len(text):
        if text[place] == "\\" and not raw:
            place += 2
        elif text.startswith(mark, place):
            return place + len(mark)
        else:
            place += 1
    return None


def _without_comments(text: str) -> str | None:
    tokens = _tokens_with_comments(text)
    return None if tokens is None else "".join(tokens)


def _tokens_with_comments(text: str) -> list[str] | None:
    kept: list[str] = []
    place = 0
    while place < len(text):
        if text.startswith("//", place):
            end = text.find("\n", place)
            place = len(text) if end < 0 else end
        elif text[place] in "'\"":
            end_of_string = _string_end(text, place)
            if end_of_string is None:
                return None
            kept.append(text[place:end_of_string])
            place = end_of_string
        else:
            kept.append(text[place])
            place += 1
    return kept


def _split(text: str) -> list[str] | None:
    """At each ``&&`` that no bracket holds; None where ``||`` or ``?`` stands there, for then no part must
    hold."""
    tokens = _tokens(text)
    if tokens is None:
        return None
    depth, start, parts = 0, 0, []
    for place, piece in tokens:
        depth += (piece in _OPEN) - (piece in _CLOSE)
        if depth == 0 and (piece == "?" or text.startswith("||", place)):
            return None
        if depth == 0 and text.startswith("&&", place) and place >= start:
            parts.append(text[start:place])
            start = place + 2
    return [*parts, text[start:]]


def _closes_at_end(text: str) -> bool:
    """Whether the bracket that opens ``text`` is closed by its last character."""
    depth = 0
    for place, piece in _tokens(text) or ():
        depth += (piece in _OPEN) - (piece in _CLOSE)
        if depth == 0:
            return place == len(text) - 1
    return False


def _requirement(part: str) -> Requirement | None:
    if found := _EQUAL.fullmatch(part):
        return _among(found[1], [found[2]])
    if found := _EQUAL_TURNED.fullmatch(part):
        return _among(found[2], [found[1]])
    if found := _AMONG.fullmatch(part):
        return _among(found[1], re.findall(_TEXT, found[2]))
    if found := _NUMBER.fullmatch(part):
        if _type(found[1]) not in (FactType.WHOLE, FactType.FRACTION):
            return None
        number = float(found[3]) if "." in found[3] else int(found[3])
        return Among(found[1], frozenset({number})) if found[2] == "==" else Compared(found[1], found[2], number)
    if found := _YES_NO.fullmatch(part):
        return Among(found[2], frozenset({not found[1]})) if _type(found[2]) is FactType.YES_NO else None
    if found := _LABEL.fullmatch(part):
        return LabelAmong(found[1][1:-1], frozenset({found[2][1:-1]}))
    if found := _LABEL_AMONG.fullmatch(part):
        return LabelAmong(found[1][1:-1], frozenset(text[1:-1] for text in re.findall(_TEXT, found[2])))
    if found := _HOLDS.fullmatch(part):
        if found[2] == LABELS:
            return LabelAmong(found[1][1:-1], None)
        return Holds(found[2], found[1][1:-1]) if _type(found[2]) is FactType.TEXTS else None
    if found := _MENTIONS.fullmatch(part):
        return _mentions(found[1], tuple(text[1:-1] for text in re.findall(_TEXT, found[2])))
    return None


def _mentions(fact: str, words: tuple[str, ...]) -> Requirement | None:
    """None where a word holds no letter or digit: asking for it is a fault, which its owner should hear of."""
    try:
        for word in words:
            needle(word)
    except ValueError:
        return None
    return Mentions(fact, words)


def _among(fact: str, texts: list[str]) -> Requirement | None:
    if _type(fact) is not FactType.TEXT:
        return None
    return Among(fact, frozenset(text[1:-1] for text in texts))


def _type(fact: str) -> FactType | None:
    found = FACT_BY_NAME.get(fact)
    return found.type if found else None
