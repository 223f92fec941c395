"""Labels that the text itself spells: rightly, where a person wrote them at opening, or in a note added later.

A text that says "assigned to payments" is not what somebody read who had to decide. How often texts name labels,
and in such notes, is reported; where notes are the rule and nearly always right they can be taken out.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

from training.history.facts import numbered

_LEAST_NAMED = 5
# A label is named more often than chance where its own rows name it this many standard errors above the others.
_DEVIATIONS = 3.0
_LEAST_NOTES = 10
_RULE = 0.5
_LEAST_NOTES_RIGHT = 0.9
_SHOWN = 8

_NOTES = frozenset(
    {
        *("assigned", "assignment", "reassigned", "routed", "rerouted", "forwarded", "moved", "transferred"),
        *("dispatched", "handed", "passed", "escalated"),
        *("closed", "fixed", "handled", "resolved", "solved"),
        *("changed", "set", "downgraded", "lowered", "raised", "upgraded"),
    }
)
"""What a note about work on an incident says before a label, with one of ``_FILLERS`` or more between them:
"assigned to the", "assignment group". "Team:" or "severity:" alone may well be what the sender wrote."""

_FILLERS = frozenset({"by", "group", "over", "team", "the", "to"})
_WORD = re.compile(r"[^\W_]+")

_Words = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedLabel:
    """``own``: the share of the label's ``rows`` whose text names it; ``others``: of all other rows."""

    label: str
    rows: int
    own: float
    others: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Mentions:
    """``labels`` are those named more often than chance. Of ``rows`` texts ``naming_one`` name exactly one label,
    the right one in a share ``right`` of them. ``named_own`` name their own label, ``noted_own`` of them after a
    note; ``notes`` counts the texts with each note before some label, ``noted`` those with any."""

    target: str
    rows: int
    labels: tuple[NamedLabel, ...]
    naming_one: int
    right: float
    named_own: int
    noted_own: int
    noted: int
    notes: Mapping[str, int]

    @property
    def notes_are_the_rule(self) -> bool:
        """Whether most of what names the right label was written once somebody had decided."""
        enough = self.noted_own >= max(_LEAST_NOTES, _RULE * self.named_own)
        return enough and self.noted_own >= _LEAST_NOTES_RIGHT * self.noted

    def lines(self) -> Iterator[str]:
        """For people; none where texts name labels no more often than chance."""
        if not self.labels and not self.notes_are_the_rule:
            return
        shown = [
            f"{one.label} (by {one.own:.0%} of its {one.rows:,} rows and {one.others:.1%} of the others)"
            for one in self.labels[:_SHOWN]
        ]
        more = f" and {len(self.labels) - _SHOWN:,} more" if len(self.labels) > _SHOWN else ""
        yield f"{self.naming_one:,} of {self.rows:,} texts name one {self.target}, {self.right:.0%} the right one."
        if shown:
            yield f"  Named more often than chance: {', '.join(shown)}{more}."
        if self.notes:
            found = ", ".join(f"{note} ({count:,})" for note, count in list(self.notes.items())[:_SHOWN])
            yield f"  Before a {self.target} stand words of a note written later: {found}."
        if self.notes_are_the_rule:
            yield (
                f"  WARNING: {self.noted_own:,} of {self.named_own:,} texts that name their {self.target} do so "
                "in such a note, which is not there when an incident opens. The notes are taken out of the texts; "
                "better, export texts as they were at opening."
            )

    def describe(self) -> dict[str, Any]:
        """As the manifest records it."""
        return {
            "rows": self.rows,
            "naming_one": self.naming_one,
            "right": self.right,
            "labels": {one.label: {"own": one.own, "others": one.others} for one in self.labels},
            "named_own": self.named_own,
            "noted_own": self.noted_own,
            "noted": self.noted,
            "notes": dict(self.notes),
            "notes_taken_out": self.notes_are_the_rule,
        }


