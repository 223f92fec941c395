"""A simulation as plain values, for programs and for the API."""

from dataclasses import asdict
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from triage.domain.catalogue import Catalogue
from triage.escalation.state import Effect
from triage.rehearsal.drawing import told_of
from triage.rehearsal.simulate import Entry, Ruling, Simulation

_KIND = {
    "Page": "page",
    "Post": "post",
    "CallVendor": "call_vendor",
    "AskApproval": "ask_approval",
    "SendUpdate": "send_update",
    "StandDown": "stand_down",
    "Note": "note",
}


def simulation_as_json(simulation: Simulation, catalogue: Catalogue) -> dict[str, Any]:
    """Times in UTC, lengths in seconds; each entry carries its sentence as ``text``."""
    return {
        "opened_at": _plain(simulation.opened_at),
        "ended_at": _plain(simulation.ended),
        "phase": simulation.phase.value,
        "decisions": [_ruling(ruling) for ruling in simulation.rulings],
        "path": _plain(asdict(simulation.path)),
        "hand_over": _plain(asdict(simulation.left)) if simulation.left else None,
        "timeline": [_entry(entry, simulation, catalogue) for entry in simulation.entries],
    }


def _ruling(ruling: Ruling) -> dict[str, Any]:
    outcome = ruling.outcome
    return {
        "at": _plain(ruling.at),
        "because": ruling.because,
        "priority": outcome.priority.value,
        "priority_source": outcome.priority_source.value,
        "team": outcome.team,
        "team_source": outcome.team_source.value,
        "policy": outcome.path.policy,
        "rule": outcome.path.rule,
        "fired": list(outcome.fired),
        "review": list(outcome.review_reasons),
    }


def _entry(entry: Entry, simulation: Simulation, catalogue: Catalogue) -> dict[str, Any]:
    told: dict[str, Any] = {
        "at": _plain(entry.at),
        "after_seconds": int((entry.at - simulation.opened_at).total_seconds()),
    }
    if entry.effect is None:
        return {**told, "kind": "happened", "text": entry.happened}
    kind = _KIND[type(entry.effect).__name__]
    text = told_of(entry.effect, entry.at, catalogue)
    return {**told, "kind": kind, "text": text, **_fields(entry.effect)}


def _fields(effect: Effect) -> dict[str, Any]:
    found: dict[str, Any] = _plain(asdict(effect))
    return found


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case timedelta():
            return int(value.total_seconds())
        case Enum():
            return value.value
        case dict():
            return {key: _plain(found) for key, found in value.items()}
        case list() | tuple():
            return [_plain(found) for found in value]
    return value
