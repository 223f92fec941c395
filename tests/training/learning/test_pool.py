import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.special import softmax

from training.learning import pool
from training.learning.pool import Pool, fit_pool, log_loss


def drawn(temperature: float = 1.0, rows: int = 4_000, seed: int = 11) -> tuple[np.ndarray, np.ndarray]:
    """Scores, and labels drawn from the softmax of the scores at this temperature."""
    chance = np.random.default_rng(seed)
    scores = chance.normal(size=(rows, 3)) * 3
    scores -= scores.mean(axis=1, keepdims=True)
    probabilities = softmax(scores / temperature, axis=1)
    return scores, (probabilities.cumsum(axis=1) < chance.random((rows, 1))).sum(axis=1)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_the_temperature_that_labels_were_drawn_at_is_found_again(temperature: float):
    scores, labels = drawn(temperature)
    found = fit_pool(["one"], {"one": scores}, labels)
    assert 1 / found.weights["one"] == pytest.approx(temperature, rel=0.1)
    np.testing.assert_allclose(found.bias, 0, atol=0.15)


def test_a_component_that_knows_nothing_gets_little_say():
    scores, labels = drawn()
    noise = np.random.default_rng(3).normal(size=scores.shape) * 3
    found = fit_pool(["knows", "guesses"], {"knows": scores, "guesses": noise}, labels)
    assert found.weights["guesses"] < 0.05 * found.weights["knows"]


def test_two_components_that_each_know_a_part_are_better_together():
    first, labels = drawn(temperature=2.0)
    second, _ = drawn(seed=12)
    chance = np.random.default_rng(13)
    probabilities = softmax(first + second, axis=1)
    labels = (probabilities.cumsum(axis=1) < chance.random((len(first), 1))).sum(axis=1)
    scores = {"first": first, "second": second}
    losses = {
        names: log_loss(fit_pool(names, scores, labels).probabilities(scores), labels).mean()
        for names in (("first",), ("second",), ("first", "second"))
    }
    assert losses["first", "second"] < 0.9 * min(losses["first",], losses["second",])


def test_the_bias_follows_how_often_labels_came_up():
    scores, labels = drawn()
    chance = np.random.default_rng(5)
    # Of the second label only every fourth row is left: its log-odds fall by ln 4.
    kept = (labels != 1) | (chance.random(len(labels)) < 0.25)
    bias = fit_pool(["one"], {"one": scores[kept]}, labels[kept]).bias
    # Less than all of it, since biases are kept small.
    assert -np.log(4) - 0.05 < bias[1] - bias[[0, 2]].mean() < -0.6 * np.log(4)


def test_few_rows_move_no_label_far():
    scores, labels = np.zeros((6, 3)), np.zeros(6, dtype=np.int64)
    few = fit_pool(["one"], {"one": scores}, labels).probabilities({"one": scores})[0, 0]
    many = fit_pool(["one"], {"one": np.zeros((6_000, 3))}, np.zeros(6_000, dtype=np.int64))
    assert few < many.probabilities({"one": scores})[0, 0]
    assert few < 0.95


def test_scores_that_are_always_right_do_not_make_the_weight_run_away():
    scores = np.eye(3)[[0, 1, 2] * 5] * 2
    found = fit_pool(["one"], {"one": scores}, scores.argmax(axis=1))
    assert 1.0 < found.weights["one"] <= np.exp(4.0)
    assert np.isfinite(found.probabilities({"one": scores * 1_000})).all()


def test_no_rows_leave_every_label_as_it_is():
    found = fit_pool(["one"], {"one": np.zeros((0, 3))}, np.zeros(0, dtype=np.int64))
    np.testing.assert_allclose(found.bias, 0, atol=1e-6)


def test_the_gradient_is_the_loss_functions(monkeypatch: pytest.MonkeyPatch):
    asked = []

    def searched(loss, start, *, jac, **options):
        asked.append((loss, start))
        return minimize(loss, start, jac=jac, **options)

    minimize = pool.minimize
    monkeypatch.setattr(pool, "minimize", searched)
    first, labels = drawn(rows=50)
    fit_pool(["a", "b"], {"a": first, "b": drawn(rows=50, seed=2)[0]}, labels)
    ((loss, start),) = asked
    for at in range(3):
        point = start + np.random.default_rng(at).normal(size=len(start)) * 0.5
        numerical = approx_fprime(point, lambda p: loss(p)[0], 1e-6)
        np.testing.assert_allclose(loss(point)[1], numerical, atol=1e-4)


def test_probabilities_are_the_softmax_of_the_weighed_scores_and_the_bias():
    scores = {"a": np.array([[1.0, 0.0]]), "b": np.array([[0.0, 2.0]]), "not asked": np.array([[9.0, 0.0]])}
    found = Pool(weights={"a": 0.5, "b": 0.25}, bias=np.array([0.0, 1.0])).probabilities(scores)
    np.testing.assert_allclose(found, softmax([[0.5, 1.5]], axis=1))


def test_the_log_loss_of_a_label_that_was_ruled_out_is_large_and_finite():
    assert log_loss(np.array([[1.0, 0.0]]), np.array([1]))[0] == pytest.approx(-np.log(1e-12))
