from dataclasses import replace

import numpy as np
import pytest

from triage.domain.incident import Incident
from triage.prediction.columns import Columns
from triage.prediction.features import (
    MAX_FACTS,
    FeatureVector,
    extract,
    fact_ids,
    fact_names,
    word_features,
    word_ids,
)

MEANING = np.array([0.6, 0.8], dtype=np.float16)
PIECES = np.array([5, 7, 5, 7], dtype=np.int64)


def vector(incident: Incident, pieces: np.ndarray = PIECES) -> FeatureVector:
    return extract(incident, pieces, MEANING)


def test_words_are_pieces_and_pairs_of_neighbours_with_their_counts():
    found = word_features(PIECES)
    assert sorted(found.counts.tolist()) == [1.0, 2.0, 2.0, 2.0]
    assert found.ids.tolist() == sorted(set(found.ids.tolist()))


def test_the_order_of_two_words_makes_another_pair_and_the_same_single_words():
    forward, backward = word_ids(np.array([5, 7])), word_ids(np.array([7, 5]))
    assert set(forward[0].tolist()) == set(backward[0].tolist())
    assert forward[1].tolist() != backward[1].tolist()


@pytest.mark.parametrize("pieces", [[], [9]])
def test_texts_of_no_or_one_piece_have_no_pairs(pieces: list[int]):
    found = word_features(np.array(pieces, dtype=np.int64))
    assert len(found.ids) == len(pieces)


def test_hundred_thousand_pairs_hash_to_different_features():
    pieces = np.arange(100_000)
    singles, pairs = word_ids(pieces)
    assert len(np.unique(np.concatenate((singles, pairs)))) > 199_990


def test_the_hashes_of_this_version_never_change():
    singles, pairs = word_ids(np.array([101, 2054]))
    assert (singles.tolist(), pairs.tolist()) == ([169508840, 257040396], [2773020847])
    assert fact_ids(("service=payments",)).tolist() == [3996215597]


def test_facts_are_the_stated_fields_and_labels_folded():
    incident = Incident(
        title="x", service=" Payments  API", region="eu-west", data_exposure=True, labels={"Tier": "A"}
    )
    assert fact_names(incident) == (
        "source=api",
        "service=payments api",
        "region=eu-west",
        "data_exposure=yes",
        "labels.tier=a",
    )


def test_the_team_chosen_already_is_a_fact_of_the_second_look_only():
    incident = Incident(title="x", assigned_team="Payments")
    assert "assigned_team=payments" not in fact_names(incident)
    assert "assigned_team=payments" in fact_names(incident, "assigned")


def test_a_flood_of_labels_is_cut_and_the_chosen_team_is_not():
    incident = Incident(title="x", assigned_team="a", labels={f"k{n}": "v" * 9_999 for n in range(10_000)})
    names = fact_names(incident, "assigned")
    assert len(names) == MAX_FACTS
    assert names[-1] == "assigned_team=a"
    assert max(map(len, names)) < 200


def columns_for(incident: Incident) -> Columns:
    words = word_features(PIECES)
    return Columns(
        word_ids=words.ids,
        rarity=np.ones(len(words.ids), dtype=np.float32),
        fact_ids=np.sort(fact_ids(fact_names(incident))),
        dimensions=2,
    )


def test_a_row_has_unit_words_whole_facts_and_the_meaning():
    incident = Incident(title="x", service="db")
    row = columns_for(incident).row(vector(incident))
    assert np.linalg.norm(row.values[: row.words]) == pytest.approx(1.0, abs=1e-6)
    assert row.values[row.words :].tolist() == [1.0, 1.0]
    np.testing.assert_array_equal(row.meaning, MEANING.astype(np.float32))


def test_a_rarer_word_weighs_more_and_a_repeated_one_by_its_logarithm():
    incident = Incident(title="x")
    words = word_features(PIECES)
    rarity = np.array([1.0, 2.0, 3.0, 4.0], dtype=np.float32)
    row = replace(columns_for(incident), rarity=rarity).row(vector(incident))
    weights = (1 + np.log(words.counts)) * rarity
    np.testing.assert_allclose(row.values[: row.words], weights / np.linalg.norm(weights), rtol=1e-6)


def test_how_bad_it_was_said_to_be_is_no_fact_of_the_heads_that_say_it():
    incident = Incident(title="x", severity="high", impact="2", urgency="3", assigned_team="a", service="db")
    assert fact_names(incident, "unrated") == ("source=api", "service=db")
    assert {"severity=high", "impact=2", "urgency=3"} <= set(fact_names(incident))


def test_what_a_head_has_not_learnt_leaves_no_trace_in_the_row():
    incident = Incident(title="x", service="db")
    columns = columns_for(incident)
    unknown = Incident(title="x", service="db", region="mars")
    known_row, row = columns.row(vector(incident)), columns.row(vector(unknown))
    assert sorted(row.positions.tolist()) == sorted(known_row.positions.tolist())


def test_a_head_without_words_or_facts_still_reads_the_meaning():
    empty = np.empty(0, dtype=np.uint32)
    columns = Columns(word_ids=empty, rarity=np.empty(0, dtype=np.float32), fact_ids=empty, dimensions=2)
    row = columns.row(vector(Incident(title="x")))
    assert len(row.values) == 0
    assert row.meaning.shape == (2,)
