import json
import time

from training.history.mentions import find_mentions, without_notes

TEAMS = ["payments", "database", "network"]
LABELS = [TEAMS[at % 3] for at in range(60)]
PLAIN = [f"Something {word} is broken" for word in ("red", "green", "blue", "white") for _ in range(15)]


def texts_with(note: str) -> list[str]:
    return [f"{text}. {note.format(label.capitalize())}" for text, label in zip(PLAIN, LABELS, strict=True)]


def test_texts_that_name_no_label_say_nothing():
    found = find_mentions(PLAIN, LABELS, "team")
    assert list(found.lines()) == []
    assert not found.notes_are_the_rule


def test_a_team_that_a_person_wrote_is_told_and_left_in_the_text():
    found = find_mentions(texts_with("[{}]"), LABELS, "team")
    assert (found.naming_one, found.right, found.named_own) == (60, 1.0, 60)
    assert {one.label: (one.rows, one.own, one.others) for one in found.labels} == dict.fromkeys(
        TEAMS, (20, 1.0, 0.0)
    )
    assert not found.notes_are_the_rule
    assert "60 of 60 texts name one team, 100% the right one." in "\n".join(found.lines())


def test_a_word_that_is_as_frequent_in_every_teams_texts_is_chance():
    found = find_mentions([f"{text} on the network" for text in PLAIN], LABELS, "team")
    assert found.labels == ()
    assert found.naming_one == 60


def test_notes_written_after_somebody_had_decided_are_warned_of_and_taken_out():
    texts = texts_with("Assigned to the {} team.")
    found = find_mentions(texts, LABELS, "team")
    assert found.notes_are_the_rule
    assert found.notes == {"assigned to": 60}
    assert "WARNING" in "\n".join(found.lines())
    assert without_notes(texts, TEAMS)[0] == "Something red is broken.."
    assert not find_mentions(without_notes(texts, TEAMS), LABELS, "team").named_own


def test_every_way_to_write_a_note_is_known():
    notes = (
        "reassigned to {}",
        "Assignment group: {}",
        "RESOLVED BY {}",
        "handed over to the {}",
        "routed to: {}",
    )
    for note in notes:
        assert find_mentions(texts_with(note), LABELS, "team").notes_are_the_rule, note
        assert without_notes(texts_with(note), TEAMS) == [f"{text}." for text in PLAIN], note


def test_notes_that_often_name_another_team_are_evidence_and_stay():
    others = [TEAMS[(at + (at % 3 == 0)) % 3] for at in range(60)]
    texts = [f"{text}, moved to {team}" for text, team in zip(PLAIN, others, strict=True)]
    found = find_mentions(texts, LABELS, "team")
    assert (found.noted_own, found.noted) == (40, 60)
    assert not found.notes_are_the_rule


def test_a_word_of_a_note_that_does_not_lead_to_the_label_is_none():
    for text in ("We resolved {} issues", "To {}: not assigned", "assigned, then by chance {}"):
        assert find_mentions(texts_with(text), LABELS, "team").noted == 0, text
    assert find_mentions([f"To {label}, though not assigned" for label in LABELS], LABELS, "team").noted == 0


def test_a_few_notes_among_many_mentions_are_not_the_rule():
    texts = texts_with("{} is down")
    texts[:12] = texts_with("assigned to {}")[:12]
    found = find_mentions(texts, LABELS, "team")
    assert found.noted_own == 12
    assert not found.notes_are_the_rule


def test_labels_of_several_words_are_found_whole_and_the_longer_first():
    labels = ["network", "network api"] * 10
    texts = [f"The {label.replace(' ', '-')} fails" for label in labels]
    found = find_mentions(texts, labels, "team")
    assert (found.naming_one, found.right) == (20, 1.0)
    assert find_mentions(["networking is down"] * 20, labels, "team").naming_one == 0


def test_a_label_of_digits_is_not_looked_for():
    assert find_mentions(["1 of 2 disks failed"] * 20, ["1", "2"] * 10, "priority").naming_one == 0


def test_what_is_recorded_is_json_and_holds_no_text():
    texts = [f"{text} hunter2" for text in texts_with("assigned to {}")]
    found = find_mentions(texts, LABELS, "team")
    content = json.dumps(found.describe()) + "".join(found.lines())
    assert json.loads(json.dumps(found.describe()))["notes_taken_out"] is True
    assert "hunter2" not in content
    assert "broken" not in content


def test_taking_notes_out_keeps_lines_and_other_words():
    text = "Card declined\nSeen at 9. Assigned to payments, then resolved by the payments team. Retried."
    assert without_notes([text], TEAMS) == ["Card declined\nSeen at 9., then. Retried."]
    assert without_notes(["a b", ""], ["1"]) == ["a b", ""]


def test_a_text_made_to_be_slow_is_not():
    began = time.perf_counter()
    without_notes(["assigned " + "to the " * 5_000], TEAMS)
    find_mentions(["assigned " + "to the " * 5_000 + "payments"], ["payments"], "team")
    assert time.perf_counter() - began < 5
