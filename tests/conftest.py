"""What every test may use. Sockets, files and processes are each test's own."""

import pytest

pytest_plugins = [
    "tests.needs",
    "tests.fixtures_store",
    "tests.fixtures_history",
    "tests.fixtures_bundles",
    "tests.fixtures_api",
    "tests.fixtures_service",
    "tests.fixtures_outage",
    "tests.fixtures_receivers",
    "tests.fixtures_alertmanager",
    "tests.fixtures_console",
]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The event loop of coroutine tests: the one that the service runs on."""
    return "asyncio"