def find_mentions(texts: Sequence[str], labels: Sequence[str], target: str) -> Mentions:
    """Which of the ``labels`` the ``texts`` beside them name. Case and punctuation do not matter, words are whole,
    and of two labels that begin at one word the longer counts. Labels without a letter are in any text, so they
    are not looked for."""
    finder = _Finder(labels)
    distinct, text_of = numbered(texts)
    found = [finder.find(text) for text in distinct]
    rows, own, anywhere, notes = Counter(labels), Counter[str](), Counter[str](), Counter[str]()
    noted = noted_own = naming_one = right = 0
    for at, label in zip(text_of.tolist(), labels, strict=True):
        named = found[at]
        if not named:
            continue
        anywhere.update(named.keys())
        own[label] += label in named
        naming_one += len(named) == 1
        right += named.keys() == {label}
        before = {note for note in named.values() if note}
        notes.update(before)
        noted += bool(before)
        noted_own += bool(named.get(label))
    return Mentions(
        target=target,
        rows=len(labels),
        labels=_more_than_chance(rows, own, anywhere),
        naming_one=naming_one,
        right=right / naming_one if naming_one else 0.0,
        named_own=own.total(),
        noted_own=noted_own,
        noted=noted,
        notes=dict(notes.most_common()),
    )


def without_notes(texts: Sequence[str], labels: Sequence[str]) -> list[str]:
    """``texts`` with each note that names one of ``labels`` taken out, the label with it; the rest stays."""
    names = sorted({words for label in labels if (words := _words_of(label))}, key=len, reverse=True)
    if not names:
        return list(texts)
    note = rf"(?:{'|'.join(sorted(_NOTES))})(?:[\W_]+(?:{'|'.join(sorted(_FILLERS))}))+"
    answer = rf"[\W_]+(?:{_any_of(names)})(?![^\W_])(?:[\W_]+(?:team|group)(?![^\W_]))?"
    pattern = re.compile(rf"[ ]?(?<![^\W_]){note}{answer}", re.IGNORECASE)
    return [pattern.sub("", text).lstrip(" ") for text in texts]


class _Finder:
    """Finds labels by their first words, so that a text costs what its words cost, however many labels."""

    def __init__(self, labels: Sequence[str]) -> None:
        self._starts: defaultdict[str, list[tuple[_Words, str]]] = defaultdict(list)
        for label in dict.fromkeys(labels):
            if words := _words_of(label):
                self._starts[words[0]].append((words, label))
        for found in self._starts.values():
            found.sort(key=lambda one: -len(one[0]))

    def find(self, text: str) -> dict[str, str]:
        """Each label that the text names, and the note before it, empty where there is none."""
        words = tuple(_WORD.findall(text.casefold()))
        named: dict[str, str] = {}
        for at, word in enumerate(words):
            for wanted, label in self._starts.get(word, ()):
                if words[at : at + len(wanted)] == wanted:
                    named[label] = _note_before(words, at) or named.get(label, "")
                    break
        return named


def _note_before(words: _Words, at: int) -> str:
    """The note that ends before position ``at``, as its first two words say it; empty where there is none."""
    start = at - 1
    while start >= 0 and words[start] in _FILLERS:
        start -= 1
    return f"{words[start]} {words[start + 1]}" if 0 <= start < at - 1 and words[start] in _NOTES else ""


def _words_of(label: str) -> _Words:
    """Empty for a label that has no letter."""
    words = tuple(_WORD.findall(label.casefold()))
    return words if any(character.isalpha() for word in words for character in word) else ()


def _any_of(phrases: Iterable[_Words]) -> str:
    return "|".join(r"[\W_]+".join(map(re.escape, words)) for words in phrases)


def _more_than_chance(rows: Counter[str], own: Counter[str], anywhere: Counter[str]) -> tuple[NamedLabel, ...]:
    """The most often named first."""
    total = rows.total()
    found = []
    for label, named in own.most_common():
        others = total - rows[label]
        if named < _LEAST_NAMED or not others:
            continue
        here, there = named / rows[label], (anywhere[label] - named) / others
        error = sqrt(max(there * (1 - there), 1 / total) / rows[label])
        if here > there + _DEVIATIONS * error:
            found.append(NamedLabel(label=label, rows=rows[label], own=here, others=there))
    return tuple(found)
