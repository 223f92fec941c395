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
