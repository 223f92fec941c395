"""One score from meaning and words, and a weight that an organisation's own texts speak for."""

from collections.abc import Sequence
from hashlib import blake2b
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from triage.recurrence.fusion import (
    DEFAULT,
    MOST_ITEMS,
    MOST_LEXICAL,
    MOST_TEXTS,
    Candidate,
    FusionWeights,
    fuse,
    learn_weights,
    similarity,
)

SHARES = st.floats(0.0, 1.0)
ODD = st.none() | st.floats(-2.0, 2.0) | st.just(float("nan"))
SAME = st.sampled_from([None, True, False])


def candidate(cosine: float | None = 0.8, coverage: float | None = 0.5, **same: bool | None) -> Candidate:
    return Candidate(cosine=cosine, coverage=coverage, **same)


def test_the_same_text_has_similarity_one() -> None:
    assert similarity(candidate(1.0, 1.0)) == pytest.approx(1.0)


def test_meaning_and_words_are_weighed() -> None:
    assert similarity(candidate(0.8, 0.4), FusionWeights(lexical=0.25)) == pytest.approx(0.7)


@pytest.mark.parametrize(("cosine", "coverage", "alike"), [(0.8, None, 0.8), (None, 0.3, 0.3), (None, None, 0.0)])
def test_what_is_missing_is_left_out(cosine: float | None, coverage: float | None, alike: float) -> None:
    assert similarity(candidate(cosine, coverage)) == alike


@given(ODD, ODD, SAME, SAME, SHARES)
def test_similarity_is_a_share(
    cosine: float | None, coverage: float | None, service: bool | None, environment: bool | None, lexical: float
) -> None:
    one = Candidate(cosine=cosine, coverage=coverage, same_service=service, same_environment=environment)
    assert 0.0 <= similarity(one, FusionWeights(lexical=lexical)) <= 1.0 + 1e-12


@given(SHARES, SHARES, SHARES, SHARES, SHARES)
def test_more_of_either_is_never_less_alike(
    cosine: float, coverage: float, more: float, covered: float, lexical: float
) -> None:
    weights = FusionWeights(lexical=lexical)
    low = similarity(candidate(cosine, coverage), weights)
    assert similarity(candidate(max(cosine, more), max(coverage, covered)), weights) >= low - 1e-12


def test_another_service_or_environment_decides_between_equals_only() -> None:
    elsewhere = candidate(0.80, 0.5, same_service=False)
    here = candidate(0.80, 0.5, same_service=True)
    staging = candidate(0.80, 0.5, same_service=True, same_environment=False)
    clearer = candidate(0.95, 0.7, same_service=False, same_environment=False)
    assert [position for position, _ in fuse([elsewhere, here, staging, clearer])] == [3, 1, 2, 0]


def test_a_service_that_nobody_named_costs_nothing() -> None:
    assert similarity(candidate(same_service=None)) == similarity(candidate(same_service=True))


def test_equals_keep_their_order() -> None:
    assert [position for position, _ in fuse([candidate(), candidate(), candidate()])] == [0, 1, 2]


def test_nothing_found_is_nothing_fused() -> None:
    assert fuse([]) == []


# --- learning ------------------------------------------------------------------------------------------------
_LETTERS = "bcdfghjklmnp"


