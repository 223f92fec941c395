"""The review queue, in a browser: by keyboard alone, by two people at once, in bulk, and what it teaches."""

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.fixtures_console import Console, Visit

pytestmark = pytest.mark.needs("chromium")

SUBJECTS = (
    "printer", "badge reader", "projector", "coffee machine", "lift", "door", "phone", "scanner", "screen",
    "camera", "router", "laptop", "keyboard", "mailbox", "calendar", "shelf", "forklift", "scale", "till", "kiosk",
)  # fmt: skip


def fill(console: Console, count: int, **fields: object) -> list[str]:
    """Incidents that nothing is known of: each of its own kind."""
    return [
        console.fire(title=f"The {subject} does strange things", source="servicedesk", service=subject, **fields)
        for subject in SUBJECTS[:count]
    ]


def title(visit: Visit) -> str:
    return visit.page.locator("#item-title").inner_text()


def press(visit: Visit, key: str, then: str) -> None:
    """A key, and wait for what it leads to."""
    before = visit.page.wait_for_selector("#item")
    visit.page.keyboard.press(key)
    before.wait_for_element_state("hidden")
    visit.page.locator(".answered", has_text=then).wait_for()


def test_twenty_are_cleared_by_keyboard_alone(
    visiting: Callable[..., Visit], own_console: Console, record_property: Callable[[str, object], None]
) -> None:
    incidents = fill(own_console, 20)
    visit = visiting(own_console)
    page = visit.go("/review")
    visit.shown("review")
    begun = time.monotonic()
    seen = []
    for number in range(20):
        heading = page.locator("#item-title")
        heading.wait_for()
        seen.append(heading.inner_text())
        if number % 4 == 1:
            page.keyboard.press("2")
            assert page.locator("input[name=priority]:checked").get_attribute("value") == "P2"
        if number % 5 == 2:
            page.keyboard.press("t")
            page.keyboard.type("platf")
            page.keyboard.press("Enter")
        else:
            page.keyboard.press("a")
        page.wait_for_selector(f"#item:not(:has-text({seen[-1]!r}))")
    took = time.monotonic() - begun
    record_property("20 reviews by keyboard, seconds", f"{took:.1f}")
    assert took < 120
    assert len(set(seen)) == 20
    page.get_by_text("Nothing waits to be looked at.").wait_for()
    found = {one["id"]: one for one in own_console.service.incidents()}
    assert sum(found[one]["priority"] == "P2" for one in incidents) == 5
    assert sum(found[one]["team"] == "platform" for one in incidents) == 4


def test_what_is_typed_ahead_of_the_next_item_is_said_of_it(
    visiting: Callable[..., Visit], own_console: Console
) -> None:
    incidents = fill(own_console, 4)
    page = visiting(own_console).go("/review")
    page.locator("#item-title").wait_for()
    page.route("**/review/*", lambda route: (page.wait_for_timeout(400), route.continue_()))
    for _ in incidents:
        page.keyboard.type("2t")
        page.keyboard.type("platf")
        page.keyboard.press("Enter")
    page.get_by_text("Nothing waits to be looked at.").wait_for()
    found = {one["id"]: (one["priority"], one["team"]) for one in own_console.service.incidents()}
    assert [found[one] for one in incidents] == [("P2", "platform")] * 4


def test_an_answer_can_be_taken_back_and_left_to_others(visit: Visit, console: Console) -> None:
    fill(console, 6)
    visit.go("/review")
    first = title(visit)
    visit.page.keyboard.press("1")
    press(visit, "a", "Corrected to P1")
    assert title(visit) != first
    press(visit, "u", "Taken back.")
    assert title(visit) == first
    found = next(one for one in console.service.incidents() if one["title"] == first)
    assert found["priority"] == "P3"
    assert "override_withdrawn" in console.service.timeline(found["id"])
    press(visit, "n", "Left to others.")
    assert title(visit) != first


def test_a_correction_holds_for_the_next_of_the_pattern_at_once(visit: Visit, console: Console) -> None:
    console.fire(title="Gate 7 does not open", source="gates", service="gate-7", dedup_key="one")
    page = visit.go("/review")
    while title(visit) != "Gate 7 does not open":
        press(visit, "n", "Left to others.")
    page.keyboard.press("t")
    page.keyboard.type("network")
    page.keyboard.press("Enter")
    page.locator(".answered", has_text="Network").wait_for()
    console.service.post("/v1/incidents/resolve", {"source": "gates", "dedup_key": "one"})
    again = console.service.fire(title="Gate 7 does not open", source="gates", service="gate-7", dedup_key="two")
    assert again["incident"]["team"] == "network"
    assert again["decision"]["team"]["source"] == "correction"


