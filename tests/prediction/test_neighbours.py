import numpy as np
import pytest

from triage.prediction.neighbours import Neighbours, NeighbourSettings

SETTINGS = NeighbourSettings(count=3, sharpness=12.0, floor=0.06, weight=1.0)


def unit(rows: int, dimensions: int = 16, seed: int = 0) -> np.ndarray:
    drawn = np.random.default_rng(seed).normal(size=(rows, dimensions))
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float16)


def neighbours(rows: int = 40, width: int = 4, settings: NeighbourSettings = SETTINGS) -> Neighbours:
    labels = np.random.default_rng(1).integers(0, width, rows).astype(np.uint16)
    return Neighbours(settings, unit(rows), labels, width)


def test_the_shares_are_those_of_the_nearest_by_their_closeness():
    meaning = np.array([[1, 0], [0.8, 0.6], [0.6, 0.8], [0, 1]], dtype=np.float16)
    votes = Neighbours(SETTINGS, meaning, np.array([0, 1, 0, 1], dtype=np.uint16), 3)
    asked = np.array([[1, 0]], dtype=np.float32)
    weights = np.exp(12 * (meaning[:3, 0].astype(float) - 1))
    expected = np.array([weights[0] + weights[2], weights[1], 0.0]) + 0.02
    np.testing.assert_allclose(votes.scores(asked)[0], np.log(expected / expected.sum()), rtol=1e-6)


def test_the_shares_of_all_labels_add_up_to_one_and_none_is_impossible():
    shares = np.exp(neighbours().scores(unit(20, seed=3).astype(np.float32)))
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, rtol=1e-9)
    assert (shares > 0).all()


def test_a_label_of_no_neighbour_gets_its_part_of_the_floor_only():
    votes = Neighbours(SETTINGS, np.array([[1, 0]] * 3, dtype=np.float16), np.zeros(3, dtype=np.uint16), 3)
    shares = np.exp(votes.scores(np.array([[1, 0]], dtype=np.float32)))[0]
    assert shares[1] == pytest.approx(0.02 / 3.06)


def test_its_say_multiplies_the_scores():
    asked = unit(5, seed=4).astype(np.float32)
    np.testing.assert_allclose(neighbours().weighed(0.25).scores(asked), 0.25 * neighbours().scores(asked))
    assert neighbours().weighed(0.25).settings.weight == 0.25


def test_scores_do_not_depend_on_the_batch():
    asked = unit(1_030, seed=5).astype(np.float32)
    together = neighbours().scores(asked)
    for at in (0, 511, 512, 1_029):
        np.testing.assert_allclose(neighbours().scores(asked[at : at + 1])[0], together[at], rtol=1e-5)


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_fewer_rows_than_votes_are_enough(rows: int):
    shares = np.exp(neighbours(rows=rows).scores(unit(4, seed=6).astype(np.float32)))
    assert shares.shape == (4, 4)
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    if not rows:
        np.testing.assert_allclose(shares, 0.25)


def test_nothing_asked_is_nothing_answered():
    assert neighbours().scores(np.zeros((0, 16), dtype=np.float32)).shape == (0, 4)
