"""The incident JSON: what is taken, what is refused, and in which words."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.domain.incident import MAX_DESCRIPTION, MAX_LABEL_VALUE, MAX_TITLE, EventKind, Evidence, Incident, Link
from triage.errors import BadRequest, InvalidIncident
from triage.sources.native import IncidentBody, parse_incident, read_incident


def encoded(value: object) -> bytes:
    return json.dumps(value).encode()


def faults(value: object) -> list[tuple[str, str]]:
    """The faults of a body, which both roads must find alike."""
    with pytest.raises(InvalidIncident) as by_value:
        parse_incident(value)
    with pytest.raises(InvalidIncident) as by_bytes:
        read_incident(encoded(value))
    assert by_value.value.faults == by_bytes.value.faults
    return [(fault.at, fault.message) for fault in by_value.value.faults]


def test_a_full_body_becomes_the_incident_it_describes() -> None:
    body = {
        "title": "  Checkout answers 502 ",
        "description": " two\nlines ",
        "dedup_key": "checkout-502",
        "started_at": "2026-03-09T10:42:00.123456789+01:00",
        "due_at": "2026-03-09T12:00:00",
        "service": "checkout",
        "environment": "",
        "data_exposure": True,
        "labels": {"zone": "a", "pod": ""},
        "links": [{"href": "https://runbooks.example/checkout"}],
        "evidence": [{"kind": "log", "text": "upstream reset"}],
    }
    assert read_incident(encoded(body)) == Incident(
        title="Checkout answers 502",
        description=" two\nlines ",
        dedup_key="checkout-502",
        started_at=datetime(2026, 3, 9, 9, 42, 0, 123456, UTC),
        due_at=datetime(2026, 3, 9, 12, tzinfo=UTC),
        service="checkout",
        data_exposure=True,
        labels={"zone": "a", "pod": ""},
        links=(Link(href="https://runbooks.example/checkout"),),
        evidence=(Evidence(kind="log", text="upstream reset"),),
    )


def test_null_means_left_out() -> None:
    body = {"title": "x", "description": None, "labels": None, "links": None, "evidence": None, "service": None}
    assert parse_incident(body) == Incident(title="x")


@pytest.mark.parametrize("event", ["resolved", "acknowledged"])
def test_an_event_about_a_known_incident_needs_its_key_but_no_title(event: str) -> None:
    assert parse_incident({"event": event, "dedup_key": "k"}).event is EventKind(event)
    assert faults({"event": event, "title": "x"}) == [
        ("dedup_key", "this event finds its incident by a dedup_key")
    ]


@pytest.mark.parametrize("title", ["", "  \t\u3000 ", None])
def test_an_incident_without_words_in_its_title_cannot_be_opened(title: str | None) -> None:
    assert faults({"title": title}) == [("title", "a title is required to open an incident")]


@pytest.mark.parametrize(
    ("change", "at", "message"),
    [
        ({"title": "x" * (MAX_TITLE + 1)}, "title", "must be at most 1,024 characters long"),
        ({"title": 7}, "title", "must be a string"),
        ({"description": "x" * (MAX_DESCRIPTION + 1)}, "description", "must be at most 32,768 characters long"),
        ({"colour": "red"}, "colour", "is not a field that is known here"),
        ({"labels": {"a": "x" * (MAX_LABEL_VALUE + 1)}}, "labels.a", "must be at most 2,048 characters long"),
        ({"labels": {"": "x"}}, "labels", "a name in it must not be empty"),
        ({"labels": {"a": 1}}, "labels.a", "must be a string"),
        ({"labels": {str(n): "" for n in range(10_000)}}, "labels", "must have at most 256 entries"),
        ({"labels": ["a"]}, "labels", "must be a JSON object"),
        ({"regulated": "yes"}, "regulated", "must be true or false"),
        ({"data_exposure": 1}, "data_exposure", "must be true or false"),
        ({"links": [{"href": "javascript:alert(1)"}]}, "links.0.href", "must be an http or https address"),
        ({"evidence": [{"kind": "log"}]}, "evidence", "each piece of evidence has a text or an href"),
        ({"evidence": [{"kind": "log", "note": "x"}]}, "evidence.0.note", "is not a field that is known here"),
    ],
)
def test_each_fault_names_its_field_and_its_limit(change: dict[str, Any], at: str, message: str) -> None:
    assert faults({"title": "x"} | change) == [(at, message)]


@pytest.mark.parametrize(
    "moment",
    [
        "9999-12-31T23:59:59-05:00",
        "0001-01-01T00:00:00Z",
        "+292278994-08-17T07:12:55Z",
        "2026-02-30T00:00:00Z",
        "2026-11-23T25:00:00Z",
        "2026-11-23T06:55:36+99:00",
        "2026-11-23",
        "yesterday",
        "",
        1_700_000_000,
        1e300,
        True,
    ],
)
def test_a_date_that_is_none_is_a_fault_of_its_field(moment: object) -> None:
    [(at, _)] = faults({"title": "x", "started_at": moment})
    assert at == "started_at"


def test_faults_never_repeat_what_was_sent() -> None:
    secret = "hunter2-" * 300
    body = {"title": secret, "started_at": secret, "event": secret, "labels": {"a": secret}, "regulated": secret}
    with pytest.raises(InvalidIncident) as refused:
        parse_incident(body)
    assert len(refused.value.faults) == 5
    assert "hunter2" not in f"{refused.value} {refused.value.faults}"


def test_faults_are_capped_and_their_paths_are_short() -> None:
    found = faults({"title": "x"} | {f"{'k' * 1000}{n}": n for n in range(1000)})
    assert len(found) == 32
    assert all(len(at) <= 64 for at, _ in found)


def test_a_fault_in_a_batch_says_which_item() -> None:
    with pytest.raises(InvalidIncident) as refused:
        parse_incident({"title": ""}, at="incidents.3")
    assert [fault.at for fault in refused.value.faults] == ["incidents.3.title"]


@pytest.mark.parametrize("value", [[], 3, "x", None, True])
def test_what_is_no_object_is_no_incident(value: object) -> None:
    assert faults(value) == [("", "must be a JSON object")]


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"title":"x"}}', b'{"title":"\xff"}', b'{"title":NaN}', b"[" * 10_000]
)
def test_malformed_bytes_are_a_bad_request_and_never_anything_else(body: bytes) -> None:
    with pytest.raises(BadRequest) as refused:
        read_incident(body)
    assert "xff" not in str(refused.value)


def test_nul_and_lone_surrogates_are_replaced_on_both_roads() -> None:
    title, name, value = "a\x00b\ud800c\udc00d", "k\x00", "\udfff"
    expected = Incident(title="a\ufffdb\ufffdc\ufffdd", labels={"k\ufffd": "\ufffd"})
    body = {"title": title, "labels": {name: value}}
    assert parse_incident(body) == expected
    assert read_incident(encoded(body)) == expected
    assert read_incident(b'{"title":"a\\u0000b\xed\xa0\x80c\\uDC00d","labels":{"k\\u0000":"\\udfff"}}').title


@pytest.mark.parametrize(
    "title", ["מסד הנתונים נפל", "\u202eevil\u202c", "🔥 пожар 👩‍💻", "ﷺ", r"C:\ud800\u0000 \\"]
)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_every_script_and_every_backslash_arrives_as_it_was_sent(title: str, ascii_only: bool) -> None:
    body = json.dumps({"title": title}, ensure_ascii=ascii_only).encode()
    assert read_incident(body).title == title


def test_a_byte_order_mark_is_no_fault() -> None:
    assert read_incident(b'\xef\xbb\xbf{"title":"x"}') == Incident(title="x")


def test_the_published_examples_are_valid_and_the_schema_shows_the_limits() -> None:
    schema = IncidentBody.model_json_schema()
    assert len([parse_incident(example) for example in schema["examples"]]) >= 3
    assert schema["additionalProperties"] is False
    assert schema["properties"]["due_at"]["anyOf"][0] == {"type": "string", "format": "date-time"}
    assert schema["properties"]["title"]["anyOf"][0]["maxLength"] == MAX_TITLE


storable = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
words = storable.map(str.strip)
titles = words.filter(bool)
FIRST, LAST = datetime(1970, 1, 2), datetime(2199, 12, 30)  # noqa: DTZ001 -- hypothesis wants naive bounds
moments = st.datetimes(FIRST, LAST, timezones=st.just(UTC))
incidents = st.builds(
    Incident,
    title=titles,
    description=storable,
    event=st.just(EventKind.FIRING),
    dedup_key=st.none() | titles,
    started_at=st.none() | moments,
    occurred_at=st.none() | moments,
    source=titles,
    service=st.none() | titles,
    environment=st.none() | titles,
    severity=st.none() | titles,
    data_exposure=st.booleans(),
    regulated=st.booleans(),
    due_at=st.none() | moments,
    labels=st.dictionaries(storable.filter(bool), storable, max_size=4),
    links=st.lists(st.builds(Link, href=st.just("https://a.example/b"), text=words), max_size=2).map(tuple),
    evidence=st.lists(st.builds(Evidence, kind=titles, text=storable), max_size=2).map(tuple),
)


@given(incidents)
def test_an_incident_written_as_json_is_read_as_itself(incident: Incident) -> None:
    names = [name for name in Incident.__slots__ if name not in ("links", "evidence")]
    body: dict[str, Any] = {name: getattr(incident, name) for name in names}
    body["event"] = incident.event.value
    for name in ("started_at", "occurred_at", "due_at"):
        body[name] = body[name].isoformat() if body[name] else None
    body["links"] = [{"href": link.href, "text": link.text} for link in incident.links]
    body["evidence"] = [{"kind": item.kind, "text": item.text} for item in incident.evidence]
    assert parse_incident(body) == incident
    assert read_incident(encoded(body)) == incident


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters()), inner, max_size=4),
    max_leaves=12,
)
names = st.sampled_from(sorted(IncidentBody.model_fields))


@given(values | st.dictionaries(names, values, max_size=8))
def test_no_json_value_fails_with_anything_but_a_named_error(value: object) -> None:
    for read in (lambda: parse_incident(value), lambda: read_incident(encoded(value))):
        try:
            incident = read()
        except BadRequest:
            continue
        incident.text.encode()
        assert "\0" not in incident.text


@given(st.binary(max_size=60))
def test_no_bytes_fail_with_anything_but_a_bad_request(body: bytes) -> None:
    with pytest.raises(BadRequest):
        read_incident(b"{" + body)