def test_the_same_is_said_of_all_of_a_pattern(visit: Visit, console: Console) -> None:
    for place in ("east", "west", "north"):
        console.fire(title="Scale shows no weight", source="scales", service="scales", environment=place)
    incidents = [one for one in console.service.incidents() if one["title"] == "Scale shows no weight"]
    other = incidents[0]["pattern_id"]
    for one in incidents[1:]:
        if one["pattern_id"] != other:
            answer = console.service.post(f"/v1/patterns/{other}/merge", {"pattern": one["pattern_id"]})
            assert answer.status_code == 200
    page = visit.go("/review")
    while title(visit) != "Scale shows no weight":
        press(visit, "n", "Left to others.")
    page.keyboard.press("4")
    press(visit, "a", "Corrected to P4")
    press(visit, "b", "2 more of this pattern answered the same.")
    found = [one["priority"] for one in console.service.incidents() if one["title"] == "Scale shows no weight"]
    assert found == ["P4"] * 3


def test_a_word_that_several_teams_begin_with_is_asked_about(visit: Visit, console: Console) -> None:
    console.fire(title="Nobody knows whose this is", source="servicedesk")
    page = visit.go("/review")
    visit.expected.append("422")
    page.keyboard.press("t")
    page.keyboard.type("p")
    page.keyboard.press("Enter")
    alert = page.get_by_role("alert")
    alert.wait_for()
    assert "More than one team begins so: Payments, Platform" in alert.inner_text()
    visit.shown("review-refused")


def test_two_reviewers_never_get_the_same_item(visiting: Callable[..., Visit], own_console: Console) -> None:
    fill(own_console, 8)
    tokens = [own_console.token(person, "reviewer") for person in ("amara", "paulo")]
    visits = [visiting(own_console) for _ in tokens]
    for visit, token in zip(visits, tokens, strict=True):
        visit.sign_in(token, "/review")
    seen: list[str] = []
    for _ in range(4):
        now = [title(visit) for visit in visits]
        assert len(set(now)) == 2
        seen += now
        for visit in visits:
            press(visit, "a", "Agreed.")
            visit.page.wait_for_timeout(50)
    assert len(seen) == len(set(seen)) == 8


def test_who_answers_what_was_decided_anew_is_told(visit: Visit, console: Console) -> None:
    console.fire(title="Shelf 9 is missing", source="servicedesk", service="shelves")
    page = visit.go("/review")
    incident = page.locator("article a", has_text="all of it").get_attribute("href")
    console.service.post(f"/v1{incident}/override", {"priority": "P5"})
    visit.expected.append("409")
    page.keyboard.press("a")
    page.get_by_role("alert").wait_for()
    assert "decided anew while you looked" in page.get_by_role("alert").inner_text()


def test_an_engineer_settles_what_two_reviewers_differ_on(
    visiting: Callable[..., Visit], own_console: Console
) -> None:
    incident = fill(own_console, 1)[0]
    tokens = {
        person: own_console.token(person, role)
        for person, role in (("amara", "reviewer"), ("paulo", "reviewer"), ("dana", "engineer"))
    }
    for person, team, second in (("amara", "payments", False), ("paulo", "network", True)):
        answer = own_console.service.post(
            f"/v1/review/{incident}",
            {"team": team, "priority": "P3", "second": second},
            headers={"Authorization": f"Bearer {tokens[person]}"},
        )
        assert answer.status_code == 200, answer.text
    one_of_them, engineer = visiting(own_console), visiting(own_console)
    page = one_of_them.sign_in(tokens["amara"], "/review")
    page.get_by_role("heading", name="Reviewers differ").wait_for()
    expect(page.get_by_role("button", name="holds")).to_have_count(0)
    page = engineer.sign_in(tokens["dana"], "/review")
    page.get_by_role("heading", name="Reviewers differ").wait_for()
    engineer.shown("review-differ")
    page.get_by_role("button", name="P3, Network holds").click()
    page.get_by_text("Settled: P3, Network.").wait_for()
    bearer = {"Authorization": f"Bearer {tokens['dana']}"}
    found = own_console.service.get(f"/v1/incidents/{incident}", headers=bearer).json()["incident"]
    assert found["team"] == "network"
