"""The service in this process, on a real database, asked over HTTP without a socket."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from tests.fixtures_store import CATALOGUE, POLICY
from triage.app import Triage, create_app
from triage.domain.access import Role
from triage.serving.service import Service
from triage.settings import Settings
from triage.store.tokens import Tokens

T = TypeVar("T")

PATIENCE = 30.0
BASE = "http://127.0.0.1:8080"
ON_THIS_MACHINE = ("127.0.0.1", 50_000)
ELSEWHERE = ("192.0.2.7", 50_000)


class Api:
    """A running application and a client of it. ``client`` is the address that requests seem to come from."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.fatal: list[str] = []
        self.app: Triage = create_app(settings, self.fatal.append)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="api-loop")
        self._living = self.app.living()
        self._token: str | None = None
        self.client_address = ON_THIS_MACHINE

    def run(self, awaitable: Awaitable[T]) -> T:
        """The result of something awaited in the service's own loop."""

        async def wait() -> T:
            return await awaitable

        return asyncio.run_coroutine_threadsafe(wait(), self._loop).result(PATIENCE)

    def begin(self) -> "Api":
        self._thread.start()
        self.run(self._living.__aenter__())
        return self

    def ready(self) -> "Api":
        """Wait until it is."""
        self.wait_until(lambda: self.get("/readyz").status_code == 200)
        return self

    def end(self) -> None:
        self.run(self._living.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    @property
    def service(self) -> Service:
        service: Service = self.app.state.service
        return service

    def wait_until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert not self.fatal, self.fatal
            assert time.monotonic() < deadline, "not within the test's patience"
            time.sleep(0.01)

    def send(self, method: str, path: str, **options: Any) -> "Future[httpx.Response]":
        """A request on its way."""
        return asyncio.run_coroutine_threadsafe(self._send(method, path, **options), self._loop)

    async def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self._token}"} if self._token else {}
        headers |= dict(options.pop("headers", None) or {})
        transport = httpx.ASGITransport(self.app, client=self.client_address)
        async with httpx.AsyncClient(transport=transport, base_url=BASE, timeout=PATIENCE) as client:
            return await client.request(method, path, headers=headers, **options)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.send("GET", path, **options).result(PATIENCE)

    def post(self, path: str, body: object = None, **options: Any) -> httpx.Response:
        if body is not None:
            options["json"] = body
        return self.send("POST", path, **options).result(PATIENCE)

    def post_raw(self, path: str, content: bytes, **headers: str) -> httpx.Response:
        """These bytes, as JSON unless ``content_type`` says otherwise."""
        named = {"content-type": "application/json"} | {n.replace("_", "-"): v for n, v in headers.items()}
        return self.send("POST", path, content=content, headers=named).result(PATIENCE)

    def fire(self, **fields: object) -> dict[str, Any]:
        """One event that must be carried out."""
        response = self.post("/v1/incidents", event(**fields))
        assert response.status_code in {200, 201}, response.text
        found: dict[str, Any] = response.json()
        return found

    def issue(self, role: Role, owner: str, **options: Any) -> str:
        """A new token that the service knows."""
        tokens = Tokens(self.service.parts.database)
        _, secret = tokens.create(role, owner, **options)
        self.service.parts.principals.refresh()
        return secret

    @contextmanager
    def with_token(self, token: str) -> Iterator[None]:
        before, self._token = self._token, token
        try:
            yield
        finally:
            self._token = before

    def count(self, table: str) -> int:
        with self.service.parts.database.connection() as db:
            row = db.execute(f"SELECT count(*) AS n FROM {table}").fetchone()
        assert row is not None
        return int(row["n"])

    def metric(self, name: str, **labels: str) -> float:
        """The sum of the samples of this name that have these labels."""
        text = self.get("/metrics").text
        samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
        return sum(s.value for s in samples if s.name == name and labels.items() <= s.labels.items())


class OpenApi(Protocol):
    """Makes a service with a small configuration and an empty database, unless the settings name others."""

    def __call__(self, *, ready: bool = True, **settings: Any) -> Api: ...


@contextmanager
def _apis(folder: Path, new_database: Callable[[], str]) -> Iterator[OpenApi]:
    config = folder / "config"
    config.mkdir()
    (config / "catalogue.yaml").write_text(CATALOGUE, encoding="utf-8")
    (config / "escalation.yaml").write_text(POLICY, encoding="utf-8")
    with ExitStack() as stack:

        def start(*, ready: bool = True, **settings: Any) -> Api:
            given: dict[str, Any] = {
                "data_dir": folder / "data",
                "models_dir": folder / "models",
                "config_dir": config,
                "refresh_every": 0.1,
            }
            given |= settings
            given.setdefault("database_url", SecretStr(new_database()))
            given["data_dir"].mkdir(exist_ok=True)
            api = Api(Settings(**given)).begin()
            stack.callback(api.end)
            return api.ready() if ready else api

        yield start


@pytest.fixture
def open_api(tmp_path: Path, new_database: Callable[[], str]) -> Iterator[OpenApi]:
    """Services that live as long as the test."""
    with _apis(tmp_path, new_database) as start:
        yield start


@pytest.fixture
def api(open_api: OpenApi) -> Api:
    """A service of the test's own."""
    return open_api()


@pytest.fixture(scope="module")
def shared_api(tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[], str]) -> Iterator[Api]:
    """A service that the tests of one module share: they do not count what others may have stored."""
    with _apis(tmp_path_factory.mktemp("api"), new_database) as start:
        yield start()


def event(**fields: object) -> dict[str, object]:
    """A readable default, changed where the test says so; None leaves a field out."""
    found = {
        "title": "Replication lag above 30 s on orders-db",
        "service": "orders-db",
        "environment": "production",
        "severity": "warning",
        "source": "monitor",
        **fields,
    }
    return {name: value for name, value in found.items() if value is not None}
