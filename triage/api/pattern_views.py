"""Patterns, what was changed of them and what silences them, as JSON."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from triage.domain.pattern import PatternLife
from triage.memory.patterns import PatternStory, PatternSummary
from triage.store.pattern_history import PatternChange
from triage.store.pattern_page import Member
from triage.store.silences import SilenceRecord

INCIDENTS_SHOWN = 1_000


def item_view(summary: PatternSummary) -> dict[str, Any]:
    row = summary.row
    return {
        "id": row.id,
        "name": summary.name,
        "named": summary.named,
        "template": row.template,
        "service": summary.service,
        "environment": row.environment,
        "first_seen_at": row.first_seen_at,
        "last_seen_at": row.last_seen_at,
        "occurrences": row.occurrences,
        "open_incidents": row.open_incidents,
        "silenced_until": row.silenced_until,
        "known_fix": row.known_fix,
        "flags": list(summary.flags),
    }


def pattern_view(story: PatternStory) -> dict[str, Any]:
    facts, root = story.facts, story.facts.members[0]
    newest = next(iter(facts.incidents), None)
    service, environment = _scope(root)
    return {
        "id": root.id,
        "merged_into": root.id if story.asked.lower().replace("-", "") != root.id.replace("-", "") else None,
        "name": story.name,
        "named": root.name is not None,
        "template": root.template,
        "service": newest.service if newest is not None else service,
        "environment": newest.environment if newest is not None else environment,
        "runbook": story.service.runbook if story.service is not None else None,
        "first_seen_at": min(member.first_seen_at for member in facts.members),
        "last_seen_at": max(member.last_seen_at for member in facts.members),
        "occurrences": sum(member.occurrences for member in facts.members),
        "counts": dict(facts.counts),
        "open_incidents": facts.open_incidents,
        # A pattern that was split off and put back stays under its address, with nothing to tell.
        "members": [_member(member) for member in facts.members if member.occurrences or member is root],
        "life": _life(story.life),
        "services": dict(story.services),
        "hosts": dict(facts.hosts),
        "priorities": {
            "counts": dict(story.priorities),
            "latest": newest.priority if newest is not None else None,
            "overridden": facts.overrides.priorities,
            "latest_override": facts.overrides.priority,
        },
        "teams": {
            "counts": dict(story.teams),
            "latest": newest.team if newest is not None else None,
            "overridden": facts.overrides.teams,
            "latest_override": facts.overrides.team,
        },
        "resolutions": [
            {"resolution": one.text, "incident_id": one.incident_id, "by": one.by, "at": one.at}
            for one in facts.resolutions
        ],
        "known_fix": _known_fix(root),
        "silences": [silence_view(silence, story.now) for silence in facts.silences],
        "changes": [change_view(change) for change in facts.changes],
        "different_from": [{"id": one, "change_id": change} for one, change in facts.different.items()],
        "known_by": {
            "exact_texts": facts.texts.exact,
            "templates": facts.texts.templates,
            "refused_templates": facts.texts.refused,
            "words": [list(words) for words in facts.texts.words],
        },
    }


def silence_view(silence: SilenceRecord, now: datetime) -> dict[str, Any]:
    return {
        "id": silence.id,
        "pattern_id": silence.pattern_id,
        "priority": silence.priority.value,
        "reason": silence.reason,
        "active": silence.is_active(now),
        "by": silence.made_by,
        "made_at": silence.made_at,
        "ends_at": silence.ends_at,
        "ended_by": silence.ended_by,
        "ended_at": silence.ended_at,
        "suppressed": silence.suppressed,
        "suppressed_at": silence.suppressed_at,
    }


def change_view(change: PatternChange) -> dict[str, Any]:
    return {
        "id": change.id,
        "kind": change.kind,
        "pattern_id": change.pattern_id,
        "other_id": change.other_id,
        "by": change.made_by,
        "at": change.made_at,
        "reason": change.reason,
        "undone_by": change.undone_by,
        "undone_at": change.undone_at,
        "detail": _detail(change.kind, change.detail),
    }


def _detail(kind: str, detail: Mapping[str, Any]) -> dict[str, Any]:
    """What of it says something to a reader; the rest is for undoing it."""
    if kind == "merge":
        return {"members": detail["members"]}
    if kind == "split":
        return {
            "incidents": list(detail["incidents"])[:INCIDENTS_SHOWN],
            "words": [words for _, words, _ in detail["words"]],
            "only_exact_texts": bool(detail["refused"]),
        }
    if kind in ("name", "known_fix"):
        return {"before": detail["before"][kind], "after": detail["after"]}
    return {name: detail[name] for name in ("split", "unmerged") if name in detail}


def _member(member: Member) -> dict[str, Any]:
    service, environment = _scope(member)
    return {
        "id": member.id,
        "name": member.name,
        "template": member.template,
        "service": service,
        "environment": environment,
        "first_seen_at": member.first_seen_at,
        "last_seen_at": member.last_seen_at,
        "occurrences": member.occurrences,
        "known_fix": member.known_fix,
    }


def _scope(member: Member) -> tuple[str | None, str | None]:
    service, environment = json.loads(member.scope)
    return service or None, environment or None


def _known_fix(root: Member) -> dict[str, Any] | None:
    if root.known_fix is None:
        return None
    return {"fix": root.known_fix, "by": root.known_fix_by, "at": root.known_fix_at}


def _life(life: PatternLife) -> dict[str, Any]:
    return {
        "flags": list(life.flags),
        "gap_median_seconds": life.gap_median_seconds,
        "gap_p90_seconds": life.gap_p90_seconds,
        "rhythm": asdict(life.rhythm) if life.rhythm is not None else None,
        "trend": asdict(life.trend) if life.trend is not None else None,
        "coming_and_going": asdict(life.coming_and_going),
        "resolve_mean_seconds": life.resolve_mean_seconds,
        "resolve_median_seconds": life.resolve_median_seconds,
        "chart": {
            "width": life.bucket_width,
            "buckets": [{"start": bucket.start, "count": bucket.count} for bucket in life.chart],
        },
    }
