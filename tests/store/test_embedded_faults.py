"""What the embedded database finds in its folder and must not be misled by; what it refuses, in one sentence."""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

import triage
from triage.errors import EmbeddedDatabaseError
from triage.store.embedded import start_embedded
from triage.store.embedded_cluster import last_line
from triage.store.embedded_server import DatabaseFolder, find_postmaster, recorded_pid


@pytest.fixture
def home() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="triage-test-", dir="/tmp"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A data folder with a database made once and stopped; every test leaves it stopped."""
    path = Path(tempfile.mkdtemp(prefix="triage-test-", dir="/tmp"))
    path.chmod(0o711)
    start_embedded(path / "data").stop()
    yield path / "data"
    shutil.rmtree(path)


@pytest.fixture
def broken(made: Path, home: Path) -> DatabaseFolder:
    """A copy of the stopped database, free to be damaged; ``path.parent`` is its data folder."""
    source, copy = made / "postgres", home / "data" / "postgres"
    (home / "data").mkdir(mode=0o711)
    (home / "data").chmod(0o711)
    subprocess.run(["cp", "-a", source, copy], check=True)
    return DatabaseFolder(copy)


@pytest.fixture
def foreign(made: Path) -> Iterator[int]:
    """The pid of another program of the very account that runs the server, which PostgreSQL itself respects."""
    owner = (made / "postgres" / "cluster").stat()
    switch = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    with subprocess.Popen(["sleep", "300"], cwd="/", **switch) as program:
        yield program.pid
        program.kill()


@pytest.fixture
def zombie() -> Iterator[int]:
    """The pid of a process that ended and that its parent, this one, has not taken leave of."""
    with subprocess.Popen(["true"]) as program:
        time.sleep(0.2)
        yield program.pid


def answers(data_dir: Path) -> bool:
    """Whether the database starts and answers; stops it again."""
    database = start_embedded(data_dir)
    try:
        with psycopg.connect(database.url) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        database.stop()


def pid_file(pid: int, cluster: Path) -> bytes:
    lines = [pid, cluster, 1700000000, 5432, cluster.parent / "socket", "", "   123456     65536", "ready   "]
    return "".join(f"{line}\n" for line in lines).encode()


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"12", b"-", b"not a number\n", b"\x00\xff\xfe" * 40, b"9" * 400, b"4194304\n/else", b"-1\n"],
    ids=["empty", "newline", "truncated", "dash", "words", "bytes", "huge", "stale", "negative"],
)
def test_an_unusable_pid_file_does_not_prevent_the_start(made: Path, content: bytes) -> None:
    folder = DatabaseFolder(made / "postgres")
    folder.postmaster_pid.write_bytes(content)
    assert answers(made)
    folder.server_lock.write_bytes(content)
    assert answers(made)


def test_a_pid_file_that_names_another_program_does_not_prevent_the_start(made: Path, foreign: int) -> None:
    folder = DatabaseFolder(made / "postgres")
    folder.postmaster_pid.write_bytes(pid_file(foreign, folder.cluster))
    folder.server_lock.write_text(f"{foreign}\n")
    assert find_postmaster(folder) is None
    assert answers(made)
    os.kill(foreign, 0)


def test_a_pid_file_that_names_a_zombie_does_not_prevent_the_start(made: Path, zombie: int) -> None:
    folder = DatabaseFolder(made / "postgres")
    folder.postmaster_pid.write_bytes(pid_file(zombie, folder.cluster))
    assert answers(made)


def test_a_socket_left_by_another_process_does_not_prevent_the_start(made: Path, foreign: int) -> None:
    socket_folder = Path((made / "postgres" / "socket-folder").read_text().strip())
    (socket_folder / ".s.PGSQL.5432").touch()
    (socket_folder / ".s.PGSQL.5432.lock").write_bytes(pid_file(foreign, made / "postgres" / "cluster"))
    assert answers(made)


def test_another_databases_server_is_not_taken_for_ours(made: Path, home: Path) -> None:
    other = start_embedded(home / "other")
    try:
        pid = find_postmaster(DatabaseFolder(other.folder))
        assert pid is not None
        folder = DatabaseFolder(made / "postgres")
        folder.postmaster_pid.write_bytes(pid_file(pid, folder.cluster))
        assert answers(made)
        assert other.is_running()
    finally:
        other.stop()


def test_a_pid_is_read_only_from_a_first_line_that_holds_one(tmp_path: Path) -> None:
    file = tmp_path / "postmaster.pid"
    assert recorded_pid(file) is None
    for content, pid in {"17\nrest": 17, "-17\n": 17, " 17 \n": 17, "0": None, "²": None, "17x": None}.items():
        file.write_text(content)
        assert recorded_pid(file) == pid


def test_a_pid_file_destroyed_while_the_server_runs_is_repaired_by_a_restart(made: Path) -> None:
    database = start_embedded(made)
    try:
        DatabaseFolder(database.folder).postmaster_pid.write_bytes(b"")
        assert not database.is_running()
        database.ensure_running()
        assert database.is_running()
    finally:
        database.stop()


def test_a_server_somebody_else_started_on_the_folder_is_named_and_left_alone(broken: DatabaseFolder) -> None:
    owner = broken.cluster.stat()
    switch = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    binary = _binary_of_a_running_server(broken.path.parent)
    with subprocess.Popen(
        [binary, "-D", broken.cluster, "-c", "listen_addresses=", "-k", broken.path / "socket"],
        cwd=broken.path,
        stderr=subprocess.DEVNULL,
        **switch,
    ) as server:
        deadline = time.monotonic() + 20
        while not (broken.postmaster_pid.exists() and "ready" in broken.postmaster_pid.read_text()):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        with pytest.raises(EmbeddedDatabaseError, match=f"process {server.pid} runs .* stop it first"):
            start_embedded(broken.path.parent)
        assert server.poll() is None
        server.terminate()


def _binary_of_a_running_server(data_dir: Path) -> str:
    database = start_embedded(data_dir)
    pid = find_postmaster(DatabaseFolder(database.folder))
    binary = str(Path(f"/proc/{pid}/exe").readlink())
    database.stop()
    return binary


@pytest.mark.parametrize(
    "name",
    ["with a space", "Störungen-日本", "it's 100% {odd}, isn't it", "/".join(["deep" * 20] * 6)],
    ids=["space", "non-ascii", "quotes and commas", "long"],
)
def test_a_data_folder_may_have_any_path(home: Path, name: str) -> None:
    data_dir = home / name
    for folder in reversed([data_dir, *data_dir.relative_to(home).parents][1:]):
        (home / folder).mkdir(mode=0o711, exist_ok=True)
        (home / folder).chmod(0o711)
    assert answers(data_dir)
    assert answers(data_dir)


def test_a_path_too_long_for_postgresql_is_refused_before_anything_is_made(home: Path) -> None:
    data_dir = home
    for _ in range(9):
        data_dir /= "d" * 90
        data_dir.mkdir(mode=0o711)
    with pytest.raises(EmbeddedDatabaseError, match="path of the data folder is too long"):
        start_embedded(data_dir)


def test_a_file_in_the_data_folders_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(EmbeddedDatabaseError, match="is a file"):
        start_embedded(tmp_path / "data")
    with pytest.raises(EmbeddedDatabaseError, match="is a file"):
        start_embedded(tmp_path / "data" / "below")


def _of_another_version(folder: DatabaseFolder) -> None:
    (folder.cluster / "PG_VERSION").write_text("16\n")


def _of_no_version(folder: DatabaseFolder) -> None:
    (folder.cluster / "PG_VERSION").unlink()


def _without_its_control_file(folder: DatabaseFolder) -> None:
    (folder.cluster / "global" / "pg_control").unlink()


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (_of_another_version, "was made by PostgreSQL '16' and this installation carries 18"),
        (_of_no_version, "is not a PostgreSQL data folder"),
        (_without_its_control_file, "cannot be started: .*pg_control"),
    ],
)
def test_a_damaged_database_is_refused_with_the_reason(
    broken: DatabaseFolder, damage: Callable[[DatabaseFolder], None], sentence: str
) -> None:
    damage(broken)
    with pytest.raises(EmbeddedDatabaseError, match=sentence) as refused:
        start_embedded(broken.path.parent)
    assert "\n" not in str(refused.value)


def test_a_full_disk_while_the_database_is_made_is_told_and_leaves_nothing(home: Path) -> None:
    code = (
        "import pathlib, sys\n"
        "from triage.errors import EmbeddedDatabaseError\n"
        "from triage.store.embedded import start_embedded\n"
        "try:\n"
        "    start_embedded(pathlib.Path(sys.argv[1]))\n"
        "except EmbeddedDatabaseError as error:\n"
        "    print(error)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, home / "data"],
        env=os.environ | {"PYTHONPATH": str(Path(triage.__file__).parents[1])},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
        capture_output=True,
        text=True,
    )
    assert "cannot be made" in said.stdout, said.stderr
    assert said.stdout.count("\n") == 1
    folder = DatabaseFolder(home / "data" / "postgres")
    assert not folder.staging.exists()
    assert not folder.cluster.exists()
    assert answers(home / "data")


def test_a_making_that_was_interrupted_is_begun_anew(home: Path) -> None:
    database = start_embedded(home / "data")
    database.stop()
    folder = DatabaseFolder(database.folder)
    folder.cluster.rename(folder.staging)
    (folder.staging / "PG_VERSION").unlink()
    assert answers(home / "data")
    assert not folder.staging.exists()


def test_a_start_that_takes_too_long_is_given_up_and_leaves_no_server(made: Path) -> None:
    with pytest.raises(EmbeddedDatabaseError, match="not ready in the time allowed"):
        start_embedded(made, start_timeout=0.001)
    assert find_postmaster(DatabaseFolder(made / "postgres")) is None
    assert answers(made)


@pytest.mark.parametrize(
    ("output", "line"),
    [
        (b"one\nFATAL:  the reason\n\tHINT: more\n", "FATAL:  the reason"),
        (b"one\ninitdb: error: the reason\ninitdb: removing\n", "initdb: error: the reason"),
        (b"one\n\ntwo\n", "two"),
        (b"", "it said nothing"),
        (b"\xff\n", "\ufffd"),
    ],
)
def test_the_reason_is_the_last_error_or_the_last_line(output: bytes, line: str) -> None:
    assert last_line(output) == line
