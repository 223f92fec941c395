"""Alertmanager's webhook. The payloads come from real runs of Alertmanager 0.25 and Prometheus 2.42."""

import json
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.domain.incident import MAX_DESCRIPTION, MAX_EVIDENCE, MAX_LABEL_VALUE, MAX_LABELS, MAX_TITLE, EventKind
from triage.sources.alertmanager import label_fingerprint, parse_alertmanager
from triage.sources.batch import SourceBatch
from triage.sources.registry import PARSERS

PAYLOADS = Path(__file__).parent / "payloads"
REAL = sorted(PAYLOADS.glob("alertmanager_*.json"))


def parsed(webhook: object) -> SourceBatch:
    return parse_alertmanager(json.dumps(webhook).encode(), {})


def real(name: str) -> SourceBatch:
    return PARSERS["alertmanager"]((PAYLOADS / f"alertmanager_{name}.json").read_bytes(), {})


def alert(**changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "status": "firing",
        "labels": {"alertname": "QueueStuck", "service": "mailer"},
        "annotations": {"summary": "Mail queue does not drain"},
        "startsAt": "2026-04-01T10:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": "00000000000000aa",
    }
    return {key: value for key, value in (made | changes).items() if value is not ...}


def group(*alerts: object, **changes: Any) -> dict[str, Any]:
    return {"version": "4", "status": "firing", "alerts": list(alerts), "truncatedAlerts": 0} | changes


def test_a_firing_alert_becomes_one_event_with_all_it_says() -> None:
    [event] = real("prometheus_instance_down_firing").events
    assert event.title == "Instance 127.0.0.1:19898 down"
    assert event.description.startswith("127.0.0.1:19898 of job sinkmetrics has been down")
    assert (event.event, event.source, event.dedup_key) == (EventKind.FIRING, "alertmanager", "2c0d4fc2bb09a991")
    assert event.started_at == datetime(2026, 11, 23, 6, 57, 49, 300_000, UTC)
    assert event.occurred_at is None
    assert (event.service, event.severity, event.cluster) == ("checkout", "critical", "eu-1")
    assert event.assigned_team == "payments"
    assert event.labels["instance"] == "127.0.0.1:19898"
    assert [link.text for link in event.links] == ["Runbook", "Source of the alert", "Alertmanager"]


def test_firing_and_resolved_name_the_same_occurrence() -> None:
    [fired] = real("firing_single_amtool").events
    [resolved] = real("resolved_single_amtool").events
    assert (fired.dedup_key, fired.started_at) == (resolved.dedup_key, resolved.started_at)
    assert (fired.environment, fired.started_at) == ("prod", datetime(2026, 11, 23, 6, 55, 36, 983_738, UTC))
    assert resolved.event is EventKind.RESOLVED
    assert resolved.occurred_at == datetime(2026, 11, 23, 6, 56, 18, tzinfo=UTC)


def test_a_firing_alert_has_not_ended_whatever_its_end_says() -> None:
    [event] = parsed(group(alert(endsAt="2030-01-01T00:00:00Z"))).events
    assert event.occurred_at is None


def test_in_a_partly_resolved_group_each_alert_has_its_own_status() -> None:
    events = real("grouped_partly_resolved").events
    assert [event.event.value for event in events] == ["firing", "resolved", "firing"]
    assert [event.occurred_at is None for event in events] == [True, False, True]


def test_the_groups_own_status_is_never_used() -> None:
    batch = parsed(group(alert(status="resolved"), alert(status=...), status="firing"))
    assert [event.event for event in batch.events] == [EventKind.RESOLVED]
    assert [(item.index, item.reason) for item in batch.rejected] == [
        (1, "an alert's status is neither firing nor resolved")
    ]


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_a_missing_fingerprint_is_computed_as_alertmanager_does(path: Path) -> None:
    webhook = json.loads(path.read_bytes())
    given = [each.pop("fingerprint") for each in webhook["alerts"]]
    assert [event.dedup_key for event in parsed(webhook).events] == given


def test_a_fingerprint_is_that_of_the_labels_whatever_their_order() -> None:
    assert label_fingerprint({"b": "é", "a": "1"}) == label_fingerprint({"a": "1", "b": "é"})
    assert label_fingerprint({"a": "bc"}) != label_fingerprint({"ab": "c"})


def test_alerts_the_sender_left_out_are_counted() -> None:
    batch = parsed(group(alert(), truncatedAlerts=17))
    assert (len(batch.events), batch.omitted) == (1, 17)
    assert [(note.kind, note.index) for note in batch.notes] == [("alerts_omitted", None)]


