"""The plain means: what they learn, and that nothing a history may hold stops them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from training.evaluation.baselines import (
    BASELINES,
    BaselineRows,
    FitPredict,
    acting_threshold,
    baseline_rows,
    encoder_logistic,
    majority,
    tfidf_svm,
)
from triage.domain.incident import Incident
from triage.history.rows import HistoryRow

LABELS = ("database", "network", "payments")
WORDS = (("disk slow", "disk full"), ("packet loss", "packets doubled"), ("card declined", "card stuck"))
LEARNT = [one for name, one in BASELINES.items() if name != "majority"]


def made(
    truth: Sequence[int], *, seed: int = 1, facts: bool = True, prose: bool = True, noise: float = 0.0
) -> Any:
    """Their text, facts and embedding all tell the label, but for a share of ``noise`` that they get wrong."""
    chance = np.random.default_rng(seed)
    says = np.array(truth)
    said = np.where(chance.random(len(says)) < noise, (says + 1) % 3, says)
    texts = [f"{WORDS[at][chance.integers(2)]} on node {n}" for n, at in enumerate(said)]
    return BaselineRows(
        texts=[f"{text}\nSeen since noon" if prose else text for text in texts],
        facts=[(f"labels.area={at}", f"labels.ticket={n}") if facts else () for n, at in enumerate(said)],
        embeddings=(np.eye(3)[said] + chance.normal(scale=0.1, size=(len(said), 3))).astype(np.float16),
        truth=says,
    )


def accuracy(found: np.ndarray, rows: BaselineRows) -> float:
    return float((found.argmax(axis=1) == rows.truth).mean())


@pytest.fixture
def train() -> Any:
    return made([0] * 60 + [1] * 50 + [2] * 40)


@pytest.fixture
def test() -> Any:
    return made([0] * 10 + [1] * 10 + [2] * 10, seed=2)


@pytest.mark.parametrize("baseline", BASELINES.values(), ids=BASELINES.keys())
def test_every_baseline_gives_each_row_probabilities_over_all_labels(
    baseline: FitPredict, train: BaselineRows, test: BaselineRows
) -> None:
    found = baseline(train, test, LABELS)
    assert found.shape == (30, 3)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-6)
    assert (found >= 0).all()


@pytest.mark.parametrize("baseline", LEARNT)
@pytest.mark.parametrize("facts", [True, False])
def test_what_the_rows_say_is_learnt(baseline: FitPredict, facts: bool) -> None:
    train, test = made([0, 1, 2] * 50, facts=facts), made([0, 1, 2] * 10, seed=2, facts=facts)
    assert accuracy(baseline(train, test, LABELS), test) > 0.95


def test_the_majority_says_the_shares_of_the_training_rows(train: BaselineRows, test: BaselineRows) -> None:
    np.testing.assert_allclose(majority(train, test, LABELS)[7], [0.4, 1 / 3, 4 / 15])


def test_embeddings_alone_decide_where_there_is_prose_and_metadata_helps_where_there_is_none() -> None:
    def blind(rows: BaselineRows) -> BaselineRows:
        return BaselineRows(
            texts=rows.texts, facts=rows.facts, embeddings=np.zeros((len(rows), 3), np.float16), truth=rows.truth
        )

    figures = {}
    for prose in (True, False):
        train, test = (blind(made([0, 1, 2] * 50, seed=seed, prose=prose)) for seed in (1, 2))
        figures[prose] = accuracy(encoder_logistic(train, test, LABELS), test)
    assert figures == {True: pytest.approx(1 / 3), False: 1.0}


def test_probabilities_of_the_svm_are_as_modest_as_its_labels_are_unreliable() -> None:
    train, test = made([0, 1, 2] * 200, noise=0.3), made([0, 1, 2] * 200, seed=2, noise=0.3)
    found = tfidf_svm(train, test, LABELS)
    assert found.max(axis=1).mean() == pytest.approx(accuracy(found, test), abs=0.06)


@pytest.mark.parametrize("baseline", BASELINES.values(), ids=BASELINES.keys())
@pytest.mark.parametrize(
    "truth",
    [[0] * 20, [0] * 19 + [1], [0, 1], [-1, 0, 1, 0, 1], [0]],
    ids=["one label", "a label with one row", "two rows", "a row without a label", "one row"],
)
def test_hardly_any_rows_are_no_error(baseline: FitPredict, truth: list[int], test: BaselineRows) -> None:
    found = baseline(made(truth), test, LABELS)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-6)
    assert (found[:, 2] == 0).all()


@pytest.mark.parametrize("baseline", LEARNT)
@pytest.mark.parametrize("text", ["", "disk full"])
def test_rows_that_all_read_the_same_are_no_error(baseline: FitPredict, text: str, test: BaselineRows) -> None:
    rows = 120
    alike = BaselineRows(
        texts=[text] * rows,
        facts=[()] * rows,
        embeddings=np.ones((rows, 3), np.float16),
        truth=np.arange(rows) % 3,
    )
    np.testing.assert_allclose(baseline(alike, test, LABELS).sum(axis=1), 1.0, atol=1e-6)


@pytest.mark.parametrize("baseline", LEARNT)
def test_a_fact_in_one_row_alone_makes_no_column_and_no_error(baseline: FitPredict, test: BaselineRows) -> None:
    rows = made([0, 1, 2] * 50, prose=False)
    unique = BaselineRows(
        texts=rows.texts,
        facts=[(f"labels.id={n}",) for n in range(len(rows))],
        embeddings=rows.embeddings,
        truth=rows.truth,
    )
    assert accuracy(baseline(unique, test, LABELS), test) > 0.9


def test_the_threshold_is_where_held_out_suggestions_become_precise() -> None:
    def right_where_sure(_: BaselineRows, rows: BaselineRows, labels: Sequence[str]) -> np.ndarray:
        sure = np.array([int(text.split()[-4]) % 2 == 0 for text in rows.texts])
        says = np.array(["dpc".index(text[0]) for text in rows.texts])
        return np.where(sure[:, None], 0.8, 0.6) * np.eye(3)[np.where(sure, says, (says + 1) % 3)]

    rows = made([0, 1, 2] * 100)
    assert acting_threshold(right_where_sure, rows, LABELS) == 0.8
    assert acting_threshold(majority, rows, LABELS) == float("inf")
    assert acting_threshold(right_where_sure, made([0, 1, 2]), LABELS) == float("inf")


def test_thinning_keeps_rows_of_the_whole_history(train: BaselineRows) -> None:
    thin = train.thinned(30)
    assert len(thin) == 30
    assert (thin.texts[0], thin.texts[-1]) == (train.texts[0], train.texts[-1])
    assert np.bincount(thin.truth).tolist() == [12, 10, 8]
    assert train.thinned(1_000) is train


def test_rows_of_a_history_become_texts_facts_and_numbers_of_labels() -> None:
    incident = Incident(
        title="Disk full", assigned_team="network", labels={"owner": "database", "area": "north"}, source="desk"
    )
    row = HistoryRow(
        line=1, id="a", incident=incident, priority=None, team="database",
        duplicate_of=None, resolved_at=None, label_source=None,
    )  # fmt: skip
    embeddings = np.zeros((3, 4), np.float16)
    rows = baseline_rows([row] * 3, ["database", None, "new team"], LABELS, embeddings, left_out=["labels.owner"])
    assert rows.truth.tolist() == [0, -1, -1]
    assert rows.texts[0] == "Disk full"
    assert rows.facts[0] == ("source=desk", "labels.area=north")
    assigned = baseline_rows([row] * 3, [None] * 3, LABELS, embeddings, "assigned")
    assert "assigned_team=network" in assigned.facts[0]
