import pytest

from training.history.facts import FactTable
from training.history.leaks import find_leaks, ids_of
from triage.domain.incident import Incident
from triage.prediction.features import fact_ids

LABELS = ["payments", "database"] * 10


def incidents(**values: str) -> list[Incident]:
    return [Incident(title="x", labels={k: v.format(label) for k, v in values.items()}) for label in LABELS]


def test_a_label_that_equals_the_answer_is_dropped_and_told():
    (leak,) = find_leaks(incidents(owner="{}", host="db-01"), LABELS, "team")
    assert (leak.key, leak.dropped) == ("labels.owner", True)
    assert str(leak) == "labels.owner left out for team: equals the label in 20 of 20 rows"


def test_the_answer_in_another_spelling_is_found_too():
    answers = ["Payments-Team", "Data Base"] * 10
    found = [Incident(title="x", labels={"owner": answer.lower().replace("-", "_")}) for answer in answers]
    assert [leak.key for leak in find_leaks(found, answers, "team")] == ["labels.owner"]


def test_a_field_known_at_opening_is_pointed_out_and_kept():
    found = [Incident(title="x", service=label) for label in LABELS]
    (leak,) = find_leaks(found, LABELS, "team")
    assert (leak.key, leak.dropped) == ("service", False)
    assert ids_of([leak], found) == frozenset()


def test_a_label_that_is_often_but_not_nearly_always_the_answer_stays():
    found = [Incident(title="x", labels={"owner": LABELS[at] if at % 5 else "other"}) for at in range(20)]
    assert find_leaks(found, LABELS, "team") == []


def test_a_label_that_systems_of_record_write_at_closing_is_dropped():
    (leak,) = find_leaks(incidents(Resolution_Code="fixed"), LABELS, "team")
    assert leak.dropped
    assert leak.reason == "written after the incident opened"


def test_a_key_in_a_few_rows_proves_nothing():
    found = [Incident(title="x", labels={"owner": label} if at < 5 else {}) for at, label in enumerate(LABELS)]
    assert find_leaks(found, LABELS, "team") == []


def test_every_value_of_a_dropped_key_is_left_out():
    found = incidents(owner="{}")
    leaks = find_leaks(found, LABELS, "team")
    expected = fact_ids(("labels.owner=database", "labels.owner=payments")).tolist()
    assert ids_of(leaks, found) == frozenset(expected)


class TestShortcuts:
    """Keys that decide the label without spelling it: 40 values, each of one of four teams."""

    TEAMS = ("payments", "database", "network", "identity")
    ANSWERS = TEAMS * 50

    def incidents(self, key: str, wrong: int = 0) -> list[Incident]:
        return [
            Incident(title="x", labels={key: f"v{(at + (at < wrong)) % 40}"}) for at in range(len(self.ANSWERS))
        ]

    def test_one_that_may_be_known_at_opening_is_pointed_out_and_kept(self):
        (leak,) = find_leaks(self.incidents("component"), self.ANSWERS, "team")
        assert (leak.key, leak.dropped) == ("labels.component", False)
        assert leak.reason.startswith(
            "decides the label alone in 100.0% of 200 rows (the most frequent label: 25%)"
        )

    @pytest.mark.parametrize("key", ["owner_code", "Assignment-Group-Id", "resolved by"])
    def test_one_that_names_who_took_it_and_is_always_right_is_dropped(self, key: str):
        found = self.incidents(key)
        (leak,) = find_leaks(found, self.ANSWERS, "team")
        assert leak.dropped
        assert ids_of([leak], found)

    def test_one_that_names_who_took_it_and_is_sometimes_wrong_is_kept(self):
        (leak,) = find_leaks(self.incidents("owner_code", wrong=4), self.ANSWERS, "team")
        assert not leak.dropped
        assert "98.0%" in leak.reason

    def test_one_that_is_wrong_in_a_tenth_of_the_rows_is_evidence_and_nothing_else(self):
        assert find_leaks(self.incidents("component", wrong=20), self.ANSWERS, "team") == []

    def test_values_seen_once_or_twice_decide_nothing(self):
        found = [Incident(title="x", labels={"order": str(at // 2)}) for at in range(200)]
        assert find_leaks(found, [self.TEAMS[at // 2 % 4] for at in range(200)], "team") == []

    def test_a_label_that_nearly_every_row_has_is_not_decided_by_anything(self):
        answers = ["payments"] * 196 + ["database"] * 4
        assert find_leaks(self.incidents("component"), answers, "team") == []

    def test_a_few_rows_prove_nothing(self):
        assert find_leaks(self.incidents("owner")[:29], self.ANSWERS[:29], "team") == []

    def test_one_value_for_each_label_is_pointed_out_as_perhaps_its_other_name(self):
        found = [Incident(title="x", labels={"code": str(at % 4)}) for at in range(200)]
        (leak,) = find_leaks(found, self.ANSWERS, "team")
        assert "one value for each label" in leak.reason
        assert not leak.dropped

    def test_a_field_is_never_left_out(self):
        found = [Incident(title="x", reporter=f"v{at % 40}") for at in range(200)]
        assert [leak.dropped for leak in find_leaks(found, self.ANSWERS, "team")] == [False]

    def test_each_row_is_judged_by_the_others_of_its_value_and_a_tie_is_lost(self):
        found = [*self.incidents("component"), *(Incident(title="x", labels={"component": "v99"}) for _ in "abc")]
        (leak,) = find_leaks(found, [*self.ANSWERS, "payments", "payments", "network"], "team")
        assert f"alone in {200 / 203:.1%} of 203 rows" in leak.reason


def test_facts_that_are_at_hand_give_the_same_leaks():
    found = incidents(owner="{}", host="db-01")
    assert find_leaks(found, LABELS, "team", FactTable.of(found)) == find_leaks(found, LABELS, "team")


def test_no_rows_leak_nothing():
    assert find_leaks([], [], "team") == []
