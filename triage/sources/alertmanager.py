"""The webhook of Prometheus Alertmanager, version 4 of its body (Alertmanager 0.16 and later).

One alert is one event. The group's ``status`` is firing when any of its alerts fires, so only the alert's own
counts. Alertmanager never sends an alert's resolve if no delivery of its firing succeeded, and sends a refused
group again at every interval; therefore what can be read is taken and the rest is handed back as rejected, for
the caller to answer 2xx and keep. Where a label (else an annotation of the same name) says something that an
``Incident`` has a field for, the tables below name it; the first name that has a value wins.
"""

import hashlib
import json
from collections.abc import Mapping

from triage.domain.incident import EventKind, Incident
from triage.errors import BadRequest
from triage.sources.batch import Note, Rejection, SourceBatch, rejection
from triage.sources.draft import Draft, is_web_address
from triage.sources.payload import as_text, read_json

SOURCE = "alertmanager"
# More than any group seen; beyond it a body is a mistake that would cost seconds.
MAX_ALERTS = 10_000
# Characters of a label set up to which Alertmanager's fingerprint is computed, which goes byte by byte.
MAX_FINGERPRINTED = 16 * 1024

# field of the incident: label names, most telling first. ``job`` is not a service: it names what is scraped,
# which is often an exporter.
FIELDS: Mapping[str, tuple[str, ...]] = {
    "severity": ("severity", "level", "priority"),
    "service": ("service", "service_name", "application", "app", "app_kubernetes_io_name", "component"),
    "environment": ("environment", "env", "deployment_environment", "deployment_environment_name", "stage"),
    "region": ("region", "cloud_region", "aws_region", "location", "datacenter", "dc", "site"),
    "cluster": ("cluster", "cluster_name", "k8s_cluster_name", "k8s_cluster", "source_cluster"),
    "deployment": ("deployment", "k8s_deployment_name", "statefulset", "daemonset"),
    "assigned_team": ("team", "owner", "owning_team", "owner_team", "squad", "support_group"),
    "kind": ("incident_type", "category", "alert_type"),
    "impact": ("impact",),
    "urgency": ("urgency",),
    "customer_tier": ("customer_tier",),
}
FLAGS = ("data_exposure", "regulated")
TRUE_WORDS = frozenset({"true", "yes", "1"})
TITLES = ("summary", "title", "message")
DESCRIPTIONS = ("description", "message", "details")
# What tells two alerts of one name apart, for a title made of labels.
CONTEXT = ("service", "job", "namespace", "cluster", "region", "instance", "pod", "device", "mountpoint")
LINK_TEXTS: Mapping[str, str] = {
    "runbook_url": "Runbook",
    "runbook": "Runbook",
    "dashboard_url": "Dashboard",
    "dashboard": "Dashboard",
    "generatorURL": "Source of the alert",
    "dashboardURL": "Dashboard",
    "panelURL": "Panel",
    "silenceURL": "Silence",
    "imageURL": "Image",
}
_KNOWN_OF_ALERT = frozenset({"status", "labels", "annotations", "startsAt", "endsAt", "fingerprint"})
_KNOWN_OF_BODY = frozenset(
    {"status", "alerts", "groupLabels", "commonLabels", "commonAnnotations", "externalURL", "version"}
    | {"truncatedAlerts"}
)
_EVENTS: Mapping[str, EventKind] = {"firing": EventKind.FIRING, "resolved": EventKind.RESOLVED}


class _BadAlertError(ValueError):
    """Why one alert cannot become an event, in words without its content."""


def parse_alertmanager(body: bytes, headers: Mapping[str, str]) -> SourceBatch:
    """The events of one delivery. Raises nothing: a body that is no webhook is one rejection."""
    try:
        webhook = read_json(body)
    except BadRequest as error:
        return SourceBatch(rejected=(rejection(body, str(error)),))
    alerts = webhook.get("alerts") if isinstance(webhook, dict) else None
    if not isinstance(webhook, dict) or not isinstance(alerts, list):
        return SourceBatch(rejected=(rejection(body, "not an Alertmanager webhook: it has no list of alerts"),))
    if len(alerts) > MAX_ALERTS:
        return SourceBatch(rejected=(rejection(body, f"more than {MAX_ALERTS} alerts in one body"),))
    events: list[Incident] = []
    rejected: list[Rejection] = []
    notes: list[Note] = []
    for index, alert in enumerate(alerts):
        draft = Draft(index)
        try:
            events.append(_event(alert, webhook, draft))
        except _BadAlertError as error:
            content = json.dumps(alert, sort_keys=True).encode()
            rejected.append(rejection(content, str(error), index))
        else:
            notes.extend(draft.notes)
    omitted = _omitted(webhook)
    if omitted:
        notes.append(Note(kind="alerts_omitted", detail=f"the sender left out {omitted} alerts of this group"))
    return SourceBatch(events=tuple(events), rejected=tuple(rejected), notes=tuple(notes), omitted=omitted)


