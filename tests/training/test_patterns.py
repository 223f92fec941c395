from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from training.history.facts import FactTable
from training.history.patterns import describe_swallowed, pattern_groups
from triage.domain.incident import Incident
from triage.history.rows import HistoryRow
from triage.prediction.text import incident_text

Make = Callable[..., HistoryRow]


@pytest.fixture
def made() -> Make:
    """A row with the next line's number; what is not said of it is of the incident."""
    count = 0

    def make(title: str = "", **values: object) -> HistoryRow:
        nonlocal count
        count += 1
        links = {"id": values.pop("id", f"I-{count}"), "duplicate_of": values.pop("duplicate_of", None)}
        incident = Incident(title=title, **values)
        given = {"priority": "High", "team": "payments", "resolved_at": None, "label_source": None}
        return HistoryRow(line=count, incident=incident, **links, **given)

    return make


def groups_of(*rows: HistoryRow) -> list[int]:
    """The group of each row, numbered in order of appearance."""
    found = pattern_groups(rows, [incident_text(row.incident) for row in rows]).tolist()
    order = list(dict.fromkeys(found))
    return [order.index(group) for group in found]


def test_what_changes_from_one_occurrence_to_the_next_makes_no_other_pattern(made: Make):
    rows = made("Order 4711 stuck after 30 s"), made("Order 4712 stuck after 45 s"), made("Refund 4711 stuck")
    assert groups_of(*rows) == [0, 0, 1]


def test_a_pattern_ends_at_its_service_and_environment(made: Make):
    rows = (
        made("Disk full", service="orders", environment="prod"),
        made("Disk full", service="orders", environment="prod"),
        made("Disk full", service="ledger", environment="prod"),
        made("Disk full", service="orders", environment="test"),
    )
    assert groups_of(*rows) == [0, 0, 1, 2]


def test_the_same_text_with_other_facts_is_another_pattern(made: Make):
    rows = made("Incident", labels={"caller": "ann"}), made("Incident", labels={"caller": "bob"})
    assert groups_of(*rows) == [0, 1]


def test_a_label_that_names_a_pod_is_masked_as_a_text_is(made: Make):
    rows = [made("Crash looping", labels={"pod": f"api-7c9d8b7f6-{end}"}) for end in ("x2x4z", "b8k2m")]
    assert groups_of(*rows) == [0, 0]


def test_the_order_of_labels_does_not_matter(made: Make):
    rows = made("x y", labels={"a": "1", "b": "2"}), made("x y", labels={"b": "2", "a": "1"})
    assert groups_of(*rows) == [0, 0]


def test_the_team_chosen_first_and_the_label_make_no_other_pattern(made: Make):
    rows = made("Disk full", assigned_team="desk"), made("Disk full", assigned_team="storage")
    assert groups_of(rows[0], replace(rows[1], team="network")) == [0, 0]


def test_rows_without_text_are_one_pattern_only_with_the_same_facts(made: Make):
    rows = made(labels={"a": "b"}), made(labels={"a": "b"}), made(labels={"a": "c"})
    assert groups_of(*rows) == [0, 0, 1]


def test_texts_of_identifiers_alone_are_told_apart(made: Make):
    assert groups_of(made("12345678"), made("87654321"), made("12345678")) == [0, 1, 0]


def test_duplicates_are_linked_through_any_number_of_steps_and_in_any_order(made: Make):
    rows = (
        made("a third one", id="C", duplicate_of="B"),
        made("another", id="B", duplicate_of="A"),
        made("original", id="A"),
        made("alone", id="D"),
    )
    assert groups_of(*rows) == [0, 0, 0, 1]


def test_an_unknown_or_its_own_id_links_nothing(made: Make):
    assert groups_of(made("one", duplicate_of="gone"), made("two", id="T", duplicate_of="T")) == [0, 1]


def test_versions_of_one_incident_are_one_pattern(made: Make):
    assert groups_of(made("Mail late", id="A"), made("Mail late, now down", id="A")) == [0, 0]


def test_linking_two_rows_links_their_whole_patterns(made: Make):
    rows = made("Disk full"), made("Disk full"), made("No space", duplicate_of="I-1"), made("No space")
    assert groups_of(*rows) == [0, 0, 0, 0]


def test_facts_that_are_at_hand_give_the_same_groups(made: Make):
    rows = [made("Disk full", service=f"s{at % 3}") for at in range(9)]
    texts = [incident_text(row.incident) for row in rows]
    facts = FactTable.of(row.incident for row in rows)
    assert pattern_groups(rows, texts, facts).tolist() == pattern_groups(rows, texts).tolist()


def test_no_rows_have_no_groups():
    assert pattern_groups([], []).tolist() == []


def test_a_pattern_that_swallows_the_history_is_told(made: Make):
    rows = [made("Incident") for _ in range(30)] + [made("Disk full")]
    told = describe_swallowed(pattern_groups(rows, [incident_text(row.incident) for row in rows]))
    assert told is not None
    assert told.startswith("one pattern holds 30 of 31 rows (2 patterns in all)")


def test_a_history_of_many_patterns_swallows_nothing(made: Make):
    rows = [made(f"Problem {word}") for word in "abcdefghijklmnopqrstuvwxyz"]
    assert describe_swallowed(pattern_groups(rows, [row.incident.title for row in rows])) is None


def test_the_facts_of_chosen_rows_are_those_of_the_rows_alone(made: Make):
    rows = [made("x", service=f"s{at % 3}", labels={"k": str(at % 2)}) for at in range(7)]
    chosen = [5, 1, 1, 4]
    table = FactTable.of(row.incident for row in rows)
    some = table.take(np.array(chosen))
    alone = FactTable.of(rows[at].incident for at in chosen)

    def named(facts: FactTable) -> list[list[str]]:
        return [
            [facts.names[code] for code in facts.codes[start:end]]
            for start, end in zip(facts.starts, facts.starts[1:], strict=False)
        ]

    assert named(some) == named(alone)


def test_a_fact_that_is_left_out_does_not_tell_two_rows_apart(made: Make):
    facts = FactTable.of(row.incident for row in (made("x", impact="1"), made("x"), made("x", impact="2")))
    assert len(set(facts.row_keys().tolist())) == 3
    assert len(set(facts.row_keys(lambda name: None if name.startswith("impact=") else name).tolist())) == 1
