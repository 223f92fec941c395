"""By what two problems that read alike are told apart from now on: their exact texts, templates, or telling words.

Texts of one template differ only in what was masked: a host, an address, an identifier, a number. So what tells
them apart is a word of that kind which all texts of the one have and no text of the other.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from triage.domain.memory import Looks
from triage.recurrence.fingerprint import words_of
from triage.recurrence.template import mask

MOST_WORDS = 3

_PASSING = re.compile(r"<(?:id|date|time|number|pod|query)>")


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitPlan:
    """``exact``: fingerprints that move. ``whole``: templates that none of the others has, which move.
    ``told``: for a template that both have, the words by which a text belongs to the new pattern. ``refused``:
    templates that recognise nothing any more, since nothing tells their texts apart."""

    exact: tuple[str, ...]
    whole: tuple[str, ...]
    told: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    refused: tuple[str, ...] = ()


def plan_split(
    moving: Sequence[Looks], staying: Sequence[Looks], led_by: Mapping[str, frozenset[str]] | None = None
) -> SplitPlan:
    """``staying``: texts that must not be recognised as those that move. ``led_by``: by which words a template's
    texts have come to the present pattern so far, where it was itself split off."""
    mine, theirs = _words_by_template(moving), _words_by_template(staying)
    whole, refused = [], []
    told: dict[str, tuple[str, ...]] = {}
    for template, words in sorted(mine.items()):
        if template not in theirs:
            whole.append(template)
        elif found := telling_words(words, theirs[template]):
            told[template] = tuple(sorted({*found, *(led_by or {}).get(template, ())}))
        else:
            refused.append(template)
    exact = tuple(sorted({look.fingerprint for look in moving}))
    return SplitPlan(exact=exact, whole=tuple(whole), told=told, refused=tuple(refused))


def telling_words(moving: Iterable[frozenset[str]], staying: Iterable[frozenset[str]]) -> tuple[str, ...]:
    """Words of all texts that move and of none that stays: those with letters first, at most MOST_WORDS.

    An identifier, a time or a number is another one the next time, unless several texts share it.
    """
    texts = list(set(moving))
    common = frozenset[str].intersection(*texts).difference(*staying)
    if len(texts) == 1:
        common = frozenset(word for word in common if not is_passing(word))
    return tuple(sorted(common, key=lambda word: (not _has_letters(word), word))[:MOST_WORDS])


def is_passing(word: str) -> bool:
    """Whether a word is likely to be another one the next time."""
    masked = mask(word)
    return _PASSING.search(masked) is not None or not (_has_letters(word) or masked != word)


def _has_letters(word: str) -> bool:
    return any(character.isalpha() for character in word)


def _words_by_template(looks: Sequence[Looks]) -> dict[str, list[frozenset[str]]]:
    found: dict[str, list[frozenset[str]]] = {}
    for look in looks:
        if look.template_key is not None:
            found.setdefault(look.template_key, []).append(words_of(look.text))
    return found