def _word(number: int) -> str:
    return "".join(_LETTERS[number // 12**place % 12] for place in range(3))


def _direction(word: str) -> NDArray[np.float64]:
    seed = int.from_bytes(blake2b(word.encode(), digest_size=4).digest(), "big")
    return np.random.default_rng(seed).normal(size=32)


def _embed(texts: Sequence[str], part: slice) -> NDArray[np.float64]:
    """The mean direction of the words, of which only the letters in ``part`` have a meaning."""
    sums = [sum((_direction(word.strip(".")[part]) for word in text.split()), np.zeros(32)) for text in texts]
    return np.array([one / (np.linalg.norm(one) or 1.0) for one in sums])


def words_mislead(count: int) -> list[str]:
    """Every part of a report says the same three things, each in an ending of its own; endings are shared by
    all reports, so that words find the same part of other reports, and meaning the same report."""
    random = Random(1)
    texts = []
    for _ in range(count):
        things = [_word(random.randrange(900)) for _ in range(6)]
        said = [" ".join(f"{thing}{ending}" for thing in things) for ending in ("ing", "ed", "er")]
        common = ["please restart gateway", "customers wait long", "nothing changed today"]
        parts = [f"{one} {random.choice(common)} {other}" for one, other in zip(said, common, strict=True)]
        texts.append(f"{parts[0]}\n{parts[1]}. {parts[2]}.")
    return texts


def meaning_is_vague(count: int) -> list[str]:
    """Reports of few topics, which words tell apart."""
    random = Random(2)
    texts = []
    for _ in range(count):
        topic = random.choice(["db", "net", "app"])
        things = [f"{topic}{_word(random.randrange(900))}" for _ in range(6)]
        sentences = [" ".join(random.sample(things, 6)) for _ in range(3)]
        texts.append(f"{sentences[0]}\n{sentences[1]}. {sentences[2]}.")
    return texts


@pytest.mark.parametrize(("before", "least", "most"), [(0.0, 0.03, 0.2), (0.4, 0.4, 0.4), (1.0, 0.5, 0.7)])
def test_words_that_help_keep_the_weight_they_had_or_get_enough(before: float, least: float, most: float) -> None:
    texts, embed = meaning_is_vague(200), lambda asked: _embed(asked, slice(0, 2))
    learned = learn_weights(texts, embed, FusionWeights(lexical=before))
    assert least <= learned.weights.lexical <= most
    assert learned.reciprocal_ranks[MOST_LEXICAL] > learned.reciprocal_ranks[0.0]


def test_words_that_mislead_get_next_to_none() -> None:
    learned = learn_weights(words_mislead(400), lambda texts: _embed(texts, slice(0, 3)))
    assert learned.texts == MOST_ITEMS
    assert learned.weights.lexical <= 0.11


def test_few_texts_leave_the_weight_near_what_it_was() -> None:
    learned = learn_weights(words_mislead(5), lambda texts: _embed(texts, slice(0, 3)))
    assert learned.texts == 5
    assert learned.weights.lexical == pytest.approx(DEFAULT.lexical, abs=0.02)


@pytest.mark.parametrize("texts", [[], ["disk full"], ["disk full", "disk full"], ["", "a\nb", "\n"]])
def test_texts_that_cannot_ask_teach_nothing(texts: list[str]) -> None:
    prior = FusionWeights(lexical=0.3)
    learned = learn_weights(texts, lambda asked: _embed(asked, slice(0, 3)), prior)
    assert learned.weights == prior
    assert learned.texts == 0


def test_the_order_of_the_texts_changes_nothing() -> None:
    texts = meaning_is_vague(60)
    learned = [learn_weights(one, lambda asked: _embed(asked, slice(0, 2))) for one in (texts, texts[::-1])]
    assert learned[0] == learned[1]


def test_a_template_asks_once_however_often_it_came() -> None:
    full = "disk of host web{} is full\nThe volume /var has no space left. It fills since noon, restart it now."
    storm = [full.format(number) for number in range(50)]
    assert learn_weights(storm, lambda asked: _embed(asked, slice(0, 3))).texts == 1


def test_what_is_embedded_is_bounded() -> None:
    asked: list[int] = []

    def embed(texts: Sequence[str]) -> NDArray[Any]:
        asked.append(len(texts))
        return np.ones((len(texts), 4), dtype=np.float16)

    learn_weights(meaning_is_vague(MOST_TEXTS + 50), embed)
    assert asked[0] == MOST_TEXTS
    assert sum(asked[1:]) <= 4 * MOST_ITEMS
