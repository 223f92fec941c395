"""The server process of an embedded database: is it alive, is it ours, is it ready, and how it is stopped.

Every process of the server (postmaster and children) inherits an exclusive lock on ``server.lock``. So "some
process of it lives" is a fact of the kernel, whatever a pid file says; pids serve only to send signals, and
only after a check that the process is a PostgreSQL working in our data folder.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from triage.store.embedded_locks import held_exclusively

_POLL_SECONDS = 0.02
_PROC = Path("/proc")
FAST_SHUTDOWN_SECONDS = 60.0
"""For the checkpoint of a fast shutdown; after it the shutdown is immediate and the next start recovers."""


class DatabaseFolder(NamedTuple):
    """Where everything of one embedded database lies. Only ``cluster`` and the socket belong to the server."""

    path: Path

    @property
    def cluster(self) -> Path:
        return self.path / "cluster"

    @property
    def staging(self) -> Path:
        """A cluster in the making; renamed to ``cluster`` when complete."""
        return self.path / "cluster.new"

    @property
    def postmaster_pid(self) -> Path:
        return self.cluster / "postmaster.pid"

    @property
    def log(self) -> Path:
        return self.path / "server.log"

    @property
    def settings(self) -> Path:
        return self.path / "postgresql.conf"

    @property
    def access_rules(self) -> Path:
        return self.path / "pg_hba.conf"

    @property
    def user_map(self) -> Path:
        return self.path / "pg_ident.conf"

    @property
    def socket_record(self) -> Path:
        """Names the socket's folder, which lies elsewhere when this path is too long for a socket."""
        return self.path / "socket-folder"

    @property
    def users_lock(self) -> Path:
        """Shared by every service that uses the database; exclusive for who stops the server."""
        return self.path / "users.lock"

    @property
    def guard_lock(self) -> Path:
        return self.path / "guard.lock"

    @property
    def server_lock(self) -> Path:
        """Held by the server's processes; holds the postmaster's pid."""
        return self.path / "server.lock"


def recorded_socket_folder(folder: DatabaseFolder) -> Path:
    return Path(folder.socket_record.read_text().strip())


def remove_outside_socket(folder: DatabaseFolder) -> None:
    """Leave no empty folder in shared places after the last user; a next start makes the recorded one again."""
    outside = recorded_socket_folder(folder)
    if outside.parent != folder.path:
        with suppress(OSError):
            outside.rmdir()


def is_alive(folder: DatabaseFolder) -> bool:
    """Whether any process of the server lives, be it only a child that outlived its postmaster."""
    return held_exclusively(folder.server_lock)


def status(folder: DatabaseFolder) -> str:
    """What the postmaster says of itself in its pid file: ``starting``, ``ready``, ``stopping`` or nothing."""
    lines = _lines(folder.postmaster_pid)
    return lines[7].strip() if len(lines) >= 8 else ""


def find_postmaster(folder: DatabaseFolder) -> int | None:
    """The pid of a live postmaster of this very data folder. Pid files are hints; the process is asked."""
    for file in (folder.server_lock, folder.postmaster_pid):
        pid = recorded_pid(file)
        if pid is not None and _works_in(pid, folder.cluster):
            return pid
    return None


def recorded_pid(file: Path) -> int | None:
    """The pid in a file's first line; None for a file that is missing, empty, cut off or something else."""
    first = next(iter(_lines(file)), "").strip().lstrip("-")  # a stand-alone backend writes its pid negated
    return int(first) if first.isascii() and first.isdigit() and 0 < int(first[:12]) < 2**31 else None


def stop_server(folder: DatabaseFolder, *, patience: float = FAST_SHUTDOWN_SECONDS) -> bool:
    """Stop every process of the server: cleanly, else at once, else by force. True when none is left."""
    for number, seconds in ((signal.SIGINT, patience), (signal.SIGQUIT, 5.0)):
        pid = find_postmaster(folder)
        if pid is None:
            break
        _send(pid, number)
        if _wait_until_gone(folder, seconds):
            return True
    return end_leftovers(folder)


def end_leftovers(folder: DatabaseFolder, *, patience: float = 10.0) -> bool:
    """End children that outlived their postmaster; they hold shared memory that a new server needs.

    They usually leave by themselves within moments. True when none is left.
    """
    if not is_alive(folder) or _wait_until_gone(folder, 1.0):
        return True
    for pid in _processes():
        if _works_in(pid, folder.cluster):
            _send(pid, signal.SIGKILL)
    return _wait_until_gone(folder, patience)


def _wait_until_gone(folder: DatabaseFolder, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while is_alive(folder):
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _lines(file: Path) -> list[str]:
    try:
        with file.open("rb") as stream:
            return stream.read(8192).decode(errors="replace").splitlines()
    except OSError:
        return []


def _send(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):  # it left between the look and the signal
        os.kill(pid, number)


def _processes() -> Iterator[int]:
    if _PROC.is_dir():
        yield from (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())


def _works_in(pid: int, cluster: Path) -> bool:
    """Whether ``pid`` is a live PostgreSQL (no zombie) whose data folder is ``cluster``."""
    if not (_PROC / "self").exists():
        return _is_started_for(pid, cluster)
    process = _PROC / str(pid)
    try:
        # PostgreSQL changes into its data folder and stays there; a zombie has no working folder any more.
        return (process / "comm").read_text().startswith("postgres") and (process / "cwd").samefile(cluster)
    except OSError:
        return False


def _is_started_for(pid: int, cluster: Path) -> bool:
    """The same by the command line, where there is no ``/proc`` (macOS)."""
    try:
        shown = subprocess.run(  # noqa: S603  # a number is the only thing that varies
            ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, check=False
        )
    except FileNotFoundError:
        return False
    return b"postgres" in shown.stdout and os.fsencode(cluster) in shown.stdout
