"""The strictest look: what is the same text, and within what."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.recurrence.fingerprint import fingerprint, place, scope


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Disk full", "disk  FULL\n"),
        ("Größe überschritten", "GRÖSSE ÜBERSCHRITTEN"),
        ("ｆｕｌｌ width", "full\u00a0width"),
        ("caf\u00e9 down", "cafe\u0301 down"),
    ],
)
def test_case_spacing_and_ways_of_encoding_do_not_matter(one: str, other: str) -> None:
    assert fingerprint(one, "db", "prod") == fingerprint(other, "db", "prod")


@pytest.mark.parametrize(
    ("one", "other"),
    [("disk 1 full", "disk 2 full"), ("disk full", "diskfull"), ("disk full", "disk full!"), ("", " x")],
)
def test_every_other_difference_matters(one: str, other: str) -> None:
    assert fingerprint(one, "db", "prod") != fingerprint(other, "db", "prod")


def test_the_same_text_elsewhere_is_another_problem() -> None:
    places = [
        ("db", "prod"),
        ("db", "test"),
        ("cache", "prod"),
        (None, "prod"),
        ("db", None),
        (None, None),
        ("prod", "db"),
    ]
    assert len({fingerprint("disk full", *place) for place in places}) == len(places)


def test_names_are_compared_as_the_catalogue_does() -> None:
    assert scope("Payments-API", "PROD") == scope("payments api", "prod") == '["payments api","prod"]'
    assert scope('a","b', None) != scope("a", "b")
    assert scope("", None) == scope(None, "")


def test_the_form_carries_its_version_and_its_value_stays() -> None:
    """A changed digest would forget every pattern in a database: then ``fp1`` must become ``fp2``."""
    assert fingerprint("Disk full", "db", "prod") == "fp1:59044719f129ac77284387270aa2f839"


@given(st.text(st.characters()), st.none() | st.text(st.characters()), st.none() | st.text(st.characters()))
def test_any_text_has_a_fingerprint(text: str, service: str | None, environment: str | None) -> None:
    assert re.fullmatch(r"fp1:[0-9a-f]{32}", fingerprint(text, service, environment))


@given(st.text(alphabet="ab -\n"), st.text(alphabet="ab -\n"))
def test_equal_fingerprints_mean_equal_words(one: str, other: str) -> None:
    same = fingerprint(one, None, None) == fingerprint(other, None, None)
    assert same == (one.split() == other.split())


def test_a_region_or_cluster_is_a_place_of_its_own() -> None:
    places = [place(None, None), place("eu", None), place("us", None), place(None, "eu"), place("eu", "one")]
    assert places[0] is None
    assert len({fingerprint("disk full", "db", "prod", at) for at in places}) == len(places)
    assert place("EU-Central", None) == place("eu central", "")
    assert fingerprint("disk full", "db", "prod", place("eu", None)).startswith("fp2:")
