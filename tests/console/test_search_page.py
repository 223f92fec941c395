"""One search over everything, in a browser."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.console.recurring import live_through
from tests.fixtures_console import Console, Visit

pytestmark = pytest.mark.needs("chromium")

HOSTILE = (
    "'", "\\", "'; DROP TABLE incident; --", "<script>alert(1)</script>", "%", "_", "a:* & !b", "!!! ???",
    "\u202ecod.exe", "W" * 5_000, "\x00", "é" * 300, "%(q)s {} {{ 7 * 7 }}",
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def some(console: Console, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Two months of history, and a pattern with a known fix that is silent."""
    live_through(console, tmp_path_factory.mktemp("history"))
    fired = console.service.fire(title="Checkout error rate above 31%", service="checkout-api", source="api")
    pattern = str(fired["incident"]["pattern_id"])
    console.service.post(f"/v1/patterns/{pattern}/known-fix", {"fix": "Roll the checkout release back"})
    console.service.post(f"/v1/patterns/{pattern}/silence", {"reason": "being rolled back", "for": "PT1H"})
    return {"incident": str(fired["incident"]["id"]), "pattern": pattern}


def group(page: Page, title: str) -> Locator:
    return page.locator("#found section", has=page.get_by_role("heading", name=title, exact=True))


def test_the_head_of_every_page_leads_to_everything_that_has_the_words(visit: Visit) -> None:
    page = visit.go("/oncall")
    page.keyboard.press("/")
    page.keyboard.type("checkout")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?q=checkout")
    incidents = group(page, "Incidents")
    expect(incidents.locator("li")).to_have_count(5)
    assert "Checkout error rate above 31%" in incidents.locator("li").first.inner_text()
    assert "triggered" in incidents.locator("li").first.inner_text()
    patterns = group(page, "Patterns").locator("li")
    expect(patterns).to_have_count(1)
    assert "✓ known fix" in patterns.inner_text()
    fixes = group(page, "Fixes").locator("li").all_inner_texts()
    assert "Roll the checkout release back" in fixes[0]
    assert "Restarted the checkout pods" in fixes[1]
    assert "resolved it" in fixes[1]
    runbooks = group(page, "Runbooks and teams")
    assert "https://runbooks.fernway.example/checkout" in runbooks.inner_text()
    visit.shown("search")
    patterns.get_by_role("link").first.click()
    page.wait_for_url("**/patterns/*")


def test_results_follow_what_is_typed_and_so_does_the_address(visit: Visit) -> None:
    # Typing on takes back what was asked before, which htmx tells the console where the service is slow.
    visit.expected.append("htmx:")
    page = visit.go("/search")
    assert page.locator("#find").evaluate("one => one === document.activeElement")
    page.keyboard.type("nightly back", delay=15)
    group(page, "Patterns").get_by_role("link", name="Nightly backup of orders-db failed").wait_for()
    page.wait_for_url(re.compile(r"/search\?q=nightly(\+|%20)back$"))
    page.keyboard.type("x")
    page.get_by_text("Nothing has words that begin so.").wait_for()
    for _ in "xback":
        page.keyboard.press("Backspace")
    group(page, "Fixes").get_by_text("Freed space on the backup volume").wait_for()
    page.locator("#find").fill("")
    page.get_by_text("Write the first letters").wait_for()
    expect(page.locator("#found section")).to_have_count(0)


def test_more_of_one_kind_is_shown_and_leads_on_to_the_list(visit: Visit) -> None:
    page = visit.go("/search?q=checkout+error")
    page.get_by_role("link", name="More incidents").click()
    assert "only=incidents" in page.url
    assert page.get_by_role("heading", level=2).all_inner_texts() == ["Incidents"]
    expect(group(page, "Incidents").locator("li")).to_have_count(50)
    page.get_by_role("link", name="As a list with filters").click()
    expect(page.locator("#incidents tr.row")).to_have_count(50)
    page.go_back()
    page.get_by_role("link", name="Everything").click()
    assert page.get_by_role("heading", level=2).count() > 1


def test_an_identifier_leads_to_what_it_is_of(visit: Visit, some: dict[str, str]) -> None:
    for kind, ident in some.items():
        page = visit.go(f"/search?q={ident}")
        page.get_by_role("link", name=f"{'an' if kind == 'incident' else 'a'} {kind}", exact=True).click()
        page.wait_for_url(f"**/{kind}s/{ident}")


def test_teams_and_their_services_are_found_by_any_of_their_words(visit: Visit) -> None:
    page = visit.go("/search?q=noc")
    assert "Triage desk" in group(page, "Runbooks and teams").inner_text()
    page = visit.go("/search?q=ORDERS_db")
    found = group(page, "Runbooks and teams").locator("li").first
    assert "https://runbooks.fernway.example/orders-db" in found.inner_text()
    found.get_by_role("link").first.click()
    page.wait_for_url("**/incidents?service=orders-db")


@pytest.mark.parametrize("asked", HOSTILE)
def test_whatever_is_asked_is_answered_as_text(visit: Visit, asked: str) -> None:
    answer = visit.page.goto("/search")
    assert answer is not None
    answer = visit.page.request.get("/search", params={"q": asked})
    assert answer.status == 200
    visit.page.locator("#find").evaluate("(one, asked) => { one.maxLength = 99999; one.value = asked; }", asked)
    visit.page.get_by_role("button", name="Search").click()
    expect(visit.page.get_by_role("heading", name="Search", exact=True)).to_be_visible()
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert visit.page.evaluate(overflow) <= 0


def test_texts_of_others_are_shown_as_they_are(visit: Visit, console: Console) -> None:
    title = "<b>zebra</b> \u202egpj " + "Z" * 900
    fired = console.service.fire(title=title, service="zoo", source="api", dedup_key="z")
    console.service.post(f"/v1/incidents/{fired['incident']['id']}/resolve", {"resolution": "<i>" + "R" * 7_000})
    visit.go("/search?q=zebra")
    assert "<b>zebra</b> gpj" in group(visit.page, "Incidents").inner_text()
    visit.shown("search-odd")


def test_it_works_without_scripts_and_on_a_phone(visiting: Callable[..., Visit], console: Console) -> None:
    visit = visiting(console, java_script_enabled=False)
    page = visit.go("/search")
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_label("Incidents, patterns, what fixed them, and runbooks").fill("disk var")
    page.get_by_role("button", name="Search").click()
    expect(group(page, "Patterns").get_by_role("link", name="Disk /var on … full")).to_be_visible()


def test_only_who_may_look_is_answered(visiting: Callable[..., Visit], own_console: Console) -> None:
    token = own_console.token("ines")
    visit = visiting(own_console)
    page = visit.page
    page.goto("/search?q=checkout")
    page.wait_for_url("**/sign-in?next=*")
    page.get_by_label("Your personal token").fill(token)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/search?q=checkout")
