"""Looking back: what figures say of invented weeks, as a manager reads them."""

import csv
import io
import shutil
from collections.abc import Callable
from datetime import UTC, datetime

import psycopg
import pytest

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


def tile(visit: Visit, name: str) -> str:
    found = visit.page.locator(".tiles > li", has=visit.page.get_by_text(name, exact=True))
    return found.first.inner_text()


def test_a_period_is_told_against_the_one_before(visit: Visit) -> None:
    page = visit.go("/insights?period=30d")
    page.locator(".chart canvas").first.wait_for()
    assert "better" in tile(visit, "Taken within")
    assert "before:" in tile(visit, "Escalated")
    assert page.locator(".chart canvas").count() == 5
    visit.shown("insights")
