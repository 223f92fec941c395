"""Reporting an incident, in a browser."""

import pytest

from tests.fixtures_console import Console, Visit

pytestmark = pytest.mark.needs("chromium")


def test_it_says_what_would_become_of_it_before_it_is_sent(visit: Visit, console: Console) -> None:
    page = visit.go("/report")
    page.get_by_label("Title").fill("Card authorisations fail for everybody")
    page.get_by_label("Service").fill("payment-gateway")
    page.get_by_label("Environment").fill("production")
    page.get_by_label("Severity").select_option("critical")
    preview = page.locator("#preview")
    preview.get_by_role("heading", name="What would become of it").wait_for()
    preview.locator(".badge.p1").wait_for()
    assert "Payments" in preview.inner_text()
    assert "Step 1" in preview.inner_text()
    assert console.service.incidents(state="triggered", q="everybody") == []
    visit.shown("report")
    page.get_by_role("button", name="Report").click()
    page.get_by_text("It is reported.").wait_for()
    found = console.service.incidents(q="everybody")[0]
    assert (found["priority"], found["team"], found["source"]) == ("P1", "payments", "console")
    assert found["event"]["reporter"] == "local"


def test_whoever_finds_it_open_already_adds_to_it(visit: Visit, console: Console) -> None:
    known = console.fire(
        title="Label printer in Cologne is offline", source="servicedesk", description="LK-2 is dead"
    )
    page = visit.go("/report?title=Label printer in Cologne is offline again")
    page.get_by_label("Description").fill("LK-2 is dead, since noon")
    page.get_by_label("It is this one").first.check()
    page.get_by_role("button", name="Report").click()
    page.get_by_text("Your report is a note of this incident").wait_for()
    assert page.url.endswith(known)
    assert "since noon" in page.locator(".c-timeline").inner_text()


def test_everything_that_is_filled_in_arrives(visit: Visit, console: Console) -> None:
    page = visit.go("/report")
    page.get_by_label("Title").fill("Customers of one region see prices of another")
    page.get_by_label("Since").fill("2026-11-20T08:30")
    page.get_by_label("Impact").select_option("high")
    page.get_by_label("Urgency").select_option("high")
    page.get_by_label("Observations").fill("seen in three shops")
    page.get_by_label("Link 1").fill("https://shop.example/item/1")
    page.get_by_label("Customer tier").select_option("vip")
    page.get_by_label("A regulator asks for it").check()
    page.get_by_role("button", name="Report").click()
    page.get_by_text("It is reported.").wait_for()
    event = console.service.incidents(q="prices")[0]["event"]
    assert event["started_at"] == "2026-11-20T07:30:00Z"
    assert (event["impact"], event["urgency"], event["customer_tier"]) == ("high", "high", "vip")
    assert event["evidence"][0]["text"] == "seen in three shops"
    assert event["links"][0]["href"] == "https://shop.example/item/1"
    assert event["regulated"] is True


def test_a_fault_is_named_and_nothing_that_was_written_is_lost(visit: Visit) -> None:
    page = visit.go("/report")
    page.get_by_label("Title").fill("Faulty")
    page.get_by_label("Description").fill("what I wrote")
    page.get_by_label("Link 1").evaluate("field => { field.type = 'text'; field.value = 'not an address'; }")
    visit.expected.append("422")
    page.get_by_role("button", name="Report").click()
    page.get_by_role("alert").first.wait_for()
    assert "links.0.href" in page.get_by_role("alert").first.inner_text()
    assert page.get_by_label("Description").input_value() == "what I wrote"


def test_a_form_that_is_sent_twice_opens_one_incident(visit: Visit, console: Console) -> None:
    page = visit.go("/report")
    page.get_by_label("Title").fill("Sent twice by an impatient hand")
    form = {name: page.locator(f"[name={name}]").first.input_value() for name in ("csrf", "once", "title")}
    for _ in range(2):
        answer = page.request.post("/report", form=form, headers={"origin": visit.url}, max_redirects=0)
        assert answer.status == 303
    found = console.service.incidents(q="impatient")
    assert [incident["deliveries"] for incident in found] == [1]
