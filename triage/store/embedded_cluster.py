"""The data folder of an embedded PostgreSQL (its *cluster*): made whole or not at all, and its settings."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path

from triage.errors import EmbeddedDatabaseError
from triage.store.embedded_account import POSTGRESQL_MAJOR, Account, user_name
from triage.store.embedded_place import write_owned
from triage.store.embedded_server import DatabaseFolder

DATABASE = "triage"
ROLE = "triage"
_SUPERUSER = "postgres"
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  # looked at, not written to
_ENOUGH_SHARED_MEMORY = 1024**3

# What a failed statement says may hold incident text: statements and errors below LOG are not logged at all, and
# the details of the rest (rows, queries) are left out.
_SETTINGS = """\
# Written at every start. Change settings with ALTER SYSTEM, which this file does not undo.
cluster_name = 'triage'
listen_addresses = ''
port = 5432
unix_socket_permissions = 0700
max_connections = 100
shared_buffers = 256MB
maintenance_work_mem = 256MB
max_locks_per_transaction = 256
fsync = on
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
default_text_search_config = 'pg_catalog.simple'
log_destination = 'stderr'
logging_collector = off
log_min_messages = log
log_min_error_statement = panic
log_error_verbosity = terse
log_statement = 'none'
log_min_duration_statement = -1
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_checkpoints = off
"""

# The extension is put into template1, so every database made later has it too.
_PROVISION = f"""\
CREATE EXTENSION vector;
CREATE ROLE {ROLE} LOGIN CREATEDB;
CREATE DATABASE {DATABASE} OWNER {ROLE};
"""


def ensure_cluster(folder: DatabaseFolder, account: Account, binaries: Path, seconds: float) -> None:
    """Check the cluster, or make it with role, database and extension (about a second).

    It is made beside its place and renamed, so that an interrupted making leaves nothing that looks like one.
    """
    if folder.cluster.is_dir() and any(folder.cluster.iterdir()):
        _check_version(folder)
        return
    if folder.staging.exists():
        shutil.rmtree(folder.staging)
    try:
        _make_cluster(folder, account, binaries, seconds)
        folder.staging.rename(folder.cluster)
        _sync_folder(folder.path)
    finally:
        shutil.rmtree(folder.staging, ignore_errors=True)


def write_settings(folder: DatabaseFolder, account: Account, socket_folder: Path) -> None:
    """``peer`` alone lets anyone in: the kernel vouches for the account at the other end of the socket."""
    memory = "posix" if _has_shared_memory() else "mmap"
    settings = f"{_SETTINGS}dynamic_shared_memory_type = {memory}\nunix_socket_directories = '{socket_folder}'\n"
    accounts = {pwd.getpwuid(0).pw_name, user_name(os.geteuid()), user_name(account.uid)}
    users = "".join(f'triage "{name}" {role}\n' for name in sorted(accounts) for role in (ROLE, _SUPERUSER))
    mode = 0o644 if account.switch else 0o600
    write_owned(folder.settings, settings.encode(), mode)
    write_owned(folder.access_rules, b"local all all peer map=triage\n", mode)
    write_owned(folder.user_map, users.encode(), mode)


def last_line(output: bytes) -> str:
    """The line that says what went wrong: the last error, or simply the last line."""
    lines = [line.strip() for line in output.decode(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if any(word in line for word in ("FATAL:", "PANIC:", "ERROR:", " error: "))]
    return (errors or lines or ["it said nothing"])[-1][:500]


def _make_cluster(folder: DatabaseFolder, account: Account, binaries: Path, seconds: float) -> None:
    folder.staging.mkdir(mode=0o700)
    if account.switch:
        os.chown(folder.staging, account.uid, account.gid)
    initdb: list[str | Path] = [
        *(binaries / "bin" / "initdb", "-D", folder.staging, f"--username={_SUPERUSER}", "--auth=peer"),
        # The built-in locale sorts the same on every system and version of its C library.
        *("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
        *("--data-checksums", "--no-instructions"),
    ]
    single: list[str | Path] = [
        binaries / "bin" / "postgres",
        "--single",
        "-D",
        folder.staging,
        "-c",
        "exit_on_error=on",
        "template1",
    ]
    for command, stdin in ((initdb, b""), (single, _PROVISION.encode())):
        try:
            done = account.run(command, folder=folder.path, seconds=seconds, stdin=stdin)
        except subprocess.TimeoutExpired as error:
            raise EmbeddedDatabaseError(
                f"the database in {folder.path} was not made in the time allowed"
            ) from error
        if done.returncode != 0:
            raise EmbeddedDatabaseError(f"the database in {folder.path} cannot be made: {last_line(done.stdout)}")


def _check_version(folder: DatabaseFolder) -> None:
    file = folder.cluster / "PG_VERSION"
    if not file.exists():
        raise EmbeddedDatabaseError(f"{folder.cluster} is not a PostgreSQL data folder: it has no PG_VERSION")
    found = file.read_text(errors="replace").strip()[:20]
    if found != str(POSTGRESQL_MAJOR):
        raise EmbeddedDatabaseError(
            f"the database in {folder.cluster} was made by PostgreSQL {found!r} and this installation carries "
            f"{POSTGRESQL_MAJOR}: move it with pg_dump, or set TRIAGE_DATABASE_URL"
        )


def _has_shared_memory() -> bool:
    """Containers often have 64 MB of it, too little for parallel builds of vector indexes."""
    return not _SHARED_MEMORY.is_dir() or shutil.disk_usage(_SHARED_MEMORY).total >= _ENOUGH_SHARED_MEMORY


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