def label_fingerprint(labels: Mapping[str, str]) -> str:
    """Alertmanager's own fingerprint of a label set, 16 hex digits: 64-bit FNV-1a over the sorted names and
    values, each followed by the byte 255 (``LabelSet.Fingerprint`` of prometheus/common). A set larger than any
    real one gets a digest of our own over the same bytes, ``labels1:`` and 32 hex digits: nothing of it is left
    out, since two sets that differ at their end only must not be merged."""
    if sum(len(name) + len(value) for name, value in labels.items()) > MAX_FINGERPRINTED:
        parts = (
            part.encode() + b"\xff" for name in sorted(labels, key=str.encode) for part in (name, labels[name])
        )
        return f"labels1:{hashlib.blake2b(b''.join(parts), digest_size=16).hexdigest()}"
    value = 0xCBF29CE484222325
    for name in sorted(labels, key=str.encode):
        for byte in name.encode() + b"\xff" + labels[name].encode() + b"\xff":
            value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def _event(alert: object, webhook: Mapping[str, object], draft: Draft) -> Incident:
    if not isinstance(alert, dict):
        raise _BadAlertError("an alert is not a JSON object")
    status = alert.get("status")
    event = _EVENTS.get(status.strip().casefold()) if isinstance(status, str) else None
    if event is None:
        raise _BadAlertError("an alert's status is neither firing nor resolved")
    labels = _strings(alert, "labels", draft)
    annotations = _strings(alert, "annotations", draft)
    if not labels and not annotations:
        raise _BadAlertError("an alert has neither labels nor annotations")
    said = {name: _first(names, labels, annotations) for name, names in FIELDS.items()}
    words = {name: draft.word(name, text) for name, text in said.items() if text}
    flags = {name: _first((name,), labels, annotations).casefold() in TRUE_WORDS for name in FLAGS}
    resolved = event is EventKind.RESOLVED
    title, description = _prose(labels, annotations, draft)
    incident = Incident(
        title=title,
        description=description,
        event=event,
        dedup_key=_dedup_key(alert, labels, draft),
        started_at=draft.moment("startsAt", alert.get("startsAt")),
        # A firing alert's endsAt is none or a guess of when it would lapse.
        occurred_at=draft.moment("endsAt", alert.get("endsAt")) if resolved else None,
        source=SOURCE,
        labels=draft.labels(labels),
    ).with_changes(**words, **flags)
    _keep_the_rest(alert, annotations, webhook, draft)
    return incident.with_changes(links=tuple(draft.links), evidence=draft.evidence)


def _strings(alert: Mapping[str, object], key: str, draft: Draft) -> dict[str, str]:
    """A map of strings; Alertmanager sends no others, its imitators do."""
    found = alert.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise _BadAlertError(f"an alert's {key} are not a JSON object")
    if any(value is not None and not isinstance(value, str) for value in found.values()):
        draft.note("value_converted", f"{key} that were no strings were written as JSON")
    return {name: as_text(value) for name, value in found.items() if value is not None}


def _first(names: tuple[str, ...], *maps: Mapping[str, str]) -> str:
    """The first of these names that has a value, in the first map that has one; else empty."""
    return next((map_[name] for map_ in maps for name in names if map_.get(name, "").strip()), "")


def _dedup_key(alert: Mapping[str, object], labels: Mapping[str, str], draft: Draft) -> str:
    given = alert.get("fingerprint")
    word = draft.word("fingerprint", given) if isinstance(given, str) else None
    if word is None and not labels:
        raise _BadAlertError("an alert has neither a fingerprint nor labels to make one from")
    return word or label_fingerprint(labels)


def _prose_names(annotations: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Which annotations become title and description: the first that say something, and not the same."""
    said = {name: text.strip() for name, text in annotations.items() if text.strip()}
    title = next((name for name in TITLES if name in said), None)
    others = (name for name in DESCRIPTIONS if name in said and (title is None or said[name] != said[title]))
    return title, next(others, None)


def _prose(labels: Mapping[str, str], annotations: Mapping[str, str], draft: Draft) -> tuple[str, str]:
    """Title and description; a title at need from the labels."""
    title, description = _prose_names(annotations)
    body = annotations[description].strip() if description else ""
    return draft.title(annotations[title] if title else _title_of_labels(labels, body)), draft.description(body)


def _title_of_labels(labels: Mapping[str, str], body: str) -> str:
    context = [f"{name} {labels[name]}" for name in CONTEXT if labels.get(name, "").strip()]
    name = labels.get("alertname", "").strip()
    if name:
        return f"{name} ({', '.join(context)})" if context else name
    first_line = next(iter(body.strip().splitlines()), "")
    pairs = ", ".join(f"{key} {value}" for key, value in sorted(labels.items()))
    return first_line.strip() or (f"Alert without a name ({pairs})" if pairs else "Alert without a name")


def _keep_the_rest(
    alert: Mapping[str, object], annotations: Mapping[str, str], webhook: Mapping[str, object], draft: Draft
) -> None:
    """Links, and as evidence everything that has no field: other annotations, unknown keys, the group's name."""
    told = _prose_names(annotations)
    for name, text in annotations.items():
        if name in told or not text.strip():
            continue
        if name in LINK_TEXTS or is_web_address(text.strip()):
            draft.link(text, LINK_TEXTS.get(name, name))
        else:
            draft.keep(f"annotation {name}", text)
    for name, value in alert.items():
        if name in LINK_TEXTS and isinstance(value, str):
            draft.link(value, LINK_TEXTS[name])
        elif name not in _KNOWN_OF_ALERT and value not in (None, ""):
            draft.keep(f"alert {name}", value)
    external = webhook.get("externalURL")
    if isinstance(external, str):
        draft.link(external, "Alertmanager")
    for name, value in webhook.items():
        if name not in _KNOWN_OF_BODY and value not in (None, ""):
            draft.keep(f"group {name}", value)


def _omitted(webhook: Mapping[str, object]) -> int:
    count = webhook.get("truncatedAlerts")
    return count if isinstance(count, int) and not isinstance(count, bool) and count > 0 else 0
