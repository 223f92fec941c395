"""The embedded PostgreSQL: started on first use, shared by the services of one data folder, stopped with the last.

The package that carries the binaries is used for nothing else. Three kernel locks in the database's folder are the
whole coordination (``embedded_server``): services share ``users.lock``, the server's processes hold
``server.lock``, and the guard process (``embedded_guard``), which stops the server after its last user however
that died, holds ``guard.lock``. A fourth in the data folder lets one process at a time start or stop.
"""

import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import triage
from triage.errors import EmbeddedDatabaseError
from triage.store import embedded_place
from triage.store.embedded_account import Account, binaries_for, choose_account, clean_environment
from triage.store.embedded_cluster import DATABASE, ROLE, ensure_cluster, last_line, write_settings
from triage.store.embedded_locks import FileLock, held_exclusively, open_owned
from triage.store.embedded_server import (
    FAST_SHUTDOWN_SECONDS,
    DatabaseFolder,
    end_leftovers,
    find_postmaster,
    is_alive,
    recorded_socket_folder,
    remove_outside_socket,
    status,
    stop_server,
)

_START_LOCK = ".database.lock"
_RESTART_SECONDS = 60.0
_POLL_SECONDS = 0.02
_GUARD_SECONDS = 5.0
"""A guard sees within a tenth of a second that its server is gone."""


@dataclass(frozen=True)
class EmbeddedDatabase:
    """One service's share in a running server. ``url`` stays the same over restarts of the server.

    Safe for threads. Not shared over ``fork``: a child that lives on counts as the same user.
    """

    url: str
    folder: Path
    data_dir: Path
    log_file: Path
    _users: FileLock = field(repr=False, compare=False)
    _leaving: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def stop(self) -> None:
        """Idempotent. The last user stops the server and returns when it is down; others only leave."""
        with self._leaving:
            if self._users.is_held:
                try:
                    with _translated(self.data_dir), _start_lock(self.data_dir, FAST_SHUTDOWN_SECONDS):
                        self._users.release()
                        _stop_if_unused(DatabaseFolder(self.folder))
                finally:
                    self._users.release()  # whatever happened, the guard then does the rest

    def is_running(self) -> bool:
        """Whether the server accepts connections. Reads files and asks the kernel, connects to nothing."""
        return _is_running(DatabaseFolder(self.folder))

    def ensure_running(self) -> None:
        """Start the server again if it is down, for instance killed. For when connections fail.

        Raises EmbeddedDatabaseError, also after ``stop``.
        """
        with self._leaving:
            if not self._users.is_held:
                raise EmbeddedDatabaseError(f"the database in {self.folder} was stopped by this service")
            deadline = time.monotonic() + _RESTART_SECONDS
            with _translated(self.data_dir), _start_lock(self.data_dir, _RESTART_SECONDS):
                folder = DatabaseFolder(self.folder)
                _bring_up(folder, choose_account(folder.cluster), deadline)


def start_embedded(data_dir: Path, *, start_timeout: float = 60.0) -> EmbeddedDatabase:
    """Start the database of ``data_dir``, or join the server that runs there already. Makes it if there is none.

    ``start_timeout`` in seconds for everything, waiting for other processes included. Raises
    EmbeddedDatabaseError with one sentence.
    """
    deadline = time.monotonic() + start_timeout
    with _translated(data_dir):
        resolved = embedded_place.make_data_dir(data_dir)
        with _start_lock(resolved, start_timeout):
            folder, account = _locate(resolved)
            users = FileLock(folder.users_lock)
            # Held exclusively only while a guard stops the server after its last user.
            if not users.acquire(shared=True, timeout=_remaining(deadline)):
                raise EmbeddedDatabaseError(f"the server in {folder.path} is being stopped and does not end")
            try:
                _bring_up(folder, account, deadline)
                socket_folder = recorded_socket_folder(folder)
            except BaseException:
                users.release()
                raise
    url = f"postgresql://{ROLE}@/{DATABASE}?host={quote(str(socket_folder), safe='')}&port=5432"
    return EmbeddedDatabase(url=url, folder=folder.path, data_dir=resolved, log_file=folder.log, _users=users)


def _locate(data_dir: Path) -> tuple[DatabaseFolder, Account]:
    folder = embedded_place.find_folder(data_dir)
    account = choose_account(folder.cluster if folder else data_dir / "no-cluster-yet")
    folder = folder or embedded_place.make_folder(data_dir, account)
    embedded_place.check_folder(folder, account)
    return folder, account


def _is_running(folder: DatabaseFolder) -> bool:
    return (
        status(folder) == "ready"
        and find_postmaster(folder) is not None
        and is_alive(folder)
        and embedded_place.socket_file(recorded_socket_folder(folder)).exists()
    )


