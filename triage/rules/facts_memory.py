"""Facts about how often it was seen before, and what is concluded so far."""

from triage.rules.fact import Fact
from triage.rules.readings import (
    WEEKDAYS,
    FactType,
    business_hours,
    clean,
    has_flag,
    local,
    minutes_to_resolve,
    occurrences,
    pattern_age,
    period_minutes,
)

_TEXT, _WHOLE, _FRACTION, _YES_NO = FactType.TEXT, FactType.WHOLE, FactType.FRACTION, FactType.YES_NO

RECURRENCE = (
    Fact(
        "recurrence.kind",
        _TEXT,
        "new, duplicate or recurrence.",
        "recurrence.kind == 'recurrence'",
        lambda f, _: f.recurrence.kind.value,
    ),
    Fact(
        "recurrence.matched_by",
        _TEXT,
        "key, fingerprint, template or similarity; '' for a new one.",
        "recurrence.matched_by == 'similarity'",
        lambda f, _: f.recurrence.matched_by.value if f.recurrence.matched_by else "",
    ),
    Fact(
        "recurrence.occurrences_1h",
        _WHOLE,
        "In the last hour, this one included.",
        "recurrence.occurrences_1h >= 10",
        occurrences("1h"),
    ),
    Fact(
        "recurrence.occurrences_24h",
        _WHOLE,
        "In the last 24 hours, this one included.",
        "recurrence.occurrences_24h >= 5",
        occurrences("24h"),
    ),
    Fact(
        "recurrence.occurrences_7d",
        _WHOLE,
        "In the last 7 days, this one included.",
        "recurrence.occurrences_7d >= 20",
        occurrences("7d"),
    ),
    Fact(
        "recurrence.occurrences_30d",
        _WHOLE,
        "In the last 30 days, this one included.",
        "recurrence.occurrences_30d >= 3",
        occurrences("30d"),
    ),
    Fact(
        "recurrence.flags",
        FactType.TEXTS,
        "Of frequent, burst, periodic, flapping, novel, rare.",
        "'burst' in recurrence.flags",
        lambda f, _: list(f.recurrence.flags),
    ),
    Fact(
        "recurrence.similarity",
        _FRACTION,
        "How like the earlier incident is, 0.0 to 1.0; 0.0 for a new one.",
        "recurrence.similarity >= 0.9",
        lambda f, _: float(f.recurrence.similarity or 0.0),
    ),
    Fact(
        "recurrence.storm",
        _YES_NO,
        "Part of a storm that began with another incident.",
        "recurrence.storm",
        lambda f, _: f.recurrence.storm is not None,
    ),
    Fact(
        "recurrence.storm_size",
        _WHOLE,
        "Incidents of that storm, this one included; 0 outside of one.",
        "recurrence.storm_size >= 5",
        lambda f, _: f.recurrence.storm.size if f.recurrence.storm else 0,
    ),
    Fact(
        "pattern.name",
        _TEXT,
        "The name that a person gave it.",
        "pattern.name == 'nightly backup'",
        lambda f, _: clean(f.recurrence.name or ""),
    ),
    Fact(
        "pattern.occurrences",
        _WHOLE,
        "Of all time, this one included.",
        "pattern.occurrences > 100",
        lambda f, _: f.recurrence.total,
    ),
    Fact("pattern.age_days", _WHOLE, "Whole days since it was first seen.", "pattern.age_days < 7", pattern_age),
    Fact("pattern.novel", _YES_NO, "Never seen before.", "pattern.novel && service.tier == 1", has_flag("novel")),
    Fact("pattern.frequent", _YES_NO, "Five times in 24 hours or more.", "pattern.frequent", has_flag("frequent")),
    Fact(
        "pattern.rare", _YES_NO, "Known, and weeks lie between its occurrences.", "pattern.rare", has_flag("rare")
    ),
    Fact(
        "pattern.flapping",
        _YES_NO,
        "Coming and going within the hour.",
        "pattern.flapping && !time.business_hours",
        has_flag("flapping"),
    ),
    Fact("pattern.burst", _YES_NO, "Many at once.", "pattern.burst", has_flag("burst")),
    Fact(
        "pattern.periodic", _YES_NO, "In a rhythm that is hardly chance.", "pattern.periodic", has_flag("periodic")
    ),
    Fact(
        "pattern.period_minutes",
        _WHOLE,
        "The rhythm; 0 without one.",
        "pattern.period_minutes == 1440",
        period_minutes,
    ),
    Fact(
        "pattern.minutes_to_resolve",
        _FRACTION,
        "How long its latest incidents took, on average; 0.0 where none was resolved.",
        "pattern.minutes_to_resolve > 0.0 && pattern.minutes_to_resolve < 10.0",
        minutes_to_resolve,
    ),
    Fact(
        "pattern.known_fix",
        _YES_NO,
        "Somebody wrote down what fixes it.",
        "pattern.known_fix",
        lambda f, _: f.recurrence.known_fix is not None,
    ),
)

CONCLUSION = (
    Fact(
        "priority",
        _TEXT,
        "P1 to P5, as the rules above left it.",
        "priority in ['P1', 'P2']",
        lambda f, _: f.priority.value,
    ),
    Fact(
        "priority_source",
        _TEXT,
        "Where it came from before any rule.",
        "priority_source == 'override'",
        lambda f, _: f.priority_source.value,
    ),
    Fact("team", _TEXT, "The team's id, as the rules above left it.", "team == 'security'", lambda f, _: f.team),
    Fact(
        "team_source",
        _TEXT,
        "Where it came from before any rule.",
        "team_source == 'catalogue'",
        lambda f, _: f.team_source.value,
    ),
    Fact(
        "time.hour",
        _WHOLE,
        "0 to 23, in the organisation's time zone.",
        "time.hour >= 22 || time.hour < 6",
        lambda f, c: local(f, c).hour,
    ),
    Fact(
        "time.weekday",
        _TEXT,
        "monday to sunday.",
        "time.weekday in ['saturday', 'sunday']",
        lambda f, c: WEEKDAYS[local(f, c).weekday()],
    ),
    Fact(
        "time.business_hours",
        _YES_NO,
        "A working day, within business hours.",
        "!time.business_hours",
        business_hours,
    ),
    Fact(
        "time.holiday",
        _YES_NO,
        "One of the catalogue's holidays.",
        "time.holiday",
        lambda f, c: local(f, c).date() in c.holidays,
    ),
)
