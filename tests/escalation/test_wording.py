"""Words for people."""

from datetime import timedelta

import pytest

from triage.domain.wording import in_words
from triage.escalation.state import SendUpdate
from triage.escalation.wording import update_text


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        (0, "less than a minute"),
        (1, "1 minute"),
        (90, "1 hour 30 minutes"),
        (120, "2 hours"),
        (1441, "1 day 1 minute"),
    ],
)
def test_time_in_words(minutes, said):
    assert in_words(timedelta(minutes=minutes)) == said


@pytest.mark.parametrize(
    ("following", "said"),
    [(timedelta(minutes=30), "Next update in 30 minutes."), (None, "Next update in none, it is over.")],
)
def test_update_names_when_the_next_one_comes(following, said):
    update = SendUpdate(
        channels=("page",),
        people=(),
        template="{priority} {service}: {title} {status} for {minutes} min, {team}. Next update in {next}.",
        status="being worked on",
        since=timedelta(minutes=61, seconds=59),
        next_within=following,
    )
    text = update_text(update, title="{odd}", service="shop", priority="Critical", team="Ops")
    assert text == f"Critical shop: {{odd}} being worked on for 61 min, Ops. {said}"
