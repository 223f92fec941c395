"""Bundles in a browser: what they are worth, putting one in force, and going back."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Locator, Page, expect
from psycopg.types.json import Jsonb

from tests.console.weeks import COLUMNS
from tests.fixtures_console import Console, Visit
from tests.fixtures_service import ROOT, StartService
from triage.prediction.manifest import MANIFEST_FILE, manifest_bytes, read_manifest
from triage.prediction.measured import MEASURED

pytestmark = pytest.mark.needs("chromium")

OLD = "of-before"


@pytest.fixture(scope="module")
def models(
    tmp_path_factory: pytest.TempPathFactory, starter_bundle: Path, trained_bundle: Path, muddled_bundle: Path
) -> Path:
    """Four bundles: the newest, of a muddled history; one of another history; one that does not know curves yet; a
    starter."""
    folder = tmp_path_factory.mktemp("bundles")
    for bundle in (starter_bundle, trained_bundle, muddled_bundle):
        shutil.copytree(bundle, folder / bundle.name)
    _without_curves(shutil.copytree(trained_bundle, folder / OLD))
    return folder


def _without_curves(bundle: Path) -> None:
    """As an earlier version of training wrote it."""
    manifest = read_manifest(bundle)
    quality = {
        head: {name: value for name, value in said.items() if name != MEASURED}
        for head, said in manifest.quality.items()
    }
    earlier = replace(manifest, version=OLD, quality=quality, created_at=manifest.created_at - timedelta(days=90))
    (bundle / MANIFEST_FILE).write_bytes(manifest_bytes(earlier))


@pytest.fixture(scope="module")
def console(start_shared: StartService, models: Path) -> Console:
    service = start_shared(started=False, MODELS_DIR=models)
    shutil.rmtree(service.config)
    shutil.copytree(ROOT / "config", service.config)
    return Console(service.start())


@pytest.fixture
def newest(muddled_bundle: Path) -> str:
    return muddled_bundle.name


def in_force(console: Console) -> str:
    return str(console.service.get("/v1/models").json()["in_force"])


def promote(page: Page, version: str, reason: str) -> None:
    page.goto(f"/models/{version}")
    page.get_by_role("textbox", name="Why").fill(reason)
    page.get_by_role("button", name="Put it in force").click()


def section(page: Page, heading: str) -> Locator:
    return page.locator("section", has=page.get_by_role("heading", name=heading, exact=True))


def test_what_decides_is_told_with_what_it_is_worth(visit: Visit, newest: str) -> None:
    page = visit.go("/models")
    card = page.locator("section", has=page.get_by_role("heading", name="In force", exact=True))
    assert newest in card.inner_text()
    assert "the first bundle" in card.inner_text()
    assert "Owning team" in card.inner_text()
    assert "tickets-2025" not in page.title()
    expect(card.get_by_text("at most 10 % of true Critical")).to_have_count(1)
    expect(page.get_by_role("row").filter(has_text="whole")).to_have_count(3)
    visit.shown("models")


def test_a_bundle_shows_its_curves_and_confusions_and_what_it_never_learnt(visit: Visit, newest: str) -> None:
    page = visit.go("/models")
    page.locator("#main table").get_by_role("link", name=newest).first.click()
    team = page.locator("section", has=page.get_by_role("heading", name="Owning team", exact=True))
    team.locator(".chart canvas").first.wait_for()
    assert team.locator(".chart canvas").count() >= 2
    assert team.locator(".confusion tbody tr").count() >= 6
    scarce = team.locator("table", has=page.get_by_text("never learnt: left to the rules"))
    assert {"facilities", "legal"} <= set(scarce.locator("th[scope=row]").all_inner_texts())
    visit.shown("model")


def test_charts_are_told_as_tables_too(visit: Visit, newest: str) -> None:
    page = visit.go(f"/models/{newest}")
    page.get_by_text("As a table of do its probabilities mean").first.click()
    rows = page.locator("figure details[open] tbody tr")
    assert rows.count() >= 3
    assert "%" in rows.nth(1).inner_text()


def test_another_bundle_is_put_in_force_with_a_reason_and_taken_back(
    visit: Visit, console: Console, newest: str, trained_bundle: Path
) -> None:
    page = visit.go(f"/models/{trained_bundle.name}")
    expect(page.get_by_role("heading", name="Beside the one in force")).to_have_count(1)
    promote(page, trained_bundle.name, "better on March")
    page.get_by_text(f"{trained_bundle.name} is in force.").wait_for()
    assert in_force(console) == trained_bundle.name
    page.goto("/models")
    newest_move = (
        page.locator("section", has=page.get_by_role("heading", name="What was in force")).locator("tr").nth(1)
    )
    assert "better on March" in newest_move.inner_text()
    page.get_by_role("textbox", name="Why").fill("sends refunds to the wrong team")
    page.get_by_role("button", name="Go back to what was in force before").click()
    page.get_by_text(f"{newest} is in force again.").wait_for()
    assert in_force(console) == newest
    assert "sends refunds to the wrong team" in page.locator("#main").inner_text()
    assert "back to" in page.locator("#main").inner_text()


def test_a_bundle_runs_beside_first_and_its_figures_are_shown(
    visit: Visit, console: Console, newest: str, trained_bundle: Path
) -> None:
    page = visit.go("/models")
    card = page.locator("section", has=page.get_by_role("heading", name="Challenger", exact=True))
    assert "No bundle runs beside" in card.inner_text()
    page.goto(f"/models/{trained_bundle.name}")
    page.get_by_text("Or let it run beside first").click()
    page.get_by_role("textbox", name="Why beside").fill("was better in the comparison")
    page.get_by_role("button", name="Let it run beside").click()
    page.get_by_text(f"{trained_bundle.name} runs beside the one in force.").wait_for()
    assert "was better in the comparison" in card.inner_text()
    for number in range(6):
        console.fire(title=f"Refund {number} of the card payment is stuck", service=f"shop-{number}", source="api")
    console.service.wait_until(
        lambda: console.service.get("/v1/models/shadow").json()["report"]["counts"]["incidents"] == 6, "asked"
    )
    page.goto("/models")
    while page.get_by_text("being added up").count():
        page.reload()
    assert "Asked about 6 incidents" in card.inner_text()
    assert "nobody has judged any of these" in card.inner_text()
    assert "Too few decisions to see a drift" in section(page, "Does it still fit?").inner_text()
    visit.shown("models-challenger")
    card.get_by_text("End it", exact=True).click()
    card.get_by_role("textbox", name="Why end it").fill("seen enough")
    card.get_by_role("button", name="End the challenge").click()
    expect(card.get_by_text("No bundle runs beside")).to_be_visible()
    assert console.service.get("/v1/models/shadow").json() == {"report": None}


_AGAIN = f"""
WITH new AS (SELECT gen_random_uuid() AS incident, gen_random_uuid() AS decision, gen_random_uuid() AS pattern),
decided AS (
    INSERT INTO decision (id, incident_id, decided_at, inputs, record)
    SELECT new.decision, new.incident, %(at)s, d.inputs,
        jsonb_set(d.record, '{{team}}', d.record->'team' || %(team)s)
    FROM new, decision AS d JOIN incident AS i ON i.decision_id = d.id WHERE i.id = %(incident)s
), opened AS (
    INSERT INTO incident ({COLUMNS["incident"]}) SELECT {COLUMNS["incident"]} FROM (
        SELECT (jsonb_populate_record(i, jsonb_build_object('id', new.incident, 'decision_id', new.decision,
            'opened_at', %(at)s, 'state', 'resolved', 'status', 'resolved'))).*
        FROM new, incident AS i WHERE i.id = %(incident)s
    ) AS copied
)
INSERT INTO review_item SELECT (jsonb_populate_record(q, jsonb_build_object('incident_id', new.incident,
    'decision_id', new.decision, 'pattern_id', new.pattern, 'opened_at', %(at)s, 'lead', false))).*
