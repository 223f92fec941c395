"""Who is on call, in a browser."""

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from tests.fixtures_console import Console, Visit

pytestmark = pytest.mark.needs("chromium")


@pytest.fixture(scope="module")
def ines(console: Console) -> str:
    return console.token("ines")


def field(moment: datetime) -> str:
    return moment.astimezone(ZoneInfo("Europe/Berlin")).strftime("%Y-%m-%dT%H:%M")


def test_it_shows_who_is_on_call_and_my_own_ways(
    visiting: Callable[..., Visit], console: Console, ines: str
) -> None:
    visit = visiting(console)
    page = visit.sign_in(ines, "/oncall")
    duties = page.request.get("/v1/oncall", headers={"Authorization": f"Bearer {ines}"}).json()["schedules"]
    for duty in duties:
        plan = page.locator(f"#plan-{duty['schedule']}")
        assert duty["person"]["name"] in plan.inner_text()
    me = page.locator("section", has=page.get_by_role("heading", name="Me", exact=True))
    assert "ines@fernway.example" in me.inner_text()
    page.get_by_text("Shifts", exact=True).first.click()
    visit.shown("oncall")


def test_a_test_page_is_sent_and_it_says_what_became_of_it(
    visiting: Callable[..., Visit], console: Console, ines: str
) -> None:
    page = visiting(console).sign_in(ines, "/oncall")
    page.get_by_role("button", name="Send me a test page").click()
    page.get_by_text("A test page is on its way").wait_for()
    for _ in range(40):
        page.wait_for_timeout(250)
        page.reload()
        if page.get_by_text("ago: sent").count():
            return
    raise AssertionError(page.locator("main").inner_text())


def test_a_shift_is_taken_over_and_given_back(visiting: Callable[..., Visit], console: Console, ines: str) -> None:
    page = visiting(console).sign_in(ines, "/oncall")
    start = datetime.now(ZoneInfo("Europe/Berlin")).replace(minute=0) + timedelta(days=9)
    page.get_by_label("Schedule").select_option("payments")
    page.get_by_label("From").first.fill(field(start))
    page.get_by_label("Until").first.fill(field(start + timedelta(hours=3)))
    page.get_by_label("Reason").fill("dentist")
    page.get_by_role("button", name="Take over").click()
    page.get_by_text("Inês Prado answers for payments then").wait_for()
    assert "dentist" in page.locator(".swap").inner_text()
    page.get_by_role("button", name="Cancel the swap of ines").click()
    page.get_by_text("The swap is cancelled").wait_for()
    expect(page.locator(".swap")).to_have_count(0)


def test_a_time_that_ends_before_it_begins_is_refused_in_words(
    visiting: Callable[..., Visit], console: Console, ines: str
) -> None:
    visit = visiting(console)
    page = visit.sign_in(ines, "/oncall")
    visit.expected.append("422")
    page.get_by_label("Until").first.fill("2026-01-01T00:00")
    page.get_by_role("button", name="Take over").click()
    assert "ends_at: must be later than starts_at" in page.get_by_role("alert").inner_text().lower()
