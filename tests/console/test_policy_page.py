"""The policy's pages, in a browser: read, asked, checked, backtested, drilled."""

from pathlib import Path

import pytest

from tests.fixtures_console import Console, Visit

pytestmark = pytest.mark.needs("chromium")

SHIPPED = (Path(__file__).resolve().parents[2] / "config" / "escalation.yaml").read_text("utf-8")
PROPOSAL = """
rules:
  - {id: everything, owner: sre, review_after: 2030-01-01, then: {policy: slow}}
policies:
  slow:
    owner: sre
    review_after: 2030-01-01
    kinds: [time]
    steps:
      - {targets: [owner], acknowledge_within: 4h, after: 1h}
"""


def test_the_policy_can_be_read_from_top_to_bottom(visit: Visit) -> None:
    page = visit.go("/policy")
    rules = page.locator(".rules tbody tr td:first-child").all_inner_texts()
    assert rules[-1] == "everything-else"
    page.get_by_role("link", name="goes by policy payments-critical").click()
    card = page.locator("#policy-payments-critical")
    assert "Step 1: the owning team" in card.inner_text()
    assert "5 minutes to answer, told 2 times" in card.inner_text()
    visit.shown("policy")


def test_what_would_happen_if_is_played_and_can_be_shared(visit: Visit) -> None:
    page = visit.go("/policy/what-if")
    page.get_by_label("this came in").fill("Card authorisations fail")
    page.get_by_label("Service").fill("payment-gateway")
    page.get_by_label("Severity").select_option("critical")
    page.get_by_label("At", exact=True).fill("2026-12-25T02:40")
    page.get_by_role("button", name="Play", exact=True).click()
    told = page.locator(".played").inner_text()
    assert "Marta Kowalczyk" in told
    assert "woken" in told
    assert "not acknowledged within the SLA" in told
    visit.shown("what-if")
    visit.go(page.url.removeprefix(visit.url))
    assert page.locator(".played").inner_text() == told
    page.get_by_label("Whoever is paged answers after").fill("12m")
    page.get_by_role("button", name="Play", exact=True).click()
    assert "It is being worked on." in page.locator("main").inner_text()


def test_a_proposed_policy_is_played_in_its_place(visit: Visit) -> None:
    page = visit.go("/policy/what-if?title=Checkout+fails&service=checkout-api")
    page.get_by_text("With another policy or catalogue").click()
    page.get_by_label("escalation.yaml").fill(PROPOSAL)
    page.get_by_role("button", name="Play with these").click()
    assert "Policy slow by rule everything" in page.locator("main").inner_text()


def test_what_cannot_be_asked_is_said_in_words(visit: Visit) -> None:
    page = visit.go("/policy/what-if?title=Checkout+fails")
    visit.expected.append("422")
    page.get_by_label("Whoever is paged answers after").fill("soon")
    page.get_by_role("button", name="Play", exact=True).click()
    assert "answer_within" in page.get_by_role("alert").inner_text().lower()


def test_the_shipped_example_has_no_faults_and_a_broken_one_says_where(visit: Visit) -> None:
    page = visit.go("/policy/check")
    page.get_by_role("status").filter(has_text="Nothing is wrong").wait_for()
    page.get_by_text("With another policy or catalogue").click()
    page.get_by_label("escalation.yaml").fill("rules: []\npolicys: {}\n")
    page.get_by_role("button", name="Check").click()
    assert "escalation.yaml:" in page.get_by_role("alert").inner_text()
    page.get_by_label("escalation.yaml").fill(PROPOSAL)
    page.get_by_role("button", name="Check").click()
    page.locator(".finding").first.wait_for()
    visit.shown("policy-check")


def test_a_changed_policy_is_backtested(visit: Visit, console: Console) -> None:
    for number in range(4):
        console.fire(title=f"Cards fail {number}", service="payment-gateway", severity="critical", source="m")
    page = visit.go("/policy/backtest")
    assert page.get_by_label("escalation.yaml").input_value().strip() == SHIPPED.strip()
    page.get_by_label("escalation.yaml").fill(PROPOSAL)
    page.get_by_role("button", name="Backtest").click()
    page.get_by_role("heading", name="by today's policy and by this one").wait_for()
    assert "→ slow" in page.locator("main").inner_text()
    visit.shown("backtest")


def test_a_drill_on_the_virtual_clock_tells_what_the_engine_did(visit: Visit) -> None:
    page = visit.go("/policy/drill")
    page.get_by_role("button", name="Drill", exact=True).click()
    page.get_by_text("The engine did what the policy says.").wait_for()
    assert "as planned" in page.locator("section", has_text="Earlier drills").last.inner_text()
    visit.shown("drill")


def test_a_real_drill_asks_whether_one_is_sure(visit: Visit, console: Console) -> None:
    page = visit.go("/policy/drill")
    visit.expected.append("422")
    page.get_by_role("button", name="Page them").click()
    assert "say that you are sure" in page.get_by_role("alert").inner_text()
    visit.go("/policy/drill")
    page.get_by_label("I am sure").check()
    page.get_by_role("button", name="Page them").click()
    page.get_by_role("link", name="Answer it on its page").click()
    assert "Drill" in page.get_by_role("heading", level=1).inner_text()
    assert console.service.incidents(state="triggered")[0]["source"] == "drill"
