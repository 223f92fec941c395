"""Words for people: lengths of time, and an update to stakeholders by its template."""

from datetime import timedelta

from triage.escalation.state import SendUpdate


def in_words(length: timedelta) -> str:
    """``30 minutes``, ``1 hour``, ``2 hours 15 minutes``."""
    minutes = int(length.total_seconds() // 60)
    days, minutes = divmod(minutes, 24 * 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((days, "day"), (hours, "hour"), (minutes, "minute"))
    said = [f"{count} {word}{'s' if count != 1 else ''}" for count, word in parts if count]
    return " ".join(said) or "less than a minute"


def update_text(update: SendUpdate, *, title: str, service: str, priority: str, team: str) -> str:
    """The template with its words filled in. With the last update there is no next one, and ``{next}`` says so."""
    following = "none, it is over" if update.next_within is None else in_words(update.next_within)
    return update.template.format(
        title=title,
        service=service,
        priority=priority,
        team=team,
        status=update.status,
        minutes=int(update.since.total_seconds() // 60),
        next=following,
    )
