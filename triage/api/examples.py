"""What requests and answers look like, for whoever reads the documentation: of an invented company."""

from typing import Any, Final

Examples = dict[str, dict[str, Any]]

FIRING: Final[dict[str, Any]] = {
    "title": "Card payments declined for all customers in eu-west",
    "description": "Since 09:42 the acquirer answers 91 (issuer unavailable) to nine of ten authorisations.",
    "dedup_key": "card-declines-eu-west",
    "started_at": "2026-03-09T09:42:00Z",
    "source": "payments-monitor",
    "service": "card-gateway",
    "environment": "production",
    "region": "eu-west-1",
    "severity": "critical",
    "labels": {"acquirer": "northbank", "scheme": "visa"},
    "links": [{"href": "https://runbooks.example/card-gateway/declines", "text": "Runbook"}],
}
TICKET: Final[dict[str, Any]] = {
    "title": "Rechnungsdruck im Lager Köln steht",
    "description": "Drucker LK-2 nimmt keine Aufträge mehr an, Neustart half nicht.",
    "source": "service-desk",
    "service": "warehouse-printing",
    "impact": "2 - Medium",
    "urgency": "1 - High",
    "reporter": "Schichtleitung Köln",
}
RESOLVED: Final[dict[str, Any]] = {
    "event": "resolved",
    "dedup_key": "card-declines-eu-west",
    "source": "payments-monitor",
}
WEBHOOK: Final[dict[str, Any]] = {
    "version": "4",
    "status": "firing",
    "receiver": "triage",
    "groupKey": '{}:{alertname="ReplicationLag"}',
    "truncatedAlerts": 0,
    "groupLabels": {"alertname": "ReplicationLag"},
    "commonLabels": {"alertname": "ReplicationLag", "severity": "warning"},
    "commonAnnotations": {},
    "externalURL": "http://alertmanager.example:9093",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "ReplicationLag", "service": "orders-db", "severity": "warning"},
            "annotations": {"summary": "Replica orders-db-2 is 48 s behind"},
            "startsAt": "2026-03-09T09:42:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus.example/graph",
            "fingerprint": "b2d3f5a80c9e1746",
        }
    ],
}

INCIDENTS: Final[Examples] = {
    "alert": {"summary": "A monitor's alert", "value": FIRING},
    "ticket": {"summary": "A person's ticket", "value": TICKET},
    "resolution": {"summary": "It is over, by the source's own key", "value": RESOLVED},
}
BATCHES: Final[Examples] = {"two": {"summary": "Two at once", "value": {"incidents": [FIRING, TICKET]}}}
OVERRIDES: Final[Examples] = {
    "both": {
        "summary": "Another priority and another team",
        "value": {"priority": "P2", "team": "payments", "reason": "Only one acquirer is concerned"},
    },
    "word": {"summary": "In the organisation's own word", "value": {"priority": "High"}},
}
STATUSES: Final[Examples] = {"mitigating": {"summary": "A mend is on its way", "value": {"status": "mitigating"}}}
RESOLUTIONS: Final[Examples] = {
    "said": {"summary": "With what helped", "value": {"resolution": "Failed over to the second acquirer"}}
}
REASONS: Final[Examples] = {
    "said": {"summary": "With the reason", "value": {"reason": "It is wider than we thought"}}
}
APPROVALS: Final[Examples] = {
    "yes": {"summary": "Yes, to the only checkpoint", "value": {"approved": True}},
    "no": {"summary": "No, and why", "value": {"approved": False, "reason": "Not before the cause is known"}},
}
NOTES: Final[Examples] = {
    "note": {"summary": "A line for the next one", "value": {"text": "The second acquirer confirms it"}}
}
MESSAGE_KEYS: Final[Examples] = {
    "dead": {"summary": "A dead letter", "value": {"key": "01909f3e-7a51-7c51-8d3a-6a2f3c1b9e77/3/0"}}
}
TESTED: Final[Examples] = {
    "me": {"summary": "To myself", "value": {}},
    "somebody": {"summary": "To somebody else", "value": {"person": "henrik"}},
}
REVIEWS: Final[Examples] = {
    "written": {
        "summary": "What happened, and what is to be done",
        "value": {
            "summary": "An expired certificate; nobody was told that it would.",
            "satisfaction": 4,
            "follow_ups": [
                {
                    "what": "Alert two weeks before a certificate ends",
                    "owner": "henrik",
                    "due_at": "2026-12-18T12:00:00Z",
                }
            ],
        },
    },
    "score": {"summary": "A score only", "value": {"satisfaction": 5}},
}
RESOLUTIONS_BY_KEY: Final[Examples] = {
    "key": {
        "summary": "By the source's own key",
        "value": {"dedup_key": "card-declines-eu-west", "source": "payments-monitor"},
    }
}
PROMOTIONS: Final[Examples] = {
    "reviewed": {
        "summary": "Only if nobody changed it meanwhile",
        "value": {
            "version": "20260301T090000Z-1f2e3d4c",
            "reason": "Better on the last month, see the comparison",
            "expect": "20260201T090000Z-9a8b7c6d",
        },
    }
}
ROLLBACKS: Final[Examples] = {
    "back": {"summary": "To what was before", "value": {"reason": "Sends refunds to the wrong team"}}
}
SHADOWS: Final[Examples] = {
    "beside": {
        "summary": "Let it run beside the one in force",
        "value": {"version": "20260301T090000Z-1f2e3d4c", "reason": "Was better in the comparison"},
    },
    "end": {"summary": "End it", "value": {"version": "none", "reason": "Seen enough"}},
}
PAYLOADS: Final[Examples] = {"alertmanager": {"summary": "Alertmanager, version 4 of its body", "value": WEBHOOK}}

