"""Signing in and out, who may see what, and forms that are not ours."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Protocol

import httpx
import pytest
from playwright.sync_api import expect

from tests.fixtures_console import Console, Visit

pytestmark = pytest.mark.needs("chromium")


@pytest.fixture(scope="module")
def tokens(console: Console) -> dict[str, str]:
    roles = {"ines": "responder", "amara": "reviewer", "selin": "engineer", "victor": "admin"}
    return {role: console.token(person, role) for person, role in roles.items()}


class SignIn(Protocol):
    """Makes a client that has signed in."""

    def __call__(self, token: str) -> httpx.Client: ...


@pytest.fixture
def signed_in(console: Console) -> Iterator[SignIn]:
    with ExitStack() as stack:

        def sign_in(token: str) -> httpx.Client:
            client = stack.enter_context(httpx.Client(base_url=console.service.url, follow_redirects=False))
            assert client.post("/sign-in", data={"token": token}).status_code == 303
            return client

        yield sign_in


def csrf_of(client: httpx.Client) -> str:
    return client.get("/report").text.split('name="csrf" value="')[1].split('"')[0]


def test_who_is_not_signed_in_is_asked_to_and_then_goes_on(
    visiting: Callable[..., Visit], console: Console, tokens: dict[str, str]
) -> None:
    visit = visiting(console)
    page = visit.go("/oncall")
    assert "/sign-in?next=%2Foncall" in page.url
    visit.shown("sign-in")
    page.get_by_label("Your personal token").fill(tokens["responder"])
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="On call").wait_for()
    page.get_by_text("Inês Prado").first.click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")
    page.go_back()
    page.reload()
    assert "/sign-in" in page.url


def test_a_wrong_token_is_refused_in_words(visit: Visit, tokens: dict[str, str]) -> None:
    page = visit.go("/sign-in")
    visit.expected.append("403")
    page.get_by_label("Your personal token").fill("triage_0000_nothing")
    page.keyboard.press("Enter")
    assert "not known, has expired or was revoked" in page.get_by_role("alert").inner_text()


@pytest.mark.parametrize(
    ("role", "seen"),
    [("responder", 7), ("reviewer", 8), ("admin", 8)],
)
def test_roles_decide_what_is_shown(
    visiting: Callable[..., Visit], console: Console, tokens: dict[str, str], role: str, seen: int
) -> None:
    page = visiting(console).sign_in(tokens[role])
    expect(page.locator("nav.pages a")).to_have_count(seen)


def test_a_responder_may_not_override(signed_in: SignIn, console: Console, tokens: dict[str, str]) -> None:
    reviewer = {"Authorization": f"Bearer {tokens['reviewer']}"}
    made = console.service.post("/v1/incidents", {"title": "Not yours to move", "source": "m"}, headers=reviewer)
    incident = made.json()["incident"]["id"]
    client = signed_in(tokens["responder"])
    assert "override" not in client.get(f"/incidents/{incident}").text
    answer = client.post(f"/incidents/{incident}/override", data={"csrf": csrf_of(client), "priority": "P1"})
    assert answer.status_code == 403
    assert "needs the role reviewer" in answer.text


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(
    console: Console, tokens: dict[str, str]
) -> None:
    answer = httpx.post(f"{console.service.url}/sign-in", data={"token": tokens["responder"]})
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


@pytest.mark.parametrize(
    ("headers", "csrf"),
    [({"Origin": "https://evil.example"}, True), ({"Sec-Fetch-Site": "cross-site"}, True), ({}, False)],
    ids=["another origin", "another site", "no token"],
)
def test_a_form_that_does_not_come_from_a_page_of_ours_does_nothing(
    signed_in: SignIn, console: Console, tokens: dict[str, str], headers: dict[str, str], csrf: bool
) -> None:
    client = signed_in(tokens["responder"])
    data = {"csrf": csrf_of(client)} if csrf else {}
    answer = client.post("/oncall/test-page", data=data, headers=headers)
    assert answer.status_code == 403
    assert client.post("/oncall/test-page", data={"csrf": csrf_of(client)}).status_code == 303


def test_a_csrf_token_of_another_session_is_none(
    signed_in: SignIn, console: Console, tokens: dict[str, str]
) -> None:
    one, other = signed_in(tokens["responder"]), signed_in(tokens["reviewer"])
    assert one.post("/oncall/test-page", data={"csrf": csrf_of(other)}).status_code == 403


def test_a_session_ends_with_its_token(signed_in: SignIn, console: Console, tokens: dict[str, str]) -> None:
    token = console.token("marta")
    client = signed_in(token)
    assert client.get("/oncall").status_code == 200
    done = console.service.triage("token", "revoke", token.split("_")[1])
    assert done.returncode == 0, done.stderr
    console.service.wait_until(lambda: client.get("/oncall").status_code == 303, "signed out")


def test_signing_in_leads_to_no_other_site(console: Console, tokens: dict[str, str]) -> None:
    for to in ("https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        answer = httpx.post(f"{console.service.url}/sign-in", data={"token": tokens["responder"], "next": to})
        assert answer.headers["location"] == "/"


def test_pages_forbid_everything_that_they_do_not_need(
    signed_in: SignIn, console: Console, tokens: dict[str, str]
) -> None:
    answer = signed_in(tokens["responder"]).get("/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-frame-options"] == "DENY"


def test_who_signed_in_and_out_is_in_the_audit_log(
    signed_in: SignIn, console: Console, tokens: dict[str, str]
) -> None:
    client = signed_in(tokens["admin"])
    client.post("/sign-out", data={"csrf": csrf_of(client)})
    done = console.service.triage("audit", "export")
    told = [line for line in done.stdout.splitlines() if '"actor":"victor"' in line.replace('": "', '":"')]
    assert any("signed_in" in line for line in told)
    assert any("signed_out" in line for line in told)
