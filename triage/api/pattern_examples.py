"""What requests about patterns look like, of the same invented company as the others."""

from typing import Final

from triage.api.examples import Examples

OTHER: Final = "5f1c0c53-9d0e-4f4b-8b0e-3f9e1f3c2a77"
INCIDENT: Final = "1b9e4a50-31f4-4a7e-8a0f-5c9b8d7e6f01"

MERGES: Final[Examples] = {
    "same": {
        "summary": "The same problem in two wordings",
        "value": {"pattern": OTHER, "reason": "Both are the acquirer's time-outs"},
    },
    "anyway": {
        "summary": "Although somebody told them apart",
        "value": {"pattern": OTHER, "reason": "The cause was found, and it is one", "anyway": True},
    },
}
SPLITS: Final[Examples] = {
    "one": {
        "summary": "One incident was something else",
        "value": {"incidents": [INCIDENT], "reason": "This host has a disk of its own"},
    }
}
DIFFERENCES: Final[Examples] = {
    "incident": {"summary": "An incident is not the same problem", "value": {"incident": INCIDENT}},
    "pattern": {
        "summary": "Neither is a whole pattern",
        "value": {"pattern": OTHER, "reason": "Another acquirer, with a contract of its own"},
    },
}
KNOWN_FIXES: Final[Examples] = {
    "known": {"summary": "What mends it", "value": {"fix": "Fail over to the second acquirer; see the runbook."}},
}
NAMES: Final[Examples] = {
    "named": {"summary": "As people call it", "value": {"name": "Card declines at northbank"}},
}
UNDONE: Final[Examples] = {
    "why": {"summary": "With a reason", "value": {"reason": "They have different causes after all"}}
}
SILENCES: Final[Examples] = {
    "work": {
        "summary": "While somebody works on it",
        "value": {"for": "PT2H", "reason": "The acquirer maintains its gateway until noon"},
    },
    "until": {
        "summary": "Until a certain time, and nothing that is more urgent",
        "value": {"until": "2026-03-10T06:00:00Z", "priority": "P4", "reason": "Known; the mend ships tonight"},
    },
}