DECISION: Final[dict[str, Any]] = {
    "decision_id": "0f5c9d6e-0c5e-4f0e-9a59-3b0f4f4f7c11",
    "incident_id": "6a3f2b7c-58d1-4f6a-8f5e-0a9a4c7d2e10",
    "decided_at": "2026-03-09T09:42:03.118000Z",
    "priority": {
        "value": "P1",
        "label": "Critical",
        "source": "model",
        "probability": 0.83,
        "abstained": False,
        "alternatives": [{"value": "P2", "probability": 0.11}],
    },
    "team": {
        "value": "payments",
        "source": "model",
        "probability": 0.91,
        "abstained": False,
        "alternatives": [{"value": "platform", "probability": 0.04}],
    },
    "recurrence": {
        "kind": "recurrence",
        "pattern_id": "c0d7a6c2-7e0c-44d0-8a5f-1d6c6a3f9b02",
        "of": "1b9e4a50-31f4-4a7e-8a0f-5c9b8d7e6f01",
        "similarity": 1.0,
        "matched_by": "key",
        "occurrences": {"1h": 1, "24h": 1, "7d": 3, "30d": 9},
        "flags": ["frequent"],
        "period_seconds": None,
        "related": [],
        "total": 14,
        "name": "Card payments declined in …",
        "first_seen_at": "2026-01-12T03:10:00Z",
        "known_fix": "Fail over to the second acquirer; see the runbook.",
        "resolve_seconds": 1860.0,
        "storm": None,
    },
    "escalation": {
        "policy": "senior-first",
        "rule": "p1-payments",
        "kinds": ["hierarchical", "time"],
        "mode": "notify",
        "suppressed": False,
        "suppressed_because": None,
        "steps": [
            {
                "number": 1,
                "targets": ["oncall:payments-senior"],
                "forecast": ["ann"],
                "require": "any",
                "roles": {"responsible": "oncall:payments-senior", "accountable": "person:claire"},
                "channels": ["critical"],
                "at": "2026-03-09T09:42:03.118000Z",
                "acknowledge_within": "PT5M",
                "resolve_within": "PT1H",
                "repeat": 2,
                "checkpoint": None,
                "round_robin": False,
                "vendors": [],
                "skipped": None,
                "after": "PT0S",
                "beside": False,
                "in_hours": False,
            }
        ],
        "repeat": 0,
        "acknowledge_by": "2026-03-09T09:57:03.118000Z",
        "resolve_by": "2026-03-09T13:42:03.118000Z",
        "updates": None,
        "desk": "oncall:triage-desk",
    },
    "review": {"required": False, "reasons": []},
    "explanation": {
        "features": [{"feature": "word:declined", "weight": 0.41}],
        "similar": ["1b9e4a50-31f4-4a7e-8a0f-5c9b8d7e6f01"],
        "rules": ["p1-payments: policy senior-first"],
    },
    "versions": {
        "bundle": "20260301-090000-1f2e3d",
        "policy": "policy1:9c0d",
        "catalogue": "cat1:41aa",
        "code": "0.1.0",
    },
    "second_look": None,
    "degraded": [],
    "notes": [],
    "rule_faults": [],
}
