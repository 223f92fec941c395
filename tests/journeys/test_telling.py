"""A whole P1 as people live it: told by mail and by webhook with everything they need, answered by a link."""

import httpx
import pytest

from tests.fixtures_receivers import Hook, Mailbox
from tests.fixtures_service import Service, StartService
from tests.fixtures_store import CATALOGUE, POLICY

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def catalogue(hook: Hook, mailbox: Mailbox) -> str:
    mail = f"mailto://127.0.0.1:{mailbox.port}?from=triage@northwind.example&to={{address}}&mode=insecure"
    before = CATALOGUE.partition("gateways:")[0]
    return (
        before.replace("name: Databases\n", "name: Databases\n    lead: person:ann\n")
        + f"""
channels:
  room: {{stage: war_room, gateway: chat, address: room}}
gateways:
  email: {{url: "{mail}"}}
  chat: {{kind: webhook, url: "{hook.url}/{{address}}", secret: "${{TRIAGE_HOOK_SECRET}}"}}
"""
    )


QUICK = POLICY.replace(
    "{targets: [owner], acknowledge_within: 5m}", "{targets: [owner], channels: [room], acknowledge_within: 2s}"
).replace("{targets: [owner.lead], acknowledge_within: 5m}", "{targets: [owner.lead], acknowledge_within: 1h}")


@pytest.fixture
def service(start_service: StartService, hook: Hook, mailbox: Mailbox) -> Service:
    made = start_service(started=False, HOOK_SECRET=SECRET)
    made.write(catalogue(hook, mailbox), QUICK)
    return made.start()


def link(text: str, word: str) -> str:
    return next(line.partition(": ")[2] for line in text.splitlines() if line.startswith(word))


def test_a_p1_from_alert_to_stand_down(service: Service, hook: Hook, mailbox: Mailbox) -> None:
    sent = service.client.post(
        "/v1/incidents",
        json={"title": "Replication lag above 30 s", "service": "orders-db", "severity": "critical"},
    )
    incident_id = sent.json()["incident"]["id"]
    service.wait_until(lambda: mailbox.to("bob@northwind.example") != [], "Bob has mail")
    service.wait_until(lambda: hook.paths() == ["/room"], "the room knows")
    service.wait_until(lambda: mailbox.to("ann@northwind.example") != [], "the lead has mail, as Bob is silent")
    (text,) = mailbox.texts("ann@northwind.example")
    assert "Told: Bob" in text
    # A preview of the link, as chats and mail programs make it, changes nothing.
    take = link(text, "Take it")
    page = httpx.get(take)
    assert (page.status_code, "<form" in page.text) == (200, True)
    assert service.client.get(f"/v1/incidents/{incident_id}").json()["incident"]["state"] == "triggered"
    assert "You have it." in httpx.post(take).text
    taken = service.client.get(f"/v1/incidents/{incident_id}").json()["incident"]
    assert (taken["state"], taken["acknowledged_by"]) == ("acknowledged", "ann")
    again = httpx.post(take)
    assert (again.status_code, "used already" in again.text) == (410, True)
    assert httpx.get(take[:-3] + "xyz").status_code == 410
    assert "It is resolved." in httpx.post(link(text, "It is over")).text
    for address in ("ann@northwind.example", "bob@northwind.example"):
        service.wait_until(lambda a=address: len(mailbox.to(a)) == 2, "both know it is over")
        assert mailbox.to(address)[1]["subject"].startswith("Over: [P1]")
    listed = service.client.get("/v1/messages").json()["messages"]
    assert {m["state"] for m in listed} == {"sent"}
    assert "Replication" not in service.log


def test_a_test_page_reaches_whom_it_is_for(service: Service, mailbox: Mailbox) -> None:
    assert service.client.post("/v1/messages/test", json={"person": "nobody"}).status_code == 422
    assert service.client.post("/v1/messages/test", json={"person": "bob"}).status_code == 201
    service.wait_until(lambda: mailbox.to("bob@northwind.example") != [], "Bob has mail")
    assert mailbox.to("bob@northwind.example")[0]["subject"] == "Test page"
