"""The console as people use it: a real service, a real Chromium, and what both must never do.

Every page that a test opens fails it by an error in the browser's console, by a request that leaves this service,
and, where the test shows it to somebody (``shown``), by a serious fault of accessibility. Screenshots, light, dark
and as wide as a phone, lie in ``build/screenshots`` then; what axe-core says, in ``build/accessibility``.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request, sync_playwright

from tests.fixtures_service import ROOT, Service, StartService

SHOTS = ROOT / "build" / "screenshots"
REPORTS = ROOT / "build" / "accessibility"
CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
SERIOUS = ("serious", "critical")


class Console:
    """A service with the shipped example configuration, and what people send it."""

    def __init__(self, service: Service) -> None:
        self.service = service

    def fire(self, **fields: object) -> str:
        """An incident's id. Until there is a token, nobody needs one."""
        return str(self.service.fire(**fields)["incident"]["id"])

    def token(self, person: str, role: str = "responder") -> str:
        """One that the service knows. From then on nobody comes in without one."""
        done = self.service.triage("token", "create", "--role", role, "--person", person)
        assert done.returncode == 0, done.stderr
        token = done.stdout.strip()
        bearer = {"Authorization": f"Bearer {token}"}
        self.service.wait_until(
            lambda: self.service.get("/v1/oncall", headers=bearer).status_code == 200, "aware of the token"
        )
        return token


class Visit:
    """One person's browser. ``faults``: what went wrong in it that the test did not ask for."""

    def __init__(self, browser: Browser, url: str, **options: Any) -> None:
        self.url = url
        self.context: BrowserContext = browser.new_context(base_url=url, viewport=WIDE, **options)
        self.faults: list[str] = []
        self.expected: list[str] = []
        self.page = self.tab()

    def tab(self) -> Page:
        page = self.context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.faults.append(f"page error: {error}"))
        page.on("request", self._check)
        return page

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(word in message.text for word in self.expected):
            self.faults.append(f"{message.type}: {message.text} {message.location}")

    def _check(self, request: Request) -> None:
        if not request.url.startswith((self.url, "data:", "blob:")):
            self.faults.append(f"asked another host: {request.url}")

    def go(self, path: str) -> Page:
        answer = self.page.goto(path)
        assert answer is not None
        assert answer.status == 200, f"{path}: {answer.status}"
        return self.page

    def sign_in(self, token: str, to: str = "/") -> Page:
        self.page.goto(f"/sign-in?next={to}")
        self.page.get_by_label("Your personal token").fill(token)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(f"**{to}")
        return self.page

    def shown(self, name: str) -> None:
        """The page as it is now: three screenshots, and nothing serious that axe-core finds in any of them."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        REPORTS.mkdir(parents=True, exist_ok=True)
        found = []
        for look, scheme, size in (("light", "light", WIDE), ("dark", "dark", WIDE), ("phone", "light", PHONE)):
            self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
            self.page.set_viewport_size(size)  # type: ignore[arg-type]
            self.page.wait_for_timeout(250)
            self.page.screenshot(path=SHOTS / f"{name}-{look}.png", full_page=True)
            said = Axe().run(self.page).response
            found += [{"look": look, **_short(fault)} for fault in said["violations"]]
            overflow = self.page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert overflow <= 0, f"{name} in {look} is wider than its window by {overflow} px"
        self.page.emulate_media(color_scheme="light")
        self.page.set_viewport_size(WIDE)  # type: ignore[arg-type]
        (REPORTS / f"{name}.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
        serious = [fault for fault in found if fault["impact"] in SERIOUS]
        assert serious == [], json.dumps(serious, indent=1)

    def close(self) -> None:
        self.context.close()


def _short(fault: dict[str, Any]) -> dict[str, Any]:
    nodes = [
        {"html": node["html"][:300], "why": node.get("failureSummary", "")[:600]} for node in fault["nodes"][:5]
    ]
    return {"rule": fault["id"], "impact": fault["impact"], "help": fault["help"], "nodes": nodes}


@pytest.fixture(scope="module")
def console(start_shared: StartService) -> Console:
    """A ready service that a module's tests share, with the shipped configuration and the starter bundle."""
    return Console(_example(start_shared))


@pytest.fixture
def own_console(start_service: StartService) -> Console:
    """One that no other test looks at."""
    return Console(_example(start_service))


def _example(start: StartService) -> Service:
    service = start(started=False, MODELS_DIR=ROOT / "models")
    shutil.rmtree(service.config)
    shutil.copytree(ROOT / "config", service.config)
    return service.start()


def _click_and_arrive(locator: Locator, **how: Any) -> None:
    """A click is over when the page that it asked for stands.

    Playwright waits for the first byte of that page only, and a test that looks then finds half of it.
    """
    _click(locator, **how)
    locator.page.wait_for_load_state("domcontentloaded")


_click = Locator.click


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not for longer than a module: while it runs, no coroutine test can."""
    path = shutil.which("chromium")
    assert path is not None
    with sync_playwright() as playwright, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Locator, "click", _click_and_arrive)
        found = playwright.chromium.launch(executable_path=path, args=CHROMIUM)
        yield found
        found.close()


@pytest.fixture
def visiting(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Opens browsers of different people; at the end nothing may have gone wrong in any of them."""
    visits: list[Visit] = []

    def visit(console: Console, **options: Any) -> Visit:
        made = Visit(browser, console.service.url.rstrip("/"), **options)
        visits.append(made)
        return made

    yield visit
    faults = [fault for made in visits for fault in made.faults]
    for made in visits:
        made.close()
    assert faults == []


@pytest.fixture
def visit(visiting: Callable[..., Visit], console: Console) -> Visit:
    """One browser at the module's console."""
    return visiting(console)
