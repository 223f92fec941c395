"""The embedded database's life on the real server: started, shared, killed, recovered, stopped."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest

import triage
from triage.errors import EmbeddedDatabaseError
from triage.store.embedded import EmbeddedDatabase, start_embedded
from triage.store.embedded_guard import rotate_log
from triage.store.embedded_locks import held_exclusively
from triage.store.embedded_server import DatabaseFolder, find_postmaster

SERVICE = """
import pathlib, sys
from triage.store.embedded import start_embedded
database = start_embedded(pathlib.Path(sys.argv[1]))
print(database.url, flush=True)
sys.stdin.read()
database.stop()
"""


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that the server's account can reach also when root runs the tests, unlike pytest's own."""
    path = Path(tempfile.mkdtemp(prefix="triage-test-", dir="/tmp"))
    path.chmod(0o711)
    yield path
    left = processes_in(path)
    shutil.rmtree(path)
    assert left == []


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A data folder with a database made once and stopped; every test leaves it stopped."""
    path = Path(tempfile.mkdtemp(prefix="triage-test-", dir="/tmp"))
    path.chmod(0o711)
    start_embedded(path / "data").stop()
    yield path / "data"
    shutil.rmtree(path)


@pytest.fixture
def database(made: Path) -> Iterator[EmbeddedDatabase]:
    started = start_embedded(made)
    yield started
    started.stop()
    assert processes_in(made) == []


def processes_in(folder: Path) -> list[str]:
    """Servers and guards that work in ``folder``; a process on its last steps gets a moment."""
    deadline = time.monotonic() + 5
    while True:
        found = [
            " ".join(process.info["cmdline"])
            for process in psutil.process_iter(["cmdline", "status"])
            if str(folder) in " ".join(process.info["cmdline"] or [])
            and process.info["status"] != psutil.STATUS_ZOMBIE
        ]
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def ask(database: EmbeddedDatabase | str, query: str) -> object:
    url = database if isinstance(database, str) else database.url
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(query)  # type: ignore[call-overload]
        return cursor.fetchone()[0] if cursor.description else None


def postmaster_of(database: EmbeddedDatabase) -> psutil.Process:
    pid = find_postmaster(DatabaseFolder(database.folder))
    assert pid is not None
    return psutil.Process(pid)


def guards_of(database: EmbeddedDatabase) -> list[psutil.Process]:
    wanted = {"triage.store.embedded_guard", str(database.folder)}
    return [
        process for process in psutil.process_iter(["cmdline"]) if wanted <= set(process.info["cmdline"] or [])
    ]


def guard_of(database: EmbeddedDatabase) -> psutil.Process:
    (guard,) = guards_of(database)
    return guard


def lives(process: psutil.Process) -> bool:
    """A zombie whose parent is slow to take leave of it does not."""
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def start_service(data_dir: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SERVICE, data_dir],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(triage.__file__).parents[1])},
    )


def kill(service: subprocess.Popen[str]) -> None:
    service.kill()
    service.communicate()


def test_first_start_makes_a_database_with_vectors_utf8_and_checksums(home: Path) -> None:
    database = start_embedded(home / "data")
    try:
        assert ask(database, "SELECT '[1,2]'::vector <-> '[1,3]'::vector") == 1.0
        assert ask(database, "SELECT current_database() || ' ' || current_user") == "triage triage"
        assert ask(database, "SHOW server_encoding") == "UTF8"
        assert ask(database, "SHOW data_checksums") == "on"
        assert ask(database, "SELECT lower('ÅÄÖ')") == "åäö"
    finally:
        database.stop()


def test_settings_are_those_the_service_needs(database: EmbeddedDatabase) -> None:
    expected = {
        "shared_buffers": "256MB",
        "maintenance_work_mem": "256MB",
        "max_locks_per_transaction": "256",
        "max_connections": "100",
        "listen_addresses": "",
        "fsync": "on",
        "TimeZone": "UTC",
    }
    assert {name: ask(database, f"SHOW {name}") for name in expected} == expected


def test_a_warm_start_is_quick_and_finds_what_was_stored(database: EmbeddedDatabase) -> None:
    ask(database, "CREATE TABLE IF NOT EXISTS kept AS SELECT 42 AS answer")
    database.stop()
    began = time.monotonic()
    again = start_embedded(database.data_dir)
    took = time.monotonic() - began
    try:
        assert ask(again, "SELECT answer FROM kept") == 42
        assert again.url == database.url
    finally:
        again.stop()
    assert took < 2.0  # 0.15 s on two idle cores


def test_the_service_is_no_superuser_but_may_make_databases_with_vectors(database: EmbeddedDatabase) -> None:
    assert ask(database, "SHOW is_superuser") == "off"
    ask(database, "CREATE DATABASE scratch")
    try:
        assert ask(database.url.replace("/triage?", "/scratch?"), "SELECT '[1]'::vector::text") == "[1]"
    finally:
        ask(database, "DROP DATABASE scratch")


def test_only_peer_authentication_on_a_private_socket_lets_anyone_in(database: EmbeddedDatabase) -> None:
    superuser = database.url.replace("//triage@", "//postgres@")
    assert (
        ask(superuser, "SELECT string_agg(type || ' ' || auth_method, ',') FROM pg_hba_file_rules") == "local peer"
    )
    socket_folder = Path((database.folder / "socket-folder").read_text().strip())
    assert socket_folder.stat().st_mode & 0o777 == 0o700
    assert (database.folder / "cluster").stat().st_mode & 0o777 == 0o700
    with pytest.raises(psycopg.OperationalError, match=r"[Pp]eer authentication failed"):
        psycopg.connect(database.url.replace("//triage@", "//somebody@"))


def test_a_second_service_shares_the_server_and_the_last_one_stops_it(database: EmbeddedDatabase) -> None:
    service = start_service(database.data_dir)
    assert service.stdout is not None
    assert service.stdout.readline().strip() == database.url
    postmaster = postmaster_of(database)
    database.stop()
    assert lives(postmaster)
    assert ask(database.url, "SELECT 1") == 1
    service.communicate("")
    assert service.returncode == 0
    assert not lives(postmaster)


def test_stopping_twice_is_stopping_once_and_never_for_others(database: EmbeddedDatabase) -> None:
    other = start_embedded(database.data_dir)
    other.stop()
    other.stop()
    assert database.is_running()
    with pytest.raises(EmbeddedDatabaseError, match="was stopped by this service"):
        other.ensure_running()


def test_two_services_starting_at_once_on_an_empty_folder_share_one_server(home: Path) -> None:
    services = [start_service(home / "data") for _ in range(2)]
    urls = {service.stdout.readline().strip() for service in services if service.stdout}
    try:
        assert len(urls) == 1
        assert ask(urls.pop(), "SELECT 1") == 1
    finally:
        for service in services:
            service.communicate("", timeout=60)


def test_threads_starting_and_stopping_at_random_never_lose_the_server(database: EmbeddedDatabase) -> None:
    def visit(_: int) -> object:
        visitor = start_embedded(database.data_dir)
        try:
            return ask(visitor, "SELECT 1")
        finally:
            visitor.stop()

    postmaster = postmaster_of(database)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(visit, range(12))) == [1] * 12
    assert lives(postmaster)


def test_a_killed_service_leaves_no_server_behind(made: Path) -> None:
    service = start_service(made)
    assert service.stdout is not None
    service.stdout.readline()
    kill(service)
    assert processes_in(made) == []
    log = (made / "postgres" / "server.log").read_text()
    assert log.rstrip().endswith("database system is shut down")


def test_a_server_whose_service_and_guard_were_killed_is_adopted_and_guarded_again(made: Path) -> None:
    service = start_service(made)
    assert service.stdout is not None
    url = service.stdout.readline().strip()
    joined = start_embedded(made)
    postmaster = postmaster_of(joined)
    guard_of(joined).kill()
    kill(service)
    wait_for(lambda: not held_exclusively(DatabaseFolder(joined.folder).guard_lock))
    adopted = start_embedded(made)
    try:
        assert adopted.url == url
        assert postmaster_of(adopted).pid == postmaster.pid
        assert lives(guard_of(adopted))
    finally:
        joined.stop()
        adopted.stop()
    assert processes_in(made) == []


@pytest.mark.parametrize("with_children", [False, True], ids=["postmaster", "whole server"])
def test_a_killed_server_is_started_again_at_the_same_address(
    database: EmbeddedDatabase, with_children: bool
) -> None:
    ask(database, "CREATE TABLE IF NOT EXISTS survivors (number int)")
    ask(database, "INSERT INTO survivors VALUES (1)")
    before = ask(database, "SELECT count(*) FROM survivors")
    postmaster = postmaster_of(database)
    for process in [postmaster, *(postmaster.children() if with_children else [])]:
        process.kill()
    wait_for(lambda: not database.is_running())
    database.ensure_running()
    assert database.is_running()
    assert ask(database, "SELECT count(*) FROM survivors") == before


def test_a_child_that_outlives_its_postmaster_does_not_prevent_the_next_start(database: EmbeddedDatabase) -> None:
    postmaster = postmaster_of(database)
    stuck = postmaster.children()[0]
    stuck.suspend()
    postmaster.kill()
    wait_for(lambda: not database.is_running())
    assert lives(stuck)
    database.ensure_running()
    assert ask(database, "SELECT 1") == 1
    assert not lives(stuck)


def test_a_server_that_a_killed_service_was_starting_is_waited_for(database: EmbeddedDatabase) -> None:
    postmaster = postmaster_of(database)
    pid_file = DatabaseFolder(database.folder).postmaster_pid
    content = pid_file.read_text()
    pid_file.write_text(content.replace("ready   ", "starting"))
    with pytest.raises(EmbeddedDatabaseError, match="not ready in the time allowed"):
        start_embedded(database.data_dir, start_timeout=0.2)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(start_embedded, database.data_dir)
        time.sleep(0.2)
        assert not waiting.done()
        pid_file.write_text(content)
        waiting.result().stop()
    assert lives(postmaster)


def test_threads_that_notice_a_dead_server_together_start_one(database: EmbeddedDatabase) -> None:
    postmaster_of(database).kill()
    wait_for(lambda: not database.is_running())
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: database.ensure_running(), range(4)))
    assert ask(database, "SELECT 1") == 1
    wait_for(lambda: len(guards_of(database)) == 1)


def test_ensuring_a_running_server_leaves_it_alone(database: EmbeddedDatabase) -> None:
    postmaster = postmaster_of(database)
    database.ensure_running()
    assert postmaster_of(database).pid == postmaster.pid


def test_a_server_that_lost_its_socket_is_started_again(database: EmbeddedDatabase) -> None:
    (database.folder / "socket" / ".s.PGSQL.5432").unlink()
    assert not database.is_running()
    database.ensure_running()
    assert ask(database, "SELECT 1") == 1


def test_a_server_whose_folder_was_deleted_ends(home: Path) -> None:
    database = start_embedded(home / "data")
    postmaster = postmaster_of(database)
    while (home / "data").exists():  # the server may still write while we delete
        shutil.rmtree(home / "data", ignore_errors=True)
    wait_for(lambda: not lives(postmaster))
    with pytest.raises(EmbeddedDatabaseError, match="unusable"):
        database.stop()


def test_interrupting_the_terminal_reaches_neither_server_nor_guard(database: EmbeddedDatabase) -> None:
    own_session = os.getsid(0)
    for process in (postmaster_of(database), guard_of(database)):
        assert os.getsid(process.pid) != own_session
        assert os.getpgid(process.pid) != os.getpgid(0)


def test_the_server_knows_none_of_the_services_secrets(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIAGE_BOOTSTRAP_TOKEN", "not-for-the-server")
    monkeypatch.setenv("PGPORT", "1")
    database = start_embedded(made)
    try:
        for process in (postmaster_of(database), guard_of(database)):
            assert {"TRIAGE_BOOTSTRAP_TOKEN", "PGPORT"}.isdisjoint(process.environ())
        assert ask(database, "SELECT 1") == 1
    finally:
        database.stop()


def test_what_failed_statements_say_is_not_in_the_log(database: EmbeddedDatabase) -> None:
    failing = [
        "SELECT 'secret-patient'::int",
        "SELECT secret_patient",
        "DO $$ BEGIN RAISE WARNING 'secret-patient'; END $$",
        "CREATE TEMP TABLE t (a text CHECK (a = '')); INSERT INTO t VALUES ('secret-patient')",
    ]
    for statement in failing:
        with suppress(psycopg.Error):
            ask(database, statement)
    with psycopg.connect(database.url) as connection, pytest.raises(psycopg.Error):
        connection.execute("SELECT %s::int", ["secret-patient"])
    log = database.log_file.read_text()
    assert "ready to accept connections" in log
    assert "secret" not in log


def test_a_full_log_is_kept_once_and_emptied_for_the_writer_that_has_it_open(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    with log.open("ab", buffering=0) as server:
        server.write(b"x" * 100)
        rotate_log(log, limit=101)
        assert log.stat().st_size == 100
        rotate_log(log, limit=100)
        server.write(b"after")
    assert log.read_bytes() == b"after"
    assert (tmp_path / "server.log.1").read_bytes() == b"x" * 100


def test_a_signal_to_the_guard_alone_does_not_stop_a_server_in_use(database: EmbeddedDatabase) -> None:
    guard = guard_of(database)
    guard.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    assert lives(guard)
    assert ask(database, "SELECT 1") == 1
