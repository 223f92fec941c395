"""Looking back: what figures say of invented weeks, as a manager reads them."""

import csv
import io
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from playwright.sync_api import Page, expect

from tests.console.weeks import SAMPLE, Weeks, live_through
from tests.fixtures_console import Console, Visit
from tests.fixtures_service import ROOT, StartService

pytestmark = pytest.mark.needs("chromium")


@pytest.fixture(scope="module")
def console(start_shared: StartService) -> Console:
    """One that asks people to look at more incidents than others do."""
    service = start_shared(started=False, MODELS_DIR=ROOT / "models", REVIEW_SAMPLE=str(SAMPLE))
    shutil.rmtree(service.config)
    shutil.copytree(ROOT / "config", service.config)
    return Console(service.start())


@pytest.fixture(scope="module", autouse=True)
def weeks(console: Console) -> Weeks:
    """Eight weeks that the service remembers."""
    lived = Weeks(until=datetime.now(UTC), weeks=8, incidents=900)
    assert console.service.database_url is not None
    with psycopg.connect(console.service.database_url, autocommit=True) as db:
        live_through(db, lived)
    return lived


def look(visit: Visit, query: str = "") -> Page:
    """The page with its figures, which a busy machine may add up a little later."""
    page = visit.go(f"/insights{query}")
    figures(page)
    return page


def figures(page: Page) -> None:
    page.locator("#figures:not([aria-busy])").wait_for()


def tile(visit: Visit, name: str) -> str:
    found = visit.page.locator(".tiles > li", has=visit.page.get_by_text(name, exact=True))
    return found.first.inner_text()


def test_a_period_is_told_against_the_one_before(visit: Visit) -> None:
    page = look(visit, "?period=30d")
    page.locator(".chart canvas").first.wait_for()
    assert "better" in tile(visit, "Taken within")
    assert "before:" in tile(visit, "Escalated")
    expect(page.locator(".chart canvas")).to_have_count(5)
    visit.shown("insights")


def test_the_period_and_the_grouping_stand_in_the_address(visit: Visit) -> None:
    page = look(visit)
    page.get_by_role("link", name="90 days").click()
    page.get_by_role("link", name="by priority").click()
    figures(page)
    assert "period=90d" in page.url
    assert "by=priority" in page.url
    table = page.locator("table", has=page.get_by_role("columnheader", name="Half taken in"))
    assert table.locator("tbody th").all_inner_texts() == ["P1", "P2", "P3", "P4"]
    assert tile(visit, "Incidents").startswith("Incidents\n900")


def test_days_are_chosen_by_hand(visit: Visit, weeks: Weeks) -> None:
    page = look(visit)
    first = (weeks.until - timedelta(days=20)).date()
    page.get_by_label("From").fill(first.isoformat())
    page.get_by_label("To, that day included").fill((first + timedelta(days=6)).isoformat())
    page.get_by_role("button", name="Look back").click()
    page.get_by_role("heading", name="Who is woken").wait_for()
    assert f"from={first}" in page.url
    assert 60 < int(tile(visit, "Incidents").split("\n")[1]) < 180


def test_a_period_that_ends_before_it_begins_is_refused(visit: Visit) -> None:
    visit.expected.append("422")
    visit.page.goto("/insights?from=2026-03-02&to=2026-03-01")
    assert "A period begins before it ends" in visit.page.locator("main").inner_text()


def test_a_period_without_incidents_says_so(visit: Visit) -> None:
    page = look(visit, "?from=2020-03-02&to=2020-03-08")
    assert "No incident was opened in this period" in page.locator("main").inner_text()
    assert "Nobody was paged in this period" in page.locator("main").inner_text()


def test_who_is_woken_is_told_by_hour_and_as_a_table(visit: Visit) -> None:
    page = look(visit, "?period=90d")
    row = page.get_by_role("row").filter(has_text="Felix Romero").first
    expect(row.locator("svg rect")).to_have_count(24)
    page.get_by_text("Pages by hour as a table").click()
    table = page.locator("table", has=page.get_by_role("columnheader", name="23", exact=True))
    counts = table.get_by_role("row").filter(has_text="Felix Romero").locator("td").all_inner_texts()
    assert sum(map(int, counts)) == int(row.locator("td").first.inner_text().replace(",", ""))


def test_deadlines_are_held_against_what_people_can_do(visit: Visit) -> None:
    page = look(visit, "?period=90d")
    rows = page.locator("section", has=page.get_by_role("heading", name="Deadlines against reality"))
    assert "standard, step 1" in rows.inner_text()
    assert "or page more people" in rows.inner_text()


def test_how_right_the_machine_is_says_how_sure_and_of_what(visit: Visit) -> None:
    page = look(visit, "?period=90d")
    part = page.locator("section", has=page.get_by_role("heading", name="How right the machine is"))
    said = part.inner_text()
    assert "random sample of 19 %" in said
    assert "95 of 100 cases" in said
    assert " – " in tile(visit, "Right about the team")
    assert "beyond chance" in tile(visit, "Reviewers agree on the team")
    expect(part.get_by_role("heading", name="Since your corrections")).to_have_count(1)
    expect(part.locator(".chart canvas")).to_have_count(1)


def test_figures_are_taken_along_as_files(visit: Visit) -> None:
    page = look(visit, "?period=90d&by=service")
    with page.expect_download() as loading:
        page.get_by_role("link", name="CSV of groups").click()
    rows = list(csv.DictReader(io.StringIO(loading.value.path().read_text("utf-8"))))
    assert rows[0]["group"] == "all"
    assert {"edge", "orders-db"} <= {row["group"] for row in rows}
    assert sum(int(row["incidents"]) for row in rows[1:]) == int(rows[0]["incidents"])
    model = page.request.get("/insights/export.csv?table=model&period=90d")
    assert model.headers["content-type"] == "text/csv; charset=utf-8"
    assert "by,group,looked_at,precision,low,high" in model.text()
    assert page.request.get("/insights/export.json?table=model").json()["reviewed"] > 0
    assert page.request.get("/insights/export.csv?table=nothing").status == 404


def test_without_scripts_the_figures_are_there_too(visiting: Callable[..., Visit], console: Console) -> None:
    page = visiting(console, java_script_enabled=False).go("/insights?period=90d&wait=1")
    page.get_by_text("As a table of until somebody takes it").click()
    assert page.locator("figure details[open] tbody tr").count() >= 8