@pytest.mark.parametrize(
    "bad",
    [
        None,
        "alert",
        {},
        alert(status="pending"),
        alert(status=1),
        alert(labels=["a"]),
        alert(annotations="x"),
        alert(labels={}, fingerprint=""),
        alert(labels=None, annotations=None),
    ],
)
def test_a_bad_alert_is_rejected_alone(bad: object) -> None:
    first, again = (parsed(group(alert(), bad, alert())) for _ in range(2))
    assert len(first.events) == 2
    [rejection] = first.rejected
    assert rejection.index == 1
    assert rejection.content_hash == again.rejected[0].content_hash
    assert json.loads(rejection.content) == bad


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"{}", b'{"alerts":{}}', b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_webhook_is_one_rejection(body: bytes) -> None:
    batch = parse_alertmanager(body, {})
    assert batch.events == ()
    [rejection] = batch.rejected
    assert (rejection.index, rejection.content) == (None, body)


def test_a_rejection_shows_nothing_of_its_content() -> None:
    [rejection] = parsed(group(alert(status="hunter2", labels={"password": "hunter2"}))).rejected
    assert "hunter2" not in repr(rejection)


def test_an_empty_group_is_no_fault() -> None:
    assert parsed(group()) == SourceBatch()


def test_unknown_keys_are_kept_as_evidence() -> None:
    [event] = parsed(group(alert(values={"A": 1.5}), notification_reason="repeat interval elapsed")).events
    kept = {item.kind: item.text for item in event.evidence}
    assert kept == {"alert values": '{"A":1.5}', "group notification_reason": "repeat interval elapsed"}


@pytest.mark.parametrize(
    ("labels", "annotations", "title"),
    [
        ({"alertname": "A"}, {"summary": "S", "title": "T", "message": "M"}, "S"),
        ({"alertname": "A"}, {"title": " T \n u ", "message": "M"}, "T u"),
        ({"alertname": "A"}, {"summary": " ", "message": "M"}, "M"),
        ({"alertname": "A", "instance": "db-1", "job": "pg"}, {}, "A (job pg, instance db-1)"),
        ({"alertname": "A"}, {"description": "long story"}, "A"),
        ({"job": "pg"}, {"description": "first line\nsecond"}, "first line"),
        ({"job": "pg", "zone": "a"}, {}, "Alert without a name (job pg, zone a)"),
        ({}, {"x": "y"}, "Alert without a name"),
    ],
)
def test_the_title_is_the_best_there_is(labels: dict[str, str], annotations: dict[str, str], title: str) -> None:
    [event] = parsed(group(alert(labels=labels, annotations=annotations))).events
    assert event.title == title


@pytest.mark.parametrize(
    ("labels", "annotations", "field", "value"),
    [
        ({"team": "a", "owner": "b"}, {}, "assigned_team", "a"),
        ({"owner": "b"}, {"team": "c"}, "assigned_team", "b"),
        ({}, {"team": "c"}, "assigned_team", "c"),
        ({"app": "shop", "component": "cart"}, {}, "service", "shop"),
        ({"component": "cart"}, {}, "service", "cart"),
        ({"job": "node-exporter"}, {}, "service", None),
        ({"service": " ", "app": "shop"}, {}, "service", "shop"),
        ({"env": "prod"}, {}, "environment", "prod"),
        ({"source_cluster": "k1"}, {}, "cluster", "k1"),
        ({"level": "page"}, {}, "severity", "page"),
        ({"data_exposure": "True"}, {}, "data_exposure", True),
        ({"data_exposure": "false"}, {}, "data_exposure", False),
    ],
)
def test_labels_fill_the_fields_they_speak_of(
    labels: dict[str, str], annotations: dict[str, str], field: str, value: object
) -> None:
    [event] = parsed(group(alert(labels={"alertname": "A"} | labels, annotations=annotations))).events
    assert getattr(event, field) == value


