"""What a batch costs: one transaction and a number of statements that does not grow with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.fixtures_store import Desk, an_event
from triage.domain.incident import Incident


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The statements sent while the block runs."""
    sent: list[str] = []
    execute = psycopg.Connection.execute

    def watch(self: object, query: object, *arguments: object, **named: object) -> object:
        sent.append(str(query))
        return execute(self, query, *arguments, **named)  # type: ignore[call-overload]

    with monkeypatch.context() as patched:
        patched.setattr(psycopg.Connection, "execute", watch)
        yield sent


def events(start: int, number: int) -> list[Incident]:
    """Distinct new problems."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = [letters[n % 26] + letters[n // 26] for n in range(start, start + number)]
    return [an_event(title=f"Problem {word} of its own", dedup_key=word) for word in words]


def test_statements_do_not_grow_with_the_batch(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with counted(monkeypatch) as small:
        desk.send(*events(0, 2))
    with counted(monkeypatch) as large:
        desk.send(*events(2, 120))
    assert len(large) == len(small) <= 18


def test_a_text_seen_before_is_not_encoded_again(
    desk: Desk, starter_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.use(starter_bundle)
    encoder = desk.active.encoder
    assert encoder is not None
    encoded: list[str] = []
    encode = encoder.encode
    monkeypatch.setattr(encoder, "encode", lambda texts: (encoded.extend(texts), encode(texts))[1])
    desk.fire()
    desk.fire()
    assert len(encoded) == 1
    desk.use(starter_bundle)
    again = desk.active.encoder
    assert again is not None
    monkeypatch.setattr(again, "encode", lambda texts: pytest.fail("encoded a text that is remembered"))
    desk.fire()
    assert desk.triager.predict([an_event()])[0].recurrence.occurrences["24h"] == 4