def _bring_up(folder: DatabaseFolder, account: Account, deadline: float) -> None:
    """Leave a server that is ready and watched over. Needs the start lock."""
    while status(folder) == "starting" and is_alive(folder) and held_exclusively(folder.guard_lock):
        # Its service died while it started, and its guard goes on with it.
        if time.monotonic() >= deadline:
            raise _late(folder)
        time.sleep(_POLL_SECONDS)
    if not _is_running(folder):
        _clear_away(folder)  # not started, dead, stopping, or alive without its socket
    elif held_exclusively(folder.guard_lock):
        return
    binaries = binaries_for(account)
    if not is_alive(folder):
        ensure_cluster(folder, account, binaries, _remaining(deadline))
        socket_folder = embedded_place.socket_folder(folder, account)
        for leftover in socket_folder.glob(".s.PGSQL.*"):
            leftover.unlink()
        write_settings(folder, account, socket_folder)
    _start_guard(folder, account, binaries, deadline)


def _clear_away(folder: DatabaseFolder) -> None:
    """What a dead server left: children, and a pid file that PostgreSQL might take for a live server's."""
    if is_alive(folder):
        if not (stop_server(folder) if find_postmaster(folder) else end_leftovers(folder)):
            raise EmbeddedDatabaseError(
                f"processes of an earlier server still use {folder.path} and cannot be ended from here "
                "(they may run in another container)"
            )
    elif (pid := find_postmaster(folder)) is not None:
        raise EmbeddedDatabaseError(
            f"process {pid} runs PostgreSQL on {folder.cluster} and was not started by this service: stop it first"
        )
    folder.postmaster_pid.unlink(missing_ok=True)


def _start_guard(folder: DatabaseFolder, account: Account, binaries: Path, deadline: float) -> None:
    log = open_owned(folder.log, os.O_WRONLY | os.O_APPEND)
    try:
        written = os.fstat(log).st_size
        uid, gid = (account.uid, account.gid) if account.switch else (-1, -1)
        seconds = _remaining(deadline)
        with subprocess.Popen(  # noqa: S603  # our own module
            [
                *(sys.executable, "-S", "-P", "-m", "triage.store.embedded_guard"),
                *(folder.path, binaries / "bin" / "postgres", str(uid), str(gid), f"{seconds:.3f}"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd="/",
            env=clean_environment() | {"PYTHONPATH": str(Path(triage.__file__).parents[1])},
            start_new_session=True,
        ) as guard:
            assert guard.stdout is not None
            outcome = _read_outcome(guard.stdout.fileno(), deadline + 10.0)
    finally:
        os.close(log)
    if outcome == b"late":
        raise _late(folder)
    if outcome != b"ready":
        with folder.log.open("rb") as stream:
            stream.seek(written)
            reason = last_line(stream.read(1_000_000))
        raise EmbeddedDatabaseError(f"PostgreSQL in {folder.path} cannot be started: {reason}")


def _late(folder: DatabaseFolder) -> EmbeddedDatabaseError:
    return EmbeddedDatabaseError(
        f"PostgreSQL in {folder.path} was not ready in the time allowed; its log is {folder.log}"
    )


def _read_outcome(pipe: int, deadline: float) -> bytes:
    """The guard's one line; empty when it died. It keeps the time itself, the deadline here is the backstop."""
    line = b""
    while not line.endswith(b"\n"):
        if not select.select([pipe], [], [], _remaining(deadline))[0]:
            return b"late"
        part = os.read(pipe, 64)
        if not part:
            return b""
        line += part
    return line.strip()


def _stop_if_unused(folder: DatabaseFolder) -> None:
    """Needs the start lock, so that nobody joins or leaves meanwhile; only the guard may be at work."""
    users = FileLock(folder.users_lock)
    if users.acquire():
        stop_server(folder)
        remove_outside_socket(folder)
        guard = FileLock(folder.guard_lock)
        guard.acquire(timeout=_GUARD_SECONDS)  # after this, no process of ours touches the folder
        guard.release()
    else:
        # Others use it and we leave at once, or the guard is stopping it and we wait for that.
        users.acquire(shared=True, timeout=FAST_SHUTDOWN_SECONDS)
    users.release()


@contextmanager
def _start_lock(data_dir: Path, seconds: float) -> Iterator[None]:
    lock = FileLock(data_dir / _START_LOCK)
    if not lock.acquire(timeout=seconds):
        raise EmbeddedDatabaseError(
            f"another process has been starting or stopping the database of {data_dir} for {seconds:.0f} seconds"
        )
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _translated(data_dir: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        at = f" ({os.fsdecode(error.filename)})" if isinstance(error.filename, str | bytes) else ""
        raise EmbeddedDatabaseError(
            f"the embedded database of {data_dir} is unusable: {error.strerror}{at}"
        ) from error


def _remaining(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())
