"""Connections to PostgreSQL, and what a lost one means."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import resources

import psycopg
from pgvector.psycopg import register_vector
from psycopg import Connection
from psycopg.abc import RV, PQGen
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from triage.errors import StoreRefused, StoreUnavailable

MIGRATION_LOCK = 7_041_776_001
"""Key of the advisory lock under which one of many starting replicas migrates."""

SEARCH_WIDTH = 100
"""Candidates that a nearest-neighbour search keeps; more finds more of the true neighbours and costs time."""

STATEMENT_PATIENCE = 5.0
"""Seconds that a request waits for the answer to a statement. Senders give up after about ten, and what was not
carried out by then is kept in the spool anyway."""

UNATTENDED_PATIENCE = 20.0
"""Seconds for work that nobody waits for: to give up and begin anew would cost it more than to wait."""

PROBE_PATIENCE = 1.0
"""Seconds within which a server that is there takes a cancellation, or answers a question that costs nothing."""

Row = DictRow
Db = Connection[DictRow]


class StatementTooSlow(psycopg.OperationalError):
    """No answer in time, from a server that took the cancellation: it may be busy, and need not be away."""


class PatientConnection(Connection[DictRow]):
    """Gives up on a server that does not answer: when a machine freezes or a network swallows packets, no
    connection breaks, and whoever waits would wait for as long as it lasts."""

    patience = STATEMENT_PATIENCE

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        try:
            return super().wait(gen, interval, self.patience if timeout is None else timeout)
        except psycopg.OperationalError as error:
            if self.pgconn.transaction_status != TransactionStatus.ACTIVE:
                raise
            try:
                # Else it would go on holding and awaiting locks while the same is tried again.
                self.cancel_safe(timeout=PROBE_PATIENCE)
            except psycopg.Error:
                raise error from None
            finally:
                self.pgconn.finish()  # its answer may still come, and must not be taken for another's
            raise StatementTooSlow("a statement was given up") from error


class Database:
    """A pool of connections. ``timeout``: seconds a caller waits for one before StoreUnavailable.

    Once a connection could not be had, callers are refused at once until ``is_reachable`` finds the
    database again, so that an outage costs each of them nothing.
    """

    def __init__(self, url: str, *, size: int = 8, timeout: float = 3.0) -> None:
        self.url = url
        self.is_down = False
        self._timeout = timeout
        self._patience = ContextVar("patience", default=STATEMENT_PATIENCE)
        self._pool: ConnectionPool[PatientConnection] = ConnectionPool(
            url,
            connection_class=PatientConnection,
            min_size=2,
            max_size=size,
            open=False,
            timeout=timeout,
            reconnect_timeout=1.0,
            max_idle=300.0,
            configure=_configure,
            kwargs={"row_factory": dict_row, "autocommit": True, "connect_timeout": 3},
        )

    def open(self) -> None:
        """Connect. Raises StoreUnavailable when no connection comes within the time-out."""
        try:
            self._pool.open(wait=True, timeout=max(self._timeout, 5.0))
        except PoolTimeout as error:
            raise StoreUnavailable("the database cannot be reached") from error

    def close(self) -> None:
        self._pool.close()

    @contextmanager
    def connection(self) -> Iterator[Db]:
        """A connection in autocommit mode. Raises StoreUnavailable when the database is away."""
        if self.is_down:
            raise StoreUnavailable("the database cannot be reached")
        with self._connection() as connection:
            yield connection

    @contextmanager
    def _connection(self) -> Iterator[PatientConnection]:
        with (
            named_failures(self._note_down, self._answers),
            self._pool.connection(timeout=self._timeout) as connection,
        ):
            connection.patience = self._patience.get()
            yield connection

    @contextmanager
    def unattended(self) -> Iterator[None]:
        """Statements of this thread may take longer: nobody waits for what they do."""
        before = self._patience.set(UNATTENDED_PATIENCE)
        try:
            yield
        finally:
            self._patience.reset(before)

    @contextmanager
    def transaction(self) -> Iterator[Db]:
        """One transaction, committed when the block ends and rolled back when it raises."""
        with self.connection() as connection, connection.transaction():
            yield connection

    @contextmanager
    def exploring(self) -> Iterator[Db]:
        """A connection for statements whose best plan depends on what is asked for, such as lists with filters."""
        with self.transaction() as connection:
            connection.execute("SET LOCAL plan_cache_mode = auto")
            yield connection

    def is_reachable(self) -> bool:
        """Ask the database itself; its answer ends or begins an outage."""
        try:
            with self._connection() as connection:
                connection.patience = PROBE_PATIENCE
                connection.execute("SELECT 1")
        except StoreUnavailable:
            # All of its connections may be at work that takes long.
            if not self._answers():
                self._note_down()
                self._pool.drain()
                return False
        self.is_down = False
        return True

    def _answers(self) -> bool:
        """Whether the server is there, asked on a connection of its own."""
        try:
            with PatientConnection.connect(self.url, autocommit=True, connect_timeout=2) as connection:
                connection.patience = PROBE_PATIENCE
                connection.execute("SELECT 1")
        except psycopg.Error:
            return False
        return True

    def _note_down(self) -> None:
        self.is_down = True


@contextmanager
def named_failures(
    note_down: Callable[[], None] = lambda: None, answers: Callable[[], bool] = lambda: False
) -> Iterator[None]:
    """Every failure of the database by our own names: away, busy, or a refused statement. Whatever took too long
    asks ``answers`` which of the first two it is."""
    try:
        yield
    except PoolClosed as error:
        note_down()
        raise StoreUnavailable("the database cannot be reached") from error
    except (PoolTimeout, StatementTooSlow) as error:
        if answers():
            raise StoreUnavailable("the database is busy", retry_after=1) from error
        note_down()
        raise StoreUnavailable("the database cannot be reached") from error
    except (psycopg.errors.DeadlockDetected, psycopg.errors.LockNotAvailable) as error:
        raise StoreUnavailable("the database is busy with the same rows", retry_after=1) from error
    except psycopg.errors.QueryCanceled as error:
        raise StoreUnavailable("the database is busy", retry_after=1) from error
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        note_down()
        raise StoreUnavailable("the database went away") from error
    except psycopg.Error as error:
        raise StoreRefused(f"the database refused a statement ({error.sqlstate})") from error


def _configure(connection: Db) -> None:
    if connection.execute("SELECT 1 FROM pg_type WHERE typname = 'halfvec'").fetchone():
        register_vector(connection)
        connection.execute(f"SET hnsw.ef_search = {SEARCH_WIDTH}")
    # A batch's look-ups are the same few statements by key, whatever they ask for: planning each anew took longer
    # than carrying it out (measured: one event from 11.8 to 3.7 ms, one prediction's look-ups from 1.8 to 1.1).
    # Whose client vanished in the middle of a transaction must not hold its locks for ever.
    connection.execute("SET idle_in_transaction_session_timeout = '60s'")
    connection.execute("SET plan_cache_mode = force_generic_plan")


def migrate(url: str) -> list[str]:
    """Bring the schema up to date and return the names of the migrations applied.

    Safe to call from any number of replicas at once. Raises StoreUnavailable when the database is away.
    """
    applied: list[str] = []
    with named_failures(), psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (MIGRATION_LOCK,))
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS migration (name text PRIMARY KEY, applied_at timestamptz DEFAULT now())"
        )
        done = {row[0] for row in connection.execute("SELECT name FROM migration").fetchall()}
        for name, statements in _migrations():
            if name in done:
                continue
            with connection.transaction():
                connection.execute(statements.encode())
                connection.execute("INSERT INTO migration (name) VALUES (%s)", (name,))
            applied.append(name)
    return applied


def _migrations() -> list[tuple[str, str]]:
    folder = resources.files("triage.store").joinpath("migrations")
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    return [(f.name, f.read_text(encoding="utf-8")) for f in files]
