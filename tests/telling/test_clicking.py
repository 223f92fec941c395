"""Links in messages: looking changes nothing, a click acts for whom the message went to, and does so once."""

from datetime import timedelta

import pytest

from tests.fixtures_receivers import Hook
from tests.telling.fixtures import Telling
from triage.errors import LinkNotValid
from triage.notify.links import LINKS_LAST, LinkAction, Links


def paged(telling: Telling, hook: Hook) -> tuple[str, dict[str, str]]:
    """The incident's id, and the signed part of each link."""
    opened = telling.desk.fire(severity="critical")
    telling.engine.tick()
    telling.deliver()
    links = hook.received[-1].data["links"]
    return opened.incident.id, {name: url.rpartition("/")[2] for name, url in links.items()}


def test_looking_changes_nothing(telling: Telling, hook: Hook) -> None:
    incident_id, links = paged(telling, hook)
    for _ in range(3):
        offer = telling.clicking.look(links["acknowledge"])
    assert [record.id for record in offer.incidents] == [incident_id]
    assert telling.incidents.get(incident_id).state.value == "triggered"


def test_a_click_takes_it_for_whom_it_was_sent_to(telling: Telling, hook: Hook) -> None:
    incident_id, links = paged(telling, hook)
    telling.clicking.click(links["acknowledge"])
    assert telling.incidents.get(incident_id).acknowledged_by == "bob"
    with pytest.raises(LinkNotValid, match="used already"):
        telling.clicking.click(links["acknowledge"])
    telling.clicking.click(links["resolve"])
    assert telling.incidents.get(incident_id).resolved_by == "bob"


def test_a_click_on_what_is_over_says_so(telling: Telling, hook: Hook) -> None:
    incident_id, links = paged(telling, hook)
    telling.corrections.resolve(incident_id, "ann", None)
    ((record, why),) = telling.clicking.click(links["acknowledge"]).done
    assert (record.resolved_by, why) == ("ann", "the incident is resolved already")


def test_a_link_ends(telling: Telling, hook: Hook) -> None:
    _, links = paged(telling, hook)
    telling.clock.now += LINKS_LAST - timedelta(seconds=1)
    telling.clicking.look(links["acknowledge"])
    telling.clock.now += timedelta(seconds=1)
    with pytest.raises(LinkNotValid, match="too old"):
        telling.clicking.look(links["acknowledge"])


def test_a_changed_link_is_not_ours(telling: Telling, hook: Hook) -> None:
    _, links = paged(telling, hook)
    signed = links["acknowledge"]
    others = Links(b"another secret", "https://x.example")
    forged = others.make(LinkAction.RESOLVE, "k", "ann", telling.clock.now).rpartition("/")[2]
    for changed in (signed[:-1] + ("A" if signed[-1] != "A" else "B"), signed[1:], "", "x", forged):
        with pytest.raises(LinkNotValid):
            telling.clicking.look(changed)
