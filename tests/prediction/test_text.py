from hypothesis import given
from hypothesis import strategies as st

from triage.domain.incident import Incident
from triage.prediction.text import MAX_CHARACTERS, incident_text, text_key

anything = st.text(st.characters(), max_size=300)


def test_title_and_description_stand_on_two_lines():
    assert incident_text(Incident(title="Disk full", description="on db-01")) == "Disk full\non db-01"


def test_a_missing_part_leaves_no_empty_line():
    assert incident_text(Incident(title="Disk full")) == "Disk full"
    assert incident_text(Incident(description="on db-01")) == "on db-01"
    assert incident_text(Incident()) == ""


def test_both_spellings_of_an_accent_are_one_text():
    assert incident_text(Incident(title="Malmo\u0308")) == incident_text(Incident(title="Malm\u00f6"))


def test_nul_surrogates_and_tabs_become_one_space():
    assert incident_text(Incident(title="a\x00\ud800b\t\r\n  c")) == "a b c"


def test_a_long_description_is_cut_and_the_title_is_not():
    text = incident_text(Incident(title="Disk full", description="x " * 20_000))
    assert len(text) == MAX_CHARACTERS
    assert text.startswith("Disk full\nx x")


@given(anything, anything)
def test_every_text_can_be_encoded_and_named(title: str, description: str):
    text = incident_text(Incident(title=title, description=description))
    assert text.encode("utf-8").decode("utf-8") == text
    assert len(text_key(text)) == 16


@given(anything)
def test_a_normalised_text_stays_as_it_is(title: str):
    once = incident_text(Incident(title=title))
    assert incident_text(Incident(title=once)) == once


def test_different_texts_have_different_keys():
    assert text_key("disk full") != text_key("disk fulL")