def test_texts_over_a_limit_are_cut_noted_and_kept_whole() -> None:
    long = "word " * 1_000
    labels = {"alertname": "A", "query": "q" * 3_000} | {f"l{n:04}": "v" for n in range(MAX_LABELS)}
    batch = parsed(group(alert(annotations={"summary": long, "description": "d" * 40_000}, labels=labels)))
    [event] = batch.events
    assert len(event.title) == MAX_TITLE
    assert len(event.description) == MAX_DESCRIPTION
    assert len(event.labels) == MAX_LABELS
    assert len(event.labels["query"]) == MAX_LABEL_VALUE
    kept = {item.kind: item.text or "" for item in event.evidence}
    assert kept["title"] == long
    assert kept["label query"] == "q" * 3_000
    assert event.description[:-1] + kept["description, continued"] == "d" * 40_000
    assert json.loads(kept["labels"]) == {"l0254": "v", "l0255": "v"}
    assert {note.kind for note in batch.notes} == {"text_cut", "labels_moved"}
    assert not batch.rejected


def test_more_evidence_than_fits_is_gathered_in_the_last_piece() -> None:
    [event] = parsed(group(alert(annotations={f"a{n}": str(n) for n in range(200)}))).events
    assert len(event.evidence) == MAX_EVIDENCE
    assert "a199" in (event.evidence[-1].text or "")


@pytest.mark.parametrize("moment", ["soon", "9999-12-31T23:59:59-01:00", 5, "2026-13-01T00:00:00Z"])
def test_an_unreadable_time_costs_the_time_and_not_the_alert(moment: object) -> None:
    batch = parsed(group(alert(startsAt=moment)))
    assert batch.events[0].started_at is None
    assert [note.kind for note in batch.notes] == ["time_unreadable"]


def test_labels_that_are_no_strings_are_written_as_text() -> None:
    batch = parsed(group(alert(labels={"alertname": "A", "code": 500, "up": False, "none": None})))
    assert batch.events[0].labels == {"alertname": "A", "code": "500", "up": "false"}
    assert [note.kind for note in batch.notes] == ["value_converted"]


def test_only_web_addresses_become_links() -> None:
    annotations = {"summary": "S", "runbook_url": "javascript:alert(1)", "wiki": "https://wiki.example/x"}
    [event] = parsed(group(alert(annotations=annotations, generatorURL=""))).events
    assert [(link.href, link.text) for link in event.links] == [("https://wiki.example/x", "wiki")]
    assert [(item.kind, item.text) for item in event.evidence] == [("Runbook", "javascript:alert(1)")]


def test_characters_that_cannot_be_stored_are_replaced() -> None:
    [event] = parsed(group(alert(labels={"alertname": "A\x00\ud800"}, annotations={}))).events
    assert event.title == "A\ufffd\ufffd"


def test_too_many_alerts_are_one_rejection() -> None:
    batch = parsed(group(*[{}] * 10_001))
    assert [item.index for item in batch.rejected] == [None]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters()), inner, max_size=4),
    max_leaves=12,
)
alert_keys = st.sampled_from(
    ["status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint"]
)
alerts = st.dictionaries(alert_keys | st.text(max_size=3), values, max_size=7) | values
maps = st.dictionaries(st.text(st.characters(), max_size=9), st.text(st.characters()), max_size=4)
near_alerts = st.builds(
    lambda a, k, v, m: alert(**({"labels": m} | a | {k: v})),
    alerts.filter(lambda a: isinstance(a, dict)),
    alert_keys,
    values,
    maps,
)
groups = st.dictionaries(st.sampled_from(["alerts", "status", "externalURL", "truncatedAlerts", "x"]), values)


@given(
    values | groups | st.builds(lambda a, g: g | {"alerts": a}, st.lists(alerts | near_alerts, max_size=4), groups)
)
def test_whatever_arrives_each_alert_is_an_event_or_a_rejection(webhook: object) -> None:
    batch = parsed(webhook)
    sent = webhook.get("alerts") if isinstance(webhook, dict) else None
    if any(item.index is None for item in batch.rejected):
        assert not batch.events
    else:
        assert isinstance(sent, list)
        assert len(batch.events) + len(batch.rejected) == len(sent)
    for event in batch.events:
        assert event.dedup_key
        assert 0 < len(event.title) <= MAX_TITLE
        assert "\0" not in event.text
        event.text.encode()


def test_a_label_set_beyond_all_measure_is_told_apart_at_its_very_end_and_at_once() -> None:
    long = "x" * 4_000_000
    started = time.process_time()
    first, second = (label_fingerprint({"a": long + end}) for end in "12")
    assert time.process_time() - started < 0.3
    assert first != second
    assert re.fullmatch("labels1:[0-9a-f]{32}", first)
    assert label_fingerprint({"b": "1", "a": long}) == label_fingerprint({"a": long, "b": "1"})
