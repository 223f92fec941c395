"""What is known of tokens while the database is away."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from triage.domain.access import Principal, Role
from triage.serving.principals import Principals
from triage.store.database import Database
from triage.store.tokens import Tokens, digest

NOW = datetime(2026, 3, 9, 9, 42, tzinfo=UTC)
ANN = Principal(owner="person:ann", role=Role.RESPONDER)


@pytest.fixture
def tokens(database: Database) -> Tokens:
    return Tokens(database)


def known_again(tokens: Tokens, file: Path) -> Principals:
    """As a service knows them that starts without its database."""
    principals = Principals(tokens, file)
    principals.load_file()
    return principals


def test_what_was_known_is_known_after_a_restart(tokens: Tokens, tmp_path: Path) -> None:
    _, secret = tokens.create(Role.RESPONDER, "person:ann")
    Principals(tokens, tmp_path / "tokens.json").refresh()
    principals = known_again(tokens, tmp_path / "tokens.json")
    assert principals.is_known
    assert principals.find(digest(secret), NOW) == ANN
    assert principals.find(digest("other"), NOW) is None


def test_a_token_expires_also_in_the_file(tokens: Tokens, tmp_path: Path) -> None:
    _, secret = tokens.create(Role.RESPONDER, "person:ann", NOW + timedelta(days=1))
    Principals(tokens, tmp_path / "tokens.json").refresh()
    principals = known_again(tokens, tmp_path / "tokens.json")
    assert principals.find(digest(secret), NOW) == ANN
    assert principals.find(digest(secret), NOW + timedelta(days=1)) is None


def test_a_revoked_token_is_known_as_ended(tokens: Tokens, tmp_path: Path) -> None:
    token_id, secret = tokens.create(Role.RESPONDER, "person:ann")
    tokens.revoke(token_id)
    Principals(tokens, tmp_path / "tokens.json").refresh()
    principals = known_again(tokens, tmp_path / "tokens.json")
    assert not principals.is_empty
    assert principals.find(digest(secret), NOW) is None


def test_nothing_is_known_without_a_file(tokens: Tokens, tmp_path: Path) -> None:
    assert not known_again(tokens, tmp_path / "tokens.json").is_known


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b'{"zz": {}}', b'{"00": {"principal": {"owner": 1}}}', b"\xff"]
)
def test_a_torn_file_is_nothing_known_and_said(tokens: Tokens, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tokens.json").write_bytes(content)
    with capture_logs() as lines:
        assert not known_again(tokens, tmp_path / "tokens.json").is_known
    assert len(lines) == 1


def test_a_file_left_by_a_killed_writer_does_not_widen_permissions(tokens: Tokens, tmp_path: Path) -> None:
    aside = tmp_path / "tokens.partial"
    aside.touch(mode=0o666)
    aside.chmod(0o666)
    tokens.create(Role.RESPONDER, "person:ann")
    Principals(tokens, tmp_path / "tokens.json").refresh()
    assert (tmp_path / "tokens.json").stat().st_mode & 0o777 == 0o600
