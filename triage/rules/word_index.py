"""Which of many words and phrases a text mentions, at the cost of the text's words rather than of theirs."""

from collections import defaultdict
from collections.abc import Iterator

from triage.rules.wording import folded, needle, words_in


class WordIndex:
    """Places of rules by the words that they seek, as ``mentions`` finds them."""

    def __init__(self) -> None:
        self._by_word: defaultdict[str, list[int]] = defaultdict(list)
        self._by_first: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
        self._others: defaultdict[str, list[int]] = defaultdict(list)

    def add(self, word: str, place: int) -> None:
        """Raises ``ValueError`` for a word without letters or digits."""
        sought = needle(word)
        # What has a space on both sides is a whole word of the text, too.
        _, *words = sought.split(" ")
        if len(words) < 2:
            # The beginning of a word, or one of a script without spaces: it may stand within any word.
            self._others[sought].append(place)
        elif sought == f" {words[0]} ":
            self._by_word[words[0]].append(place)
        else:
            self._by_first[words[0]].append((sought, place))

    def places(self, text: str) -> Iterator[int]:
        """In no order, some more than once."""
        words = words_in(text)
        for word in words & self._by_word.keys():
            yield from self._by_word[word]
        found = folded(text)
        for word in words & self._by_first.keys():
            yield from (place for sought, place in self._by_first[word] if sought in found)
        for sought, places in self._others.items():
            if sought in found:
                yield from places
