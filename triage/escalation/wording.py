"""An update to stakeholders by its template."""

from triage.domain.wording import in_words
from triage.escalation.state import SendUpdate


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
