"""Whether a text speaks of something: whole words, whatever their case, punctuation or script."""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

# Where a name such as HostIntrusionDetected or HTTPLatency has its words' beginnings.
_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SEPARATORS = re.compile(r"[\W_]+")
# Han, kana, Thai, Lao, Burmese and Khmer are written without spaces, so words are found inside other words.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_TABLE = {code: " " for code in range(128) if not chr(code).isalnum()}


def mentions(text: str, words: Iterable[str]) -> bool:
    """Whether ``text`` holds one of ``words`` (a word or a phrase; ``intrusi*`` stands for all that begin so).

    Names in one piece count as their words too: ``HostIntrusionDetected`` mentions ``intrusion``.
    Raises ``ValueError`` for a word that is no text.
    """
    needles = [needle(word) for word in words]
    found = folded(text)
    return any(sought in found for sought in needles)


@lru_cache(maxsize=32)
def folded(text: str) -> str:
    """``text`` as `` word word ``; names in one piece are added a second time, taken apart."""
    apart = _HUMPS.sub(" ", text)
    return f" {_words(text)} " if apart == text else f" {_words(text)} | {_words(apart)} "


@lru_cache(maxsize=32)
def words_in(text: str) -> frozenset[str]:
    """The words of ``folded(text)``."""
    return frozenset(folded(text).split(" "))


@lru_cache(maxsize=4096)
def needle(word: str) -> str:
    """What ``folded(text)`` holds when ``text`` mentions ``word``."""
    if not isinstance(word, str):
        raise ValueError("mentions() takes a list of texts")
    words = _words(word)
    if not words:
        raise ValueError("mentions() takes words with letters or digits")
    if _UNSPACED.search(words):
        return words
    return f" {words}" if word.rstrip().endswith("*") else f" {words} "


def _words(text: str) -> str:
    if text.isascii():
        return " ".join(text.lower().translate(_TABLE).split())
    normal = unicodedata.normalize("NFKC", text).casefold()
    return _SEPARATORS.sub(_separator, normal).strip()


def _separator(found: re.Match[str]) -> str:
    """A space, save for marks that belong to the letters around them (Devanagari vowels, accents)."""
    kept = "".join(c if unicodedata.category(c).startswith("M") else " " for c in found.group())
    return " " if kept.isspace() else re.sub(" +", " ", kept)
