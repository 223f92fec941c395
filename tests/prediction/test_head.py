"""A head from its file's arrays: what it refuses, and what its probabilities and explanations are made of."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from triage.errors import BundleError
from triage.prediction.columns import SparseRow
from triage.prediction.conclusion import Conclusion, Thresholds
from triage.prediction.head import Head, HeadSettings, load_head
from triage.prediction.neighbours import NeighbourSettings

Arrays = Mapping[str, np.ndarray]

LABELS = ("Card payments", "database", "network")
NEAR = NeighbourSettings(count=2, sharpness=10.0, floor=0.05, weight=0.5)
SETTINGS = HeadSettings(
    target="team",
    labels=LABELS,
    scope="plain",
    conclusion=Conclusion(thresholds=Thresholds(precision=0.9, confidence=0.9, general=None)),
    combination=("joint", "neighbours"),
    neighbours=NEAR,
)


@pytest.fixture
def content() -> dict[str, np.ndarray]:
    """Two words, one fact, two dimensions."""
    drawn = np.random.default_rng(5)
    return {
        "coef": drawn.normal(size=(3, 5)).astype(np.float32),
        "intercept": drawn.normal(size=3).astype(np.float32),
        "word_ids": np.array([7, 9], dtype=np.uint32),
        "rarity": np.array([1.5, 2.5], dtype=np.float32),
        "fact_ids": np.array([3], dtype=np.uint32),
        "near_meaning": np.eye(2, dtype=np.float16),
        "near_labels": np.array([0, 2], dtype=np.uint16),
    }


ROW = SparseRow(
    positions=np.array([1, 2]),
    values=np.array([1.0, 1.0], dtype=np.float32),
    words=1,
    meaning=np.array([0.6, 0.8], dtype=np.float32),
)


def head_of(content: Arrays, settings: HeadSettings = SETTINGS) -> Head:
    return load_head("heads/team.joblib", settings, content, 2)


def plain(content: Arrays) -> Head:
    return head_of(content, replace(SETTINGS, neighbours=None))


def log_odds(probabilities: np.ndarray, label: int) -> float:
    scores = np.log(probabilities)
    return float(scores[label] - scores.mean())


def test_probabilities_are_the_softmax_of_coefficients_intercept_and_neighbours(content: Arrays):
    head = head_of(content)
    dense = np.array([0, 1, 1, *ROW.meaning])
    near = np.array([np.exp(10 * (0.6 - 1)), 0.0, np.exp(10 * (0.8 - 1))]) + 0.05 / 3
    scores = content["coef"] @ dense + content["intercept"] + 0.5 * np.log(near / near.sum())
    expected = np.exp(scores) / np.exp(scores).sum()
    np.testing.assert_allclose(head.probabilities(ROW), expected, rtol=1e-5)


def test_an_incident_that_says_nothing_known_gets_the_intercepts_probabilities(content: Arrays):
    nothing = SparseRow(
        positions=np.zeros(0, dtype=np.intp),
        values=np.zeros(0, dtype=np.float32),
        words=0,
        meaning=np.zeros(2, dtype=np.float32),
    )
    expected = np.exp(content["intercept"]) / np.exp(content["intercept"]).sum()
    np.testing.assert_allclose(plain(content).probabilities(nothing), expected, rtol=1e-6)


@pytest.mark.parametrize("label", range(3))
def test_contributions_and_the_intercept_add_up_to_the_log_odds_of_the_answer(content: Arrays, label: int):
    head = head_of(content)
    sparse, meaning = head.contributions(ROW, label)
    start = float(content["intercept"][label] - content["intercept"].mean())
    assert sparse.sum() + meaning + start == pytest.approx(log_odds(head.probabilities(ROW), label), abs=1e-5)


def test_a_label_is_found_whatever_its_case_and_punctuation(content: Arrays):
    head = head_of(content)
    assert head.find_label("card-PAYMENTS") == 0
    assert head.find_label("cards") is None


@pytest.mark.parametrize(
    "key", ["coef", "intercept", "word_ids", "rarity", "fact_ids", "near_meaning", "near_labels"]
)
@pytest.mark.parametrize(
    "found", [None, [1.0], np.zeros(3, dtype=np.complex64)], ids=["missing", "a list", "another type"]
)
def test_an_array_that_is_missing_or_of_another_type_is_refused_by_name(content: Arrays, key: str, found: object):
    broken = {**content, key: found}
    if found is None:
        del broken[key]
    with pytest.raises(BundleError) as refused:
        head_of(broken)
    assert (refused.value.file, refused.value.expected) == ("heads/team.joblib", f"an array {key}")


@pytest.mark.parametrize(
    "arrays",
    [
        {"coef": np.zeros((3, 4), dtype=np.float32)},
        {"coef": np.zeros((2, 5), dtype=np.float32)},
        {"intercept": np.zeros(2, dtype=np.float32)},
        {"rarity": np.ones(1, dtype=np.float32)},
        {"near_meaning": np.zeros((3, 2), dtype=np.float16)},
        {"near_meaning": np.zeros((2, 3), dtype=np.float16)},
        {"near_labels": np.array([0, 3], dtype=np.uint16)},
    ],
    ids=["columns", "labels", "intercept", "rarity", "neighbours", "dimensions", "a label too high"],
)
def test_arrays_that_do_not_fit_together_are_refused(content: Arrays, arrays: Arrays):
    with pytest.raises(BundleError, match=r"heads/team\.joblib"):
        head_of({**content, **arrays})


def test_a_head_without_neighbours_asks_for_none_of_their_arrays(content: Arrays):
    without = {key: value for key, value in content.items() if not key.startswith("near")}
    np.testing.assert_array_equal(plain(without).probabilities(ROW), plain(content).probabilities(ROW))
