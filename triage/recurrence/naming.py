"""What a pattern is called on a page: the words that its titles share, in their order, and "…" for what varies.

Disk /var on db-17.example.com 93% full
Disk /var on db-3.example.com 97% full     →  Disk /var on … full
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

from triage.recurrence.template import mask

UNNAMED = "Unnamed pattern"
LONGEST_NAME = 80
MOST_TITLES = 20
"""Distinct titles compared, the most frequent first; sharing is a product of their lengths."""
MOST_WORDS = 40
LONGEST_TITLE = 1_000
"""More does not fit into a name."""

VARIES = "…"
_MASKED = re.compile(r"<(?:id|date|time|number|ip|mac|email|pod|n|query)>")
_VARY = re.compile(r"…{2,}")
# What titles of different problems share as well.
_SMALL = "a an and are as at by for from has have in is it not of on or that the this to was with"
_SMALL_WORDS = frozenset(_SMALL.split())


def name_of(titles: Sequence[str], service: str | None) -> str:
    """A name of at most 80 characters, the same for the same titles in any order; never empty.

    A title that shares no telling word with what is left is passed over, so that one wrong merge does not take
    the name away, and the most frequent title stands if all are. One shared word alone is told with the service.
    """
    alike = Counter(words for title in titles if (words := tuple(_words(title))))
    spread = Counter(word for words in alike for word in set(words))
    common = {words: sum(spread[word] > 1 for word in set(words)) for words in alike}
    first, *others = sorted(alike, key=lambda words: (-alike[words], -common[words], words))[:MOST_TITLES] or [()]
    shared = list(first)
    for words in others:
        closer = _shared(shared, words)
        if any(map(_is_telling, closer)):
            shared = closer
    telling = [word for word in shared if _is_telling(word)]
    if len(telling) == 1 and others and service and service.casefold() not in " ".join(shared).casefold():
        shared = [f"{' '.join(service.split())}:", *shared]
    name = _shortened(shared)
    for _ in range(MOST_WORDS):  # beside "…", a number may have become a quantity
        name, before = _shortened(tuple(_words(name))), name
        if name == before:
            break
    return name if any(character.isalnum() for character in name) else UNNAMED


def _words(title: str) -> Iterable[str]:
    """The words of a title as the template has them, what is masked in them shown as "…". The name of one
    machine among many says nothing with its digits masked, so all of it varies."""
    for word in mask(title[:LONGEST_TITLE]).split()[:MOST_WORDS]:
        whole = "<n>" in word and "://" not in word
        yield VARIES if whole else _VARY.sub(VARIES, _MASKED.sub(VARIES, word))


def _is_telling(word: str) -> bool:
    letters = "".join(filter(str.isalnum, word)).casefold()
    return len(letters) > 1 and letters not in _SMALL_WORDS


def _shared(ours: Sequence[str], theirs: Sequence[str]) -> list[str]:
    """The longest common subsequence, in our writing, with "…" wherever either has other words between."""
    mine, their = [word.casefold() for word in ours], [word.casefold() for word in theirs]
    longest = [[0] * (len(their) + 1) for _ in range(len(mine) + 1)]
    for i in reversed(range(len(mine))):
        for j in reversed(range(len(their))):
            longest[i][j] = (
                longest[i + 1][j + 1] + 1 if mine[i] == their[j] else max(longest[i + 1][j], longest[i][j + 1])
            )
    shared, i, j = list[str](), 0, 0
    while i < len(mine) and j < len(their):
        if mine[i] == their[j]:
            shared.append(ours[i])
            i, j = i + 1, j + 1
            continue
        if shared[-1:] != [VARIES]:
            shared.append(VARIES)
        if longest[i + 1][j] >= longest[i][j + 1]:
            i += 1
        else:
            j += 1
    return shared if i == len(mine) and j == len(their) else [*shared, VARIES]


def _shortened(words: Sequence[str]) -> str:
    """Cut after a word where possible, and said so."""
    seen = [word for before, word in pairwise(["", *words]) if word != VARIES or not before.endswith(VARIES)]
    name = " ".join(seen)
    if len(name) <= LONGEST_NAME:
        return name
    head = name[: LONGEST_NAME - 1]
    if " " in head:
        return f"{head.rpartition(' ')[0].rstrip(f' {VARIES}')} {VARIES}"
    return f"{head.rstrip(VARIES)}{VARIES}"
