"""A PostgreSQL server that tests may take away: stopped, killed or frozen, and given back."""

import signal
from collections.abc import Iterator
from itertools import count

import psutil
import psycopg
import pytest

from tests.fixtures_service import open_folder
from tests.fixtures_store import address_of
from triage.store.embedded import EmbeddedDatabase, start_embedded
from triage.store.embedded_server import DatabaseFolder, find_postmaster, stop_server


class ServerToLose:
    """To the services that use it by its address it is somebody else's server: they cannot start it again."""

    def __init__(self, embedded: EmbeddedDatabase) -> None:
        self._embedded = embedded
        self._numbers = count()

    def new_database(self) -> str:
        """The address of an empty database."""
        name = f"lost_{next(self._numbers)}"
        with psycopg.connect(self._embedded.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]  # a number of ours
        return address_of(self._embedded.url, name)

    def stop(self) -> None:
        """As an operator does for an upgrade: connections are told goodbye."""
        assert stop_server(DatabaseFolder(self._embedded.folder))

    def start(self) -> None:
        """Also after it was frozen."""
        for process in processes_of(self._embedded):
            process.resume()
        self._embedded.ensure_running()


def processes_of(embedded: EmbeddedDatabase) -> list[psutil.Process]:
    return postgres_processes(DatabaseFolder(embedded.folder))


def postgres_processes(folder: DatabaseFolder) -> list[psutil.Process]:
    """The postmaster first, then its children; none when it does not run."""
    pid = find_postmaster(folder)
    if pid is None:
        return []
    postmaster = psutil.Process(pid)
    return [postmaster, *postmaster.children()]


def freeze(processes: list[psutil.Process]) -> None:
    """Nothing answers and no connection breaks, as when a disk hangs or a network swallows packets."""
    for process in processes:
        process.send_signal(signal.SIGSTOP)


@pytest.fixture(scope="module")
def _server_to_lose() -> Iterator[ServerToLose]:
    with open_folder() as folder:
        embedded = start_embedded(folder / "data")
        server = ServerToLose(embedded)
        yield server
        server.start()
        embedded.stop()


@pytest.fixture
def server_to_lose(_server_to_lose: ServerToLose) -> ServerToLose:
    """A running server of this module's own, whatever the test before did to it."""
    _server_to_lose.start()
    return _server_to_lose
