"""One incident's page, in a browser: what it tells, and everything that can be done there."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.fixtures_console import Console, Visit

pytestmark = pytest.mark.needs("chromium")

HOSTILE = (
    "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"> **bold**"
    " [x](javascript:alert(1)) \u202eDETREVER \x1b[31mred\x1b[0m {{ 7*7 }} "
)


def fire(console: Console, title: str, **fields: object) -> str:
    """An incident of its own: nothing else is like it."""
    usual = {"service": "payment-gateway", "severity": "critical", "source": "monitor", "dedup_key": title}
    return console.fire(title=title, **usual | fields)


def says(visit: Visit, text: str) -> None:
    visit.page.locator(".said[role=status]", has_text=text).first.wait_for()


def test_it_tells_what_it_is_why_and_who_is_told(visit: Visit, console: Console) -> None:
    page = visit.go(f"/incidents/{fire(console, 'Card authorisations fail', description='Declines with code 05')}")
    page.reload()
    assert page.get_by_role("heading", level=1).inner_text() == "Card authorisations fail"
    assert "P1" in page.locator("#strip").inner_text()
    assert "as reported" in page.locator(".c-why").inner_text()
    expect(page.get_by_role("button", name="Take it")).to_be_visible()
    page.locator(".path .now").wait_for()
    assert "Declines with code 05" in page.locator(".c-about").inner_text()
    page.get_by_text("The event as it is kept").click()
    assert '"title": "Card authorisations fail"' in page.locator(".c-payload").inner_text()
    visit.shown("incident")


def test_whoever_takes_it_has_it(visit: Visit, console: Console) -> None:
    page = visit.go(f"/incidents/{fire(console, 'Refunds are stuck')}")
    page.keyboard.press("a")
    says(visit, "You have it.")
    assert "acknowledged" in page.locator("#strip").inner_text()
    page.locator(".path .answered").wait_for()


def test_it_is_resolved_with_what_fixed_it_which_the_next_one_shows(visit: Visit, console: Console) -> None:
    first = fire(console, "Settlement file is late again")
    page = visit.go(f"/incidents/{first}")
    page.keyboard.press("r")
    page.get_by_label("What fixed it?").fill("Restarted the exporter on settle-2")
    page.get_by_role("button", name="It is over").click()
    says(visit, "It is resolved.")
    visit.go(f"/incidents/{fire(console, 'Settlement file is late again', dedup_key='another')}")
    assert "Restarted the exporter on settle-2" in page.locator(".c-fix").inner_text()
    visit.shown("incident-again")


def test_the_next_step_is_called_and_a_note_is_kept(visit: Visit, console: Console) -> None:
    page = visit.go(f"/incidents/{fire(console, 'Chargebacks are doubled')}")
    page.locator(".path .now", has_text="Step 1").wait_for()
    page.keyboard.press("e")
    page.get_by_label("Why?").first.fill("nobody answers")
    page.get_by_role("button", name="Next step now").click()
    says(visit, "The next step begins")
    page.locator(".path .now", has_text="Step 2").wait_for()
    page.keyboard.press("n")
    page.get_by_label("Note", exact=True).fill("Called the bank")
    page.get_by_role("button", name="Write it down").click()
    says(visit, "The note is in the timeline.")
    assert "local Called the bank" in page.locator(".c-timeline").inner_text().replace("✎ ", "")


def test_where_the_work_stands_is_set(visit: Visit, console: Console) -> None:
    page = visit.go(f"/incidents/{fire(console, 'Ledger drifts')}")
    page.get_by_label("Where the work stands").select_option("mitigating")
    page.get_by_role("button", name="Set", exact=True).click()
    says(visit, "The work stands at mitigating.")
    assert page.get_by_label("Where the work stands").input_value() == "mitigating"


def test_an_override_changes_priority_and_team(visit: Visit, console: Console) -> None:
    page = visit.go(f"/incidents/{fire(console, 'Queue of webhooks grows')}")
    page.keyboard.press("o")
    override = page.locator(".c-why form")
    override.get_by_label("Priority").select_option("P3")
    override.get_by_label("Team").fill("Databases")
    override.get_by_label("Reason").fill("only a backlog")
    override.get_by_role("button", name="Override").click()
    says(visit, "P3, Databases now")
    assert "as a person decided" in page.locator(".c-why").inner_text()
    assert "only a backlog" in page.locator(".c-timeline").inner_text()


def test_who_overrides_what_was_decided_anew_meanwhile_is_told(visit: Visit, console: Console) -> None:
    incident = fire(console, "Payout rounding differs")
    page = visit.go(f"/incidents/{incident}")
    console.service.post(f"/v1/incidents/{incident}/override", {"priority": "P2"})
    visit.expected.append("409")
    page.get_by_text("Override", exact=True).first.click()
    override = page.locator(".c-why form")
    override.get_by_label("Priority").select_option("P4")
    override.get_by_role("button", name="Override").click()
    assert "decided anew while you looked" in page.get_by_role("alert").inner_text()
    visit.shown("conflict")
    assert console.service.get(f"/v1/incidents/{incident}").json()["incident"]["priority"] == "P2"


def test_a_pattern_is_silenced_with_a_reason(visit: Visit, console: Console) -> None:
    page = visit.go(f"/incidents/{fire(console, 'Test terminal unreachable')}")
    page.get_by_text("Silence it").click()
    page.locator(".c-pattern").get_by_label("Why?").first.fill("maintenance of the lab")
    page.locator("select[name=hours]").select_option("4 hours")
    page.get_by_role("button", name="Silence", exact=True).click()
    says(visit, "Its pattern is silent.")
    assert "maintenance of the lab" in page.locator(".c-pattern").inner_text()


def test_it_is_reviewed_afterwards_with_a_follow_up_action(visit: Visit, console: Console) -> None:
    incident = fire(console, "Tokenisation times out")
    console.service.post(f"/v1/incidents/{incident}/resolve", {"resolution": "scaled out"})
    page = visit.go(f"/incidents/{incident}")
    page.get_by_label("What happened").fill("Too few workers")
    page.get_by_label("How well were people served?").select_option("4")
    page.get_by_label("What", exact=True).fill("Alert on queue length")
    page.get_by_label("Who").select_option("Inês Prado")
    page.get_by_label("By when").fill("2027-01-15")
    page.get_by_role("button", name="Keep").click()
    says(visit, "The review is kept.")
    assert "satisfaction 4 of 5" in page.locator(".c-review").inner_text()
    page.get_by_role("button", name="Done").click()
    says(visit, "It is done.")
    visit.shown("reviewed")


def test_it_is_opened_again(visit: Visit, console: Console) -> None:
    incident = fire(console, "Fees are wrong")
    console.service.post(f"/v1/incidents/{incident}/resolve")
    page = visit.go(f"/incidents/{incident}")
    page.get_by_text("Open it again").click()
    page.get_by_role("button", name="It is not over").click()
    says(visit, "It is open again")
    assert "triggered" in page.locator("#strip").inner_text()


def test_what_others_do_is_shown_at_once(visit: Visit, console: Console) -> None:
    incident = fire(console, "Sandbox keys leak")
    page = visit.go(f"/incidents/{incident}")
    page.wait_for_selector("body[data-connected=yes]")
    console.service.post(f"/v1/incidents/{incident}/acknowledge")
    page.locator("#strip .state.is-acknowledged").wait_for()
    page.locator(".c-timeline", has_text="took it").wait_for()


def test_hostile_text_in_every_field_is_inert(visiting: Callable[..., Visit], console: Console) -> None:
    long = "W" * 10_000
    incident = console.fire(
        title=(HOSTILE + "Hostile")[:1000],
        description=HOSTILE + long,
        dedup_key="hostile",
        source="monitor",
        service=HOSTILE[:200],
        environment=HOSTILE[:200],
        region=HOSTILE[:200],
        kind=HOSTILE[:200],
        severity=HOSTILE[:200],
        impact=HOSTILE[:200],
        urgency=HOSTILE[:200],
        reporter=HOSTILE[:200],
        customer_tier=HOSTILE[:200],
        assigned_team=HOSTILE[:200],
        labels={HOSTILE[:200]: HOSTILE, "long": "W" * 2000},
        links=[
            {"href": "https://a.example/?q=<b>", "text": HOSTILE},
            {"href": "https://ok.example/", "text": "ok"},
        ],
        evidence=[{"kind": HOSTILE[:200], "text": HOSTILE + long}],
    )
    console.service.post(f"/v1/incidents/{incident}/note", {"text": HOSTILE + long[:5000]})
    console.service.post(f"/v1/incidents/{incident}/resolve", {"resolution": HOSTILE + long[:5000]})
    visit = visiting(console)
    for path in ("/incidents?state=all", f"/incidents/{incident}"):
        page = visit.go(path)
        assert "owned" not in page.title().replace("='owned'", "")
        text = page.locator("main").inner_text()
        assert "<script>document.title='owned'</script>" in text
        assert "{{ 7*7 }}" in text
        assert not set(text) & set("\u202e\x1b\x07")
        expect(page.locator("main img[src=x]")).to_have_count(0)
        expect(page.locator("a[href^=javascript]")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollHeight") < 5_000, "long texts make the page long"
    page.get_by_text("The event as it is kept").click()
    assert "\\u202e" in page.locator(".c-payload").inner_text()
    visit.shown("hostile")


def test_two_people_take_it_and_the_second_is_told(visiting: Callable[..., Visit], own_console: Console) -> None:
    console = own_console
    incident = fire(console, "Card scheme link down")
    ines, tobias = console.token("ines"), console.token("tobias")
    one, other = visiting(console), visiting(console)
    one.sign_in(ines, f"/incidents/{incident}")
    other.sign_in(tobias, f"/incidents/{incident}")
    # The second one's page does not hear of it in time.
    other.context.route("**/live*", lambda route: route.abort())
    other.expected += ["live", "409", "Failed to load"]
    other.page.reload()
    one.page.get_by_role("button", name="Take it").click()
    says(one, "You have it.")
    other.page.get_by_role("button", name="Take it").click()
    assert "Inês Prado has it already" in other.page.get_by_role("alert").inner_text()
    other.page.goto(f"/incidents/{incident}")
    other.page.get_by_role("button", name="Take it over").click()
    says(other, "You have it.")
    assert "taken by Tobias Wendt" in other.page.locator("#strip").inner_text()