FROM new, review_item AS q WHERE q.incident_id = %(incident)s
"""
"""Another incident like one, of a pattern of its own, at another time, of which ``team`` was concluded."""


def test_a_drift_is_told_with_its_weeks(
    visiting: Callable[..., Visit], start_service: StartService, models: Path
) -> None:
    service = start_service(started=False, MODELS_DIR=models)
    shutil.rmtree(service.config)
    shutil.copytree(ROOT / "config", service.config)
    console = Console(service.start())
    incident = console.fire(title="Card payments are declined", service="payment-gateway", source="api")
    now = datetime.now(UTC)
    assert service.database_url is not None
    with psycopg.connect(service.database_url, autocommit=True) as db:
        for number in range(400):
            at = now - timedelta(days=56 * (number + 1) / 401)
            acts = number % 4 != 0 if number >= 100 else number % 4 == 0
            team = {"source": "model" if acts else "fallback", "abstained": not acts, "probability": 0.9}
            db.execute(_AGAIN, {"incident": incident, "at": at, "team": Jsonb(team)})
    visit = visiting(console)
    page = visit.go("/models")
    while page.get_by_text("being added up").count():
        page.reload()
    told = section(page, "Does it still fit?")
    assert "It drifts: it acts alone on 25 % of incidents lately, and did on 75 % before" in told.inner_text()
    told.locator(".chart canvas").first.wait_for()
    visit.shown("models-drift")


def test_nobody_promotes_over_what_a_colleague_did_a_moment_ago(
    visit: Visit, console: Console, newest: str, trained_bundle: Path
) -> None:
    page = visit.go(f"/models/{trained_bundle.name}")
    body = {"version": OLD, "reason": "a trial"}
    assert console.service.post("/v1/models/promote", body).status_code == 200
    page.get_by_role("textbox", name="Why").fill("better on March")
    visit.expected.append("409")
    page.get_by_role("button", name="Put it in force").click()
    page.get_by_text("look again, then decide").wait_for()
    assert in_force(console) == OLD
    assert console.service.post("/v1/models/rollback", {"reason": "over"}).status_code == 200
    assert in_force(console) == newest


def test_a_bundle_of_before_curves_were_kept_says_so(visit: Visit) -> None:
    page = visit.go(f"/models/{OLD}")
    team = page.locator("section", has=page.get_by_role("heading", name="Owning team", exact=True))
    assert "were not measured" in team.inner_text()
    assert "Right in 100 %" in team.inner_text()


def test_a_refused_bundle_says_why_and_cannot_be_put_in_force(visit: Visit, models: Path, newest: str) -> None:
    broken = shutil.copytree(models / newest, models / "broken")
    try:
        (broken / "card.md").write_text("something else", "utf-8")
        page = visit.go("/models")
        row = page.get_by_role("row").filter(has_text="refused")
        assert "expected version broken" in row.inner_text()
        row.get_by_role("link").click()
        page.get_by_text("This bundle is refused").wait_for()
        expect(page.get_by_role("button", name="Put it in force")).to_have_count(0)
    finally:
        shutil.rmtree(broken)


def test_a_bundle_that_is_not_there_is_not_found_and_others_are_named(visit: Visit, newest: str) -> None:
    visit.expected.append("404")
    visit.page.goto("/models/nothing")
    assert newest in visit.page.locator("main").inner_text()


def test_a_starter_says_what_it_can_do_and_how_to_train(
    visiting: Callable[..., Visit], own_console: Console
) -> None:
    visit = visiting(own_console)
    page = visit.go("/models")
    card = page.locator("section", has=page.get_by_role("heading", name="In force", exact=True)).inner_text()
    assert "learnt from nobody's incidents" in card
    assert "python -m training train" in card
    visit.shown("models-starter")


def test_responders_look_and_engineers_decide(visiting: Callable[..., Visit], own_console: Console) -> None:
    token = own_console.token("ines")
    engineer = own_console.token("wei", role="engineer")
    visit = visiting(own_console)
    page = visit.sign_in(token, to="/models")
    assert "Engineers can go back" in page.locator("main").inner_text()
    csrf = page.locator("input[name=csrf]").first.get_attribute("value") or ""
    version = in_force_by(own_console, engineer)
    refused = page.request.post(f"/models/{version}/promote", form={"csrf": csrf, "reason": "because"})
    assert refused.status == 403
    other = visiting(own_console)
    page = other.sign_in(engineer, to=f"/models/{version}")
    assert "It decides now" in page.locator("main").inner_text()


def in_force_by(console: Console, token: str) -> str:
    answer = console.service.get("/v1/models", headers={"Authorization": f"Bearer {token}"})
    return str(answer.json()["in_force"])
