"""The list of incidents, in a browser."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.fixtures_console import Console, Visit

pytestmark = pytest.mark.needs("chromium")


@pytest.fixture(scope="module", autouse=True)
def some(console: Console) -> dict[str, str]:
    """Incidents that the tests of this module find."""
    told = {
        "checkout": {"title": "Checkout error rate above 5%", "service": "checkout-api", "severity": "critical"},
        "lag": {"title": "Replication lag above 30 s", "service": "orders-db", "severity": "warning"},
        "backup": {"title": "Nightly backup job failed", "service": "data-warehouse", "environment": "staging"},
        "certificate": {"title": "Certificate expires in 6 days", "service": "search", "severity": "info"},
    }
    return {name: console.fire(source="monitor", **fields) for name, fields in told.items()}


def titles(visit: Visit) -> list[str]:
    return visit.page.locator("#incidents .c-title a").all_inner_texts()


def test_what_is_open_is_listed_the_most_urgent_first(visit: Visit) -> None:
    visit.go("/")
    priorities = visit.page.locator("#incidents .c-priority").all_inner_texts()
    assert len(priorities) >= 4
    assert priorities == sorted(priorities)
    visit.shown("incidents")


def test_filters_stand_in_the_address(visit: Visit) -> None:
    page = visit.go("/incidents")
    page.get_by_text("Filters", exact=True).click()
    page.get_by_label("Service").fill("orders-db")
    page.get_by_role("button", name="Filter", exact=True).click()
    assert "service=orders-db" in page.url
    assert titles(visit) == ["Replication lag above 30 s"]
    page.get_by_role("link", name="Clear").click()
    assert len(titles(visit)) >= 4


def test_words_of_a_title_are_found(visit: Visit) -> None:
    visit.go("/incidents?q=backup")
    assert titles(visit) == ["Nightly backup job failed"]


def test_nothing_found_says_so_and_leads_back(visit: Visit) -> None:
    page = visit.go("/incidents?q=unheardof")
    page.get_by_role("link", name="Show everything that is open").click()
    assert len(titles(visit)) >= 4


def test_a_new_incident_appears_by_itself_in_its_place(visit: Visit, console: Console) -> None:
    page = visit.go("/")
    page.wait_for_selector("body[data-connected=yes]")
    title = "Card authorisations fail with code 05"
    console.fire(title=title, service="payment-gateway", severity="critical", source="monitor")
    page.get_by_role("link", name=title).wait_for()
    priorities = page.locator("#incidents .c-priority").all_inner_texts()
    assert priorities == sorted(priorities)


def test_an_incident_that_is_taken_elsewhere_is_shown_as_taken(
    visit: Visit, console: Console, some: dict[str, str]
) -> None:
    page = visit.go("/")
    page.wait_for_selector("body[data-connected=yes]")
    row = page.locator(f"#row-{some['lag']}")
    assert row.locator(".state").inner_text() == "triggered"
    console.service.post(f"/v1/incidents/{some['lag']}/acknowledge")
    row.locator(".state.is-acknowledged").wait_for()


def test_what_does_not_fit_the_filters_stays_away(visit: Visit, console: Console) -> None:
    page = visit.go("/incidents?service=search")
    page.wait_for_selector("body[data-connected=yes]")
    console.fire(title="Not for this list", service="orders-db", source="monitor")
    console.fire(title="For this list", service="search", source="monitor")
    page.get_by_role("link", name="For this list").wait_for()
    expect(page.get_by_role("link", name="Not for this list")).to_have_count(0)


def test_more_are_shown_behind_the_first_page(visiting: Callable[..., Visit], console: Console) -> None:
    for number in range(60):
        console.fire(title=f"Queue {number} is long", dedup_key=f"queue-{number}", service=f"worker-{number}")
    visit = visiting(console)
    visit.go("/incidents?q=queue&order=newest")
    first = titles(visit)
    assert len(first) == 50
    visit.page.get_by_role("link", name="Show more").click()
    visit.page.locator("#incidents tr.row").nth(59).wait_for()
    assert len(set(titles(visit))) == 60
    assert titles(visit)[:50] == first
