"""What is looked after beside requests: a part that fails keeps none of the others from it."""

import pytest

from tests.fixtures_api import Api
from triage.store.watching import Health


def test_a_part_that_fails_keeps_no_other_from_it(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    service, done = api.service, list[str]()

    def fail() -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(service.parts.asking, "ask", fail)
    monkeypatch.setattr(service.parts.watching, "look", fail)
    monkeypatch.setattr(service.parts.reviewing, "remind", lambda: done.append("reminded"))
    service.watch()
    assert done == ["reminded"]
    assert api.metric("triage_failures_total", code="unexpected") >= 2


def test_what_is_not_well_is_told_by_readyz(api: Api) -> None:
    assert "telling" not in api.service.degraded
    api.service.health = Health(late=2, stuck=0, dead=1)
    told = api.get("/readyz").json()["degraded"]["telling"]
    assert told == "2 escalations are late; 1 messages were given up of late"
