"""Patterns, in a browser: looked at, named, mended, merged, split, told apart, silenced, and that taken back."""

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.console.recurring import FIXES, live_through
from tests.fixtures_console import Console, Visit

pytestmark = pytest.mark.needs("chromium")

CHECKOUT, BACKUP = "Checkout error rate above …", "Nightly backup of orders-db failed"


@pytest.fixture(scope="module", autouse=True)
def some(console: Console, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What happened in two months, and one that is open."""
    live_through(console, tmp_path_factory.mktemp("history"))
    console.fire(title="Checkout error rate above 31%", service="checkout-api", severity="critical", source="api")


def names(page: Page) -> list[str]:
    return page.locator("#patterns .c-title a").all_inner_texts()


def pattern_of(console: Console, **fields: object) -> str:
    """The pattern of a new incident."""
    return str(console.service.fire(source="api", **fields)["incident"]["pattern_id"])


def opened(page: Page, summary: str) -> Locator:
    """What lies behind a summary, open."""
    found = page.locator("details", has=page.get_by_text(summary, exact=True)).last
    found.locator("summary").first.click()
    return found


def section(page: Page, heading: str) -> Locator:
    return page.locator("section", has=page.get_by_role("heading", name=heading, exact=True))


def said(page: Page) -> str:
    return page.locator("main .said:visible").first.inner_text()


def test_what_recurs_is_listed_with_its_days_and_what_came_once_is_not(visit: Visit, console: Console) -> None:
    pattern_of(console, title="A walrus lies in the corridor", service="building")
    page = visit.go("/patterns")
    assert names(page)[0] == CHECKOUT
    assert {BACKUP, "Disk /var on … full"} <= set(names(page))
    assert "A walrus lies in the corridor" not in names(page)
    row = page.locator("tr.row", has_text=BACKUP)
    assert "56" in row.locator(".c-count").inner_text()
    expect(row.get_by_text("periodic")).to_be_visible()
    label = row.get_by_role("img").get_attribute("aria-label") or ""
    assert label.endswith(" today")
    assert "28 in the last 30 days" in label or "27 in the last 30 days" in label
    expect(row.locator("rect")).to_have_count(30)
    page.get_by_role("link", name="all", exact=True).click()
    assert "A walrus lies in the corridor" in names(page)


def test_filters_of_patterns_stand_in_the_address(visit: Visit) -> None:
    page = visit.go("/patterns")
    page.get_by_label("Words").fill("NIGHTLY orders")
    page.get_by_role("button", name="Filter").click()
    assert "q=NIGHTLY+orders" in page.url
    assert names(page) == [BACKUP]
    page.get_by_role("link", name="Clear").click()
    page.get_by_label("Flag").select_option("periodic")
    page.get_by_label("Order").select_option("occurrences")
    page.get_by_role("button", name="Filter").click()
    assert names(page)[0] == BACKUP
    assert CHECKOUT not in names(page)
    visit.go("/patterns?service=Checkout&since=24h")
    assert names(page) == [CHECKOUT]
    visit.go("/patterns?q=unheardof")
    page.get_by_role("link", name="Show all patterns").click()
    assert BACKUP in names(page)


def test_more_patterns_are_shown_behind_the_first_page(visit: Visit, console: Console) -> None:
    for number in range(60):
        pattern_of(console, title="Paper is out", service=f"printer-{number}")
    page = visit.go("/patterns?seen=all&q=paper")
    first = page.locator("#patterns .c-title a").evaluate_all("all => all.map(one => one.href)")
    page.get_by_role("link", name="Show more").click()
    page.locator("#patterns tr.row").nth(59).wait_for()
    links = page.locator("#patterns .c-title a").evaluate_all("all => all.map(one => one.href)")
    assert len(set(links)) == 60
    assert links[:50] == first


@pytest.mark.parametrize("asked", ["after=nonsense", "after=99~x", "sort=occurrences&after=x~y"])
def test_a_place_that_is_none_is_refused_in_words(visit: Visit, asked: str) -> None:
    visit.expected.append("422")
    answer = visit.page.goto(f"/patterns?{asked}")
    assert answer is not None
    assert answer.status == 422
    assert "not one of ours" in visit.page.get_by_role("alert").inner_text()


def test_a_pattern_tells_how_it_comes_and_what_helped(visit: Visit) -> None:
    page = visit.go("/patterns")
    page.get_by_role("link", name=BACKUP).click()
    life = section(page, "How it comes and goes")
    assert "It comes every day at about 02:1" in life.inner_text()
    assert "It lasts 1 h 35 min in the median." in life.inner_text()
    life.locator(".chart canvas").wait_for()
    life.locator("summary", has_text="As a table").click()
    assert life.locator("tbody tr").count() > 50
    expect(life.locator("tbody tr").last).to_be_visible()
    helped = section(page, "What mends it")
    for fix in FIXES:
        assert fix in helped.inner_text()
    assert "https://runbooks.fernway.example/orders-db" in helped.inner_text()
    about = section(page, "What is known").inner_text()
    assert "orders-db 56" in about
    assert "P3 56" in about
    expect(section(page, "Latest incidents").locator("tr.row")).to_have_count(10)
    page.get_by_role("link", name="Show 56 of them").click()
    expect(section(page, "Latest incidents").locator("tr.row")).to_have_count(56)


def test_it_can_be_looked_at_as_it_stood(visit: Visit) -> None:
    page = visit.go("/patterns")
    page.get_by_role("link", name=BACKUP).click()
    details = opened(page, "As it stood at another time")
    then = datetime.now(ZoneInfo("Europe/Berlin")) - timedelta(days=30)
    details.get_by_label("When").fill(then.strftime("%Y-%m-%dT%H:%M"))
    details.get_by_role("button", name="Show").click()
    assert "As it stood at" in said(page)
    assert section(page, "How it comes and goes").locator("dd").all_inner_texts()[-1] in ("28", "29")
    page.get_by_role("link", name="As it stands now").click()
    assert "at=" not in page.url


def test_what_is_not_there_is_said(visit: Visit) -> None:
    visit.expected.append("404")
    for ident in ("01890000-0000-7000-8000-000000000000", "no-uuid"):
        answer = visit.page.goto(f"/patterns/{ident}")
        assert answer is not None
        assert answer.status == 404
        assert "No such pattern" in visit.page.get_by_role("alert").inner_text()


def test_a_name_is_given_and_a_second_writer_is_told(visiting: Callable[..., Visit], console: Console) -> None:
    pattern = pattern_of(console, title="Badge reader at gate 4 is dark", service="gates")
    visits = [visiting(console) for _ in range(2)]
    first, second = (visit.go(f"/patterns/{pattern}") for visit in visits)
    for page, name in ((first, "Dark badge readers"), (second, "Readers without power")):
        opened(page, "Rename").get_by_label("Name").fill(name)
    first.get_by_role("button", name="Call it so").click()
    assert first.get_by_role("heading", level=1).inner_text() == "Dark badge readers"
    visits[1].expected.append("409")
    second.get_by_role("button", name="Call it so").click()
    assert "changed it while you looked" in second.get_by_role("alert").inner_text()
    first.reload()
    assert first.get_by_role("heading", level=1).inner_text() == "Dark badge readers"
    form = opened(first, "Rename")
    form.get_by_label("Name").fill("")
    form.get_by_role("button", name="Call it so").click()
    assert first.get_by_role("heading", level=1).inner_text() == "Badge reader at gate 4 is dark"


def test_what_mends_it_is_said_changed_and_taken_back(visit: Visit, console: Console) -> None:
    pattern = pattern_of(console, title="Label printer 3 jams", service="packing")
    page = visit.go(f"/patterns/{pattern}")
    form = opened(page, "Say what mends it")
    form.get_by_label("What mends it").fill("Open the flap\nand pull the label out")
    form.get_by_role("button", name="Keep it").click()
    assert "told what mends it" in said(page)
    mends = section(page, "What mends it")
    assert "Open the flap\nand pull the label out" in mends.inner_text()
    form = opened(page, "Change the known fix")
    form.get_by_role("button", name="There is none any more").click()
    assert "Nobody has said" in mends.inner_text()
    # The later change is in the way of the first one.
    changes = section(page, "Changes")
    visit.expected.append("409")
    changes.get_by_role("button", name="Undo").last.click()
    assert "must be undone first" in page.get_by_role("alert").inner_text()
    page.go_back()
    section(page, "Changes").get_by_role("button", name="Undo").first.click()
    assert "is taken back" in said(page)
    assert "Open the flap" in mends.inner_text()
    expect(page.locator("li.undone")).to_have_count(1)


def test_two_patterns_are_merged_by_typing_and_parted_again(visit: Visit, console: Console) -> None:
    one = pattern_of(console, title="Forklift 7 stands still", service="warehouse-north")
    other = pattern_of(console, title="Lift truck battery is empty", service="warehouse-south")
    page = visit.go(f"/patterns/{one}")
    same = section(page, "Is another one the same problem?")
    same.get_by_label("Words of it").press_sequentially("truck batt", delay=20)
    same.get_by_label("Lift truck battery is empty", exact=True).check()
    same.get_by_label("Why?").fill("seen together, same cell")
    same.get_by_role("button", name="Same problem: merge").click()
    assert "one pattern from now on" in said(page)
    members = section(page, "What belongs to it")
    assert "Lift truck battery is empty" in members.inner_text()
    assert "Merged by local" in members.inner_text()
    assert "seen together, same cell" in members.inner_text()
    visit.shown("pattern-merged")
    # Its own address leads here, and says why.
    visit.go(f"/patterns/{other}")
    assert "merged into this one" in said(page)
    section(page, "What belongs to it").get_by_role("button", name="is another problem").click()
    assert "told apart" in said(page)
    assert "Lift truck" in section(page, "What belongs to it").get_by_role("link").first.inner_text()
    assert "merged into" not in page.locator("main").inner_text().split("What belongs to it")[0]
    # Whoever merges them now is told that somebody parted them.
    visit.go(f"/patterns/{one}?other=lift+truck")
    same = section(page, "Is another one the same problem?")
    expect(same.get_by_text("told apart", exact=True)).to_be_visible()
    same.get_by_label("Lift truck battery is empty", exact=True).check()
    visit.expected.append("409")
    same.get_by_role("button", name="Same problem: merge").click()
    assert "not the same" in page.get_by_role("alert").inner_text()
    visit.go(f"/patterns/{one}?other=lift+truck")
    same.get_by_label("Lift truck battery is empty", exact=True).check()
    same.get_by_label("merge them although").check()
    same.get_by_role("button", name="Same problem: merge").click()
    assert "one pattern from now on" in said(page)


def test_two_people_who_merge_the_same_are_told(visiting: Callable[..., Visit], console: Console) -> None:
    one = pattern_of(console, title="Scanner beeps twice", service="till-a")
    pattern_of(console, title="Reader beeps twice", service="till-b")
    visits = [visiting(console) for _ in range(2)]
    for visit in visits:
        page = visit.go(f"/patterns/{one}?other=reader+beeps")
        page.get_by_label("Reader beeps twice", exact=True).check()
    visits[0].page.get_by_role("button", name="Same problem: merge").click()
    assert "one pattern" in said(visits[0].page)
    visits[1].expected.append("409")
    visits[1].page.get_by_role("button", name="Same problem: merge").click()
    assert "one pattern already" in visits[1].page.get_by_role("alert").inner_text()


def test_patterns_are_told_apart_without_having_been_merged(visit: Visit, console: Console) -> None:
    one = pattern_of(console, title="Door 1 is stuck", service="doors")
    pattern_of(console, title="Gate is stuck open", service="yard")
    page = visit.go(f"/patterns/{one}?other=gate+stuck")
    same = section(page, "Is another one the same problem?")
    same.get_by_label("Gate is stuck open", exact=True).check()
    same.get_by_role("button", name="Not the same").click()
    members = section(page, "What belongs to it")
    assert "Told apart from" in members.inner_text()
    members.get_by_role("button", name="Undo").click()
    assert "Told apart from" not in section(page, "What belongs to it").inner_text()


def test_incidents_are_split_off_by_title_and_put_back(visit: Visit, console: Console) -> None:
    titles = [f"Volume on host {host} is full" for host in ("web1", "web1", "web2")]
    for number, title in enumerate(titles):
        fired = console.service.fire(title=title, service="volumes", source="api", dedup_key=f"v{number}")
        console.service.post(f"/v1/incidents/{fired['incident']['id']}/resolve", {"resolution": ""})
    page = visit.go(f"/patterns/{fired['incident']['pattern_id']}")
    form = opened(page, "Some of them are another problem")
    visit.expected.append("422")
    form.get_by_role("button", name="Split them off").click()
    assert "choose the incidents" in page.get_by_role("alert").inner_text().lower()
    page.go_back()
    form = opened(page, "Some of them are another problem")
    form.get_by_label("Volume on host web1 is full").check()
    form.get_by_label("Why?").fill("another disk")
    form.get_by_role("button", name="Split them off").click()
    assert "pattern of its own" in said(page)
    expect(section(page, "Latest incidents").locator("tr.row")).to_have_count(2)
    assert "another disk" in section(page, "Changes").inner_text()
    section(page, "Changes").get_by_role("button", name="Undo").click()
    expect(section(page, "Latest incidents").locator("tr.row")).to_have_count(3)
    page.get_by_role("checkbox", name="Choose Volume on host web2 is full").check()
    form = opened(page, "Some of them are another problem")
    form.get_by_role("button", name="Split them off").click()
    expect(section(page, "Latest incidents").locator("tr.row")).to_have_count(1)


def test_a_pattern_is_silenced_from_its_page_and_ended_from_the_list(visit: Visit, console: Console) -> None:
    page = visit.go("/patterns")
    page.get_by_role("link", name=CHECKOUT).click()
    form = opened(page, "Tell nobody of it for a while")
    form.get_by_label("Why?").fill("a release is being rolled back")
    form.get_by_label("For").select_option("4 hours")
    form.get_by_role("button", name="Silence").click()
    assert "It is silent until" in said(page)
    assert "a release is being rolled back" in section(page, "Silence").inner_text()
    answer = console.service.fire(title="Checkout error rate above 9%", service="checkout-api", source="api")
    assert answer["incident"]["pattern_id"] in page.url
    visit.go("/patterns")
    silent = page.locator("section", has=page.get_by_role("heading", name="Silent now"))
    assert "a release is being rolled back" in silent.inner_text()
    assert "local" in silent.inner_text()
    expect(page.locator("tr.row", has_text=CHECKOUT).get_by_text("silent")).to_be_visible()
    visit.shown("patterns")
    silent.get_by_role("button", name="End the silence of").click()
    assert "The silence is over" in said(page)
    expect(page.get_by_role("heading", name="Silent now")).to_have_count(0)


def test_a_silence_lasts_until_a_moment_and_not_without_a_reason(visit: Visit, console: Console) -> None:
    pattern = pattern_of(console, title="Belt 9 stops", service="belts")
    page = visit.go(f"/patterns/{pattern}")
    form = opened(page, "Tell nobody of it for a while")
    form.get_by_role("button", name="Silence").click()
    expect(page.locator("main .said:visible"), "a reason is needed").to_have_count(0)
    until = datetime.now(ZoneInfo("Europe/Berlin")).replace(minute=0) + timedelta(days=2)
    form.get_by_label("Why?").fill("being replaced")
    form.get_by_label("or until").fill(until.strftime("%Y-%m-%dT%H:%M"))
    form.get_by_label("Hide up to").select_option("P2")
    form.get_by_role("button", name="Silence").click()
    assert f"{until:%d %b %H:%M}" in said(page)
    found = console.service.get(f"/v1/patterns/{pattern}").json()["silences"][0]
    assert found["priority"] == "P2"
    assert datetime.fromisoformat(found["ends_at"]) == until.replace(second=0, microsecond=0)
    form = opened(page, "Silence it for longer")
    form.get_by_label("Why?").fill("too long")
    form.get_by_label("or until").fill((until + timedelta(days=60)).strftime("%Y-%m-%dT%H:%M"))
    visit.expected.append("422")
    form.get_by_role("button", name="Silence").click()
    assert "at most 30 days ahead" in page.get_by_role("alert").inner_text()


def test_texts_of_others_stay_texts_and_break_nothing(visit: Visit, console: Console) -> None:
    for title in ("<img src=x onerror=alert(1)> \u202egpj.exe " + "W" * 900, "مشكلة في الخادم &amp; <b>"):
        for key in ("a", "b"):
            fired = console.service.fire(title=title, service="odd", source="api", dedup_key=f"{title[:5]}{key}")
    console.service.post(
        f"/v1/patterns/{fired['incident']['pattern_id']}/name",
        {"name": "\u202e" + "X" * 190, "reason": "Y" * 8_000},
    )
    console.service.post(
        f"/v1/patterns/{fired['incident']['pattern_id']}/known-fix", {"fix": "<script>Z</script>" + "Z" * 8_000}
    )
    visit.go("/patterns?seen=all&service=odd")
    visit.shown("patterns-odd")
    visit.go(f"/patterns/{fired['incident']['pattern_id']}")
    assert "\u202e" not in visit.page.content()
    visit.shown("pattern-odd")


def test_everything_of_a_pattern_looks_well(visit: Visit, console: Console) -> None:
    page = visit.go("/patterns")
    page.get_by_role("link", name=CHECKOUT).click()
    pattern = page.url.rpartition("/")[2]
    other = pattern_of(console, title="Basket answers with 502", service="checkout-api")
    base = f"/v1/patterns/{pattern}"
    for path, body in (
        ("merge", {"pattern": other, "reason": "the basket is called by the checkout"}),
        ("known-fix", {"fix": "Restart the checkout pods:\nkubectl rollout restart deploy/checkout"}),
        ("silence", {"reason": "a release is being rolled back", "for": "PT2H"}),
        ("name", {"name": "Checkout fails", "reason": "that is what everybody calls it"}),
    ):
        assert console.service.post(f"{base}/{path}", body).status_code in (200, 201)
    page.reload()
    page.locator(".chart canvas").wait_for()
    visit.shown("pattern")


def test_a_responder_silences_and_changes_nothing(visiting: Callable[..., Visit], own_console: Console) -> None:
    pattern = pattern_of(own_console, title="Belt 9 stops", service="belts")
    tokens = {role: own_console.token(who, role) for who, role in (("ines", "responder"), ("amara", "reviewer"))}
    pages = {}
    visits = {}
    for role, token in tokens.items():
        visits[role] = visiting(own_console)
        pages[role] = visits[role].sign_in(token, f"/patterns/{pattern}")
    page = pages["responder"]
    for words in ("Rename", "Say what mends it", "Is another one the same problem?", "Undo"):
        expect(page.get_by_text(words, exact=True)).to_have_count(0)
    opened(page, "Tell nobody of it for a while").get_by_label("Why?").fill("known, a part is on its way")
    # The reviewer's page does not know of it when they silence it too.
    opened(pages["reviewer"], "Tell nobody of it for a while").get_by_label("Why?").fill("I know")
    page.get_by_role("button", name="Silence").click()
    assert "It is silent until" in said(page)
    visits["reviewer"].expected.append("409")
    pages["reviewer"].get_by_role("button", name="Silence").click()
    assert "Inês Prado silenced it while you looked" in pages["reviewer"].get_by_role("alert").inner_text()
    # Both end it: the second one is told who did.
    visits["reviewer"].go(f"/patterns/{pattern}")
    page.get_by_role("button", name="End it").click()
    assert "The silence is over" in said(page)
    pages["reviewer"].get_by_role("button", name="End it").click()
    assert "Inês Prado ended it before you did" in pages["reviewer"].get_by_role("alert").inner_text()
    # What the page does not offer is not done either.
    csrf = page.locator("input[name=csrf]").first.input_value()
    form = {"csrf": csrf, "name": "mine", "looked_at": ""}
    answer = page.request.post(f"/patterns/{pattern}/name", form=form)
    assert answer.status == 403


def test_it_works_without_scripts(visiting: Callable[..., Visit], console: Console) -> None:
    visit = visiting(console, java_script_enabled=False)
    page = visit.go("/patterns?q=nightly")
    page.get_by_role("link", name=BACKUP).click()
    same = section(page, "Is another one the same problem?")
    same.get_by_label("Words of it").fill("disk")
    same.get_by_role("button", name="Find").click()
    expect(same.get_by_label("Disk /var on … full", exact=True)).to_have_count(1)
