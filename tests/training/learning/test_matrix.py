from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from training.learning.matrix import Blocks, HistoryMatrix, LearntColumns, blocks_of, read_matrix
from training.recipes import RECIPES, Recipe
from triage.domain.incident import Incident
from triage.prediction.encoder import Embeddings, Encoder
from triage.prediction.features import FactScope, extract, fact_ids, word_features
from triage.prediction.text import incident_text

RECIPE = RECIPES["default"]
WORDS = (
    "disk",
    "full",
    "on",
    "db-01",
    "Zahlung",
    "fehlgeschlagen",
    "مشكلة",
    "🚨",
    "database",
    "betalning",
    "#4711",
)


@pytest.fixture(scope="module")
def encoder(encoder_folder: Path) -> Iterator[Encoder]:
    encoder = Encoder.open(encoder_folder, workers=1)
    yield encoder
    encoder.close()


def meaning_of(texts: list[str], dimensions: int = 6) -> Embeddings:
    """Any numbers will do for a matrix, as long as each text has its own."""
    drawn = [np.random.default_rng(len(text)).normal(size=dimensions) for text in texts]
    return np.array(drawn, dtype=np.float16).reshape(len(texts), dimensions)


def read(incidents: list[Incident], encoder: Encoder) -> HistoryMatrix:
    texts = [incident_text(one) for one in incidents]
    return read_matrix(incidents, texts, meaning_of(texts), encoder)


def dense(blocks: Blocks) -> np.ndarray:
    return np.hstack([blocks.words.toarray(), blocks.facts.toarray(), blocks.meaning])


def served(incident: Incident, learnt: LearntColumns, encoder: Encoder, scope: FactScope = "plain") -> np.ndarray:
    """The row that serving makes of this incident."""
    text = incident_text(incident)
    row = learnt.columns.row(extract(incident, encoder.pieces_of(text), meaning_of([text])[0], scope))
    found = np.zeros(learnt.columns.total, dtype=np.float32)
    np.add.at(found, row.positions, row.values)
    found[learnt.columns.sparse :] = row.meaning
    return found


