"""Where an embedded database lies: its folder, found again for ever, and the folder of its socket."""

import hashlib
import os
import re
import tempfile
from pathlib import Path

from triage.errors import EmbeddedDatabaseError
from triage.store.embedded_account import Account, make_system_folder, user_name
from triage.store.embedded_locks import open_owned
from triage.store.embedded_server import DatabaseFolder, recorded_socket_folder

NOTE = "database-location.txt"
_INSIDE = "postgres"
_LONGEST_PATH = 800
"""Bytes of a cluster's path. PostgreSQL keeps paths in buffers of 1,024 and appends file names to them."""
_SOCKET_NAME = ".s.PGSQL.5432"
_LONGEST_SOCKET = 100
"""Bytes; systems allow 104 to 108 with the closing NUL."""
_PLAIN = re.compile(r"/[A-Za-z0-9/._+-]*", re.ASCII)
"""What needs no quoting in settings and connection strings, where a comma would begin another socket."""


def make_data_dir(data_dir: Path) -> Path:
    """The resolved folder, made if missing: closed to others, but root's own server account may pass through."""
    resolved = data_dir.expanduser().resolve()
    nearest = next(path for path in (resolved, *resolved.parents) if path.exists())
    if not nearest.is_dir():
        raise EmbeddedDatabaseError(f"{nearest} is a file, and a folder for the data was expected there")
    if not resolved.exists():
        resolved.parent.mkdir(parents=True, exist_ok=True)
        _make_folder(resolved)
    if not os.access(resolved, os.W_OK | os.X_OK):
        raise EmbeddedDatabaseError(
            f"user {user_name(os.geteuid())!r} may not write in the data folder {resolved}"
        )
    return resolved


def find_folder(data_dir: Path) -> DatabaseFolder | None:
    """Where this data folder's database is already, if it has one."""
    note = data_dir / NOTE
    if note.exists():
        noted = Path(os.fsdecode(note.read_bytes().rstrip(b"\n").rpartition(b"\n")[2]))
        if not noted.is_dir():
            raise EmbeddedDatabaseError(
                f"{note} says that the database is in {noted}, which does not exist: restore that folder, "
                "or delete the note to begin with an empty database"
            )
        return DatabaseFolder(noted)
    inside = DatabaseFolder(data_dir / _INSIDE)
    return inside if inside.cluster.exists() else None


def make_folder(data_dir: Path, account: Account) -> DatabaseFolder:
    """A place for a new database: in the data folder, or in the system's if the account cannot reach that."""
    if account.may("-x", data_dir):
        inside = DatabaseFolder(data_dir / _INSIDE)
        if not inside.path.exists():
            _make_folder(inside.path)
        return inside
    outside = DatabaseFolder(_make_numbered_folder(data_dir))
    write_owned(
        data_dir / NOTE,
        f"User {user_name(account.uid)}, which runs PostgreSQL for root, may not reach this folder.\n"
        "The database is therefore in:\n".encode()
        + os.fsencode(outside.path)
        + b"\n",
    )
    return outside


def check_folder(folder: DatabaseFolder, account: Account) -> None:
    if not account.may("-x", folder.path):
        raise EmbeddedDatabaseError(
            f"user {user_name(account.uid)!r}, who runs PostgreSQL, may not reach the database in {folder.path}"
        )
    if len(os.fsencode(folder.staging)) > _LONGEST_PATH:
        raise EmbeddedDatabaseError(
            f"the path of the data folder is too long for PostgreSQL (more than {_LONGEST_PATH} bytes with the "
            "database's part): set TRIAGE_DATA_DIR to a shorter one"
        )


def socket_folder(folder: DatabaseFolder, account: Account) -> Path:
    """The folder of the socket, 0700 and the account's: the recorded one, so that addresses last, or a new one."""
    if folder.socket_record.exists():
        earlier = recorded_socket_folder(folder)
        if _is_private(earlier, account) or (earlier.parent.is_dir() and _make_private(earlier, account)):
            return earlier
    inside = folder.path / "socket"
    if fits_socket(inside) and (_is_private(inside, account) or _make_private(inside, account)):
        chosen = inside
    else:
        chosen = Path(tempfile.mkdtemp(prefix="triage-", dir=_short_folder(account)))
        _give(chosen, account)
    write_owned(folder.socket_record, f"{chosen}\n".encode())
    return chosen


def socket_file(folder: Path) -> Path:
    return folder / _SOCKET_NAME


def fits_socket(folder: Path) -> bool:
    path = str(socket_file(folder))
    return len(path) <= _LONGEST_SOCKET and _PLAIN.fullmatch(path) is not None


def write_owned(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Replace a file of ours whole."""
    beside = path.with_name(f"{path.name}.new")
    beside.unlink(missing_ok=True)
    with os.fdopen(open_owned(beside, os.O_WRONLY | os.O_EXCL, mode), "wb") as stream:
        os.fchmod(stream.fileno(), mode)  # whatever the umask says
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(path)


def _make_folder(path: Path) -> None:
    """Ours and closed; where the server has another account, passable on its way to its own."""
    path.mkdir(mode=0o700)
    if os.geteuid() == 0:
        path.chmod(0o711)


def _make_numbered_folder(data_dir: Path) -> Path:
    """Numbered, since a data folder that was deleted and made again has a new and empty database."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", data_dir.name)[:40].strip("-.") or "data"
    stem = f"{name}-{hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]}"
    number = 1
    while True:
        path = make_system_folder() / (stem if number == 1 else f"{stem}-{number}")
        try:
            _make_folder(path)
        except FileExistsError:
            number += 1
        else:
            return path


def _short_folder(account: Account) -> Path:
    if account.switch:
        return make_system_folder()
    for candidate in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):  # noqa: S108  # mkdtemp's
        if (
            candidate
            and fits_socket(Path(candidate) / "triage-12345678")
            and os.access(candidate, os.W_OK | os.X_OK)
        ):
            return Path(candidate)
    raise EmbeddedDatabaseError("no folder with a path short enough for PostgreSQL's socket can be written to")


def _make_private(path: Path, account: Account) -> bool:
    """False when something else is there."""
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        return False
    _give(path, account)
    return True


def _give(path: Path, account: Account) -> None:
    path.chmod(0o700)
    if account.switch:
        os.chown(path, account.uid, account.gid)


def _is_private(path: Path, account: Account) -> bool:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    return found.st_uid == account.uid and found.st_mode & 0o170777 == 0o040700