texts = st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join)
incidents_drawn = st.lists(
    st.builds(
        Incident,
        title=texts,
        description=st.one_of(st.just(""), texts),
        service=st.sampled_from([None, "db", "Payments  API"]),
        severity=st.sampled_from([None, "high"]),
        assigned_team=st.sampled_from([None, "a", "b"]),
        data_exposure=st.booleans(),
        labels=st.dictionaries(st.sampled_from(["pod", "Pod", "zone"]), st.sampled_from(["a", "A ", "b"])),
    ),
    min_size=1,
    max_size=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(incidents_drawn, st.integers(1, 30), st.integers(1, 2))
def test_a_row_is_fitted_with_the_very_values_that_serving_gives_it(
    encoder: Encoder, incidents: list[Incident], most: int, fitted: int
):
    matrix = read(incidents, encoder)
    rows = np.arange(len(incidents))
    hidden: dict[FactScope, frozenset[str]] = {
        "plain": frozenset({"assigned_team"}),
        "assigned": frozenset(),
        "unrated": frozenset({"assigned_team", "severity", "impact", "urgency"}),
    }
    for scope, without in hidden.items():
        learnt = LearntColumns(matrix, rows[::fitted], replace(RECIPE, max_words=most), without)
        found = dense(learnt.blocks(rows))
        assert len(learnt.columns.word_ids) <= most
        for row, incident in zip(found, incidents, strict=True):
            np.testing.assert_allclose(row, served(incident, learnt, encoder, scope), rtol=1e-6, atol=1e-7)


def test_the_rows_asked_for_come_in_their_order(encoder: Encoder):
    incidents = [Incident(title=word) for word in WORDS]
    learnt = LearntColumns(read(incidents, encoder), np.arange(len(WORDS)), RECIPE, frozenset())
    whole, some = learnt.blocks(np.arange(len(WORDS))), learnt.blocks(np.array([5, 0, 5]))
    np.testing.assert_array_equal(dense(some), dense(whole)[[5, 0, 5]])
    np.testing.assert_array_equal(dense(whole.take(np.array([5, 0, 5]))), dense(some))
    assert (len(whole), len(some)) == (len(WORDS), 3)


def test_columns_are_learnt_from_the_rows_given_alone(encoder: Encoder):
    incidents = [Incident(title="disk", service="db"), Incident(title="betalning", service="pay")]
    matrix = read(incidents, encoder)
    learnt = LearntColumns(matrix, np.array([0]), RECIPE, frozenset())
    expected = word_features(encoder.pieces_of("disk")).ids
    np.testing.assert_array_equal(learnt.columns.word_ids, expected)
    assert set(fact_ids(("service=pay",)).tolist()).isdisjoint(learnt.columns.fact_ids.tolist())


def recipe(**changes: int) -> Recipe:
    return replace(RECIPE, **changes)


def rare_and_common(rows: int, encoder: Encoder) -> HistoryMatrix:
    """``disk`` and its fact in every row, ``Zahlung`` and its fact in one."""
    incidents = [Incident(title="disk", service="db")] * (rows - 1)
    return read([*incidents, Incident(title="Zahlung", service="pay")], encoder)


@pytest.mark.parametrize(("rows", "seen_once_counts"), [(99, True), (100, False)])
def test_what_one_row_says_counts_in_a_small_history_only(encoder: Encoder, rows: int, seen_once_counts: bool):
    learnt = LearntColumns(rare_and_common(rows, encoder), np.arange(rows), RECIPE, frozenset())
    rare = word_features(encoder.pieces_of("Zahlung")).ids
    common = word_features(encoder.pieces_of("disk")).ids
    assert np.isin(common, learnt.columns.word_ids).all()
    assert np.isin(np.setdiff1d(rare, common), learnt.columns.word_ids).all() == seen_once_counts
    assert (fact_ids(("service=pay",))[0] in learnt.columns.fact_ids) == seen_once_counts


def test_of_too_many_words_those_of_the_most_rows_are_kept(encoder: Encoder):
    matrix = rare_and_common(50, encoder)
    common = word_features(encoder.pieces_of("disk")).ids
    learnt = LearntColumns(matrix, np.arange(50), recipe(max_words=len(common)), frozenset())
    np.testing.assert_array_equal(learnt.columns.word_ids, common)


def test_words_of_fewer_rows_weigh_more(encoder: Encoder):
    matrix = rare_and_common(50, encoder)
    columns = LearntColumns(matrix, np.arange(50), RECIPE, frozenset()).columns
    rare = np.isin(columns.word_ids, word_features(encoder.pieces_of("Zahlung")).ids)
    common = np.isin(columns.word_ids, word_features(encoder.pieces_of("disk")).ids)
    assert columns.rarity[rare & ~common].min() > columns.rarity[common].max()
    np.testing.assert_allclose(columns.rarity[rare & ~common], np.log(51 / 2) + 1, rtol=1e-6)


def test_facts_of_hidden_keys_are_no_columns(encoder: Encoder):
    incidents = [Incident(title="disk", service="db", severity="high", labels={"owner": "a"})] * 5
    matrix = read(incidents, encoder)
    hidden = frozenset({"labels.owner", "severity"})
    learnt = LearntColumns(matrix, np.arange(5), RECIPE, hidden)
    expected = sorted(fact_ids(("source=api", "service=db")).tolist())
    assert learnt.columns.fact_ids.tolist() == expected


def test_incidents_of_no_history_come_out_as_those_of_one(encoder: Encoder):
    incidents = [Incident(title=f"{word} disk", service="db") for word in WORDS]
    rows = np.arange(len(WORDS))
    learnt = LearntColumns(read(incidents, encoder), rows, RECIPE, frozenset())
    texts = [incident_text(one) for one in incidents]
    vectors = [
        extract(one, encoder.pieces_of(text), row)
        for one, text, row in zip(incidents, texts, meaning_of(texts), strict=True)
    ]
    found = dense(blocks_of(vectors, learnt.columns))
    np.testing.assert_allclose(found, dense(learnt.blocks(rows)), rtol=1e-6, atol=1e-7)


def test_progress_comes_to_the_number_of_rows(encoder: Encoder):
    incidents = [Incident(title="disk")] * 1_500
    told: list[int] = []
    read_matrix(incidents, ["disk"] * 1_500, np.zeros((1_500, 2), dtype=np.float16), encoder, told.append)
    assert sum(told) == 1_500
