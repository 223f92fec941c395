"""What containers and operators rely on when they set ``TRIAGE_*``."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from triage.settings import Settings

URL = "postgresql://triage:hush@db/triage"


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"TRIAGE_{name.upper()}", raising=False)


def test_every_setting_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIAGE_PORT", "8090")
    assert Settings().port == 8090


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_a_loopback_address_is_known_as_one(host: str) -> None:
    assert Settings(host=host).is_loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "triage.example", ""])
def test_any_other_address_is_not(host: str) -> None:
    assert not Settings(host=host).is_loopback


def test_the_database_address_may_come_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "url"
    file.write_text(URL + "\n")
    monkeypatch.setenv("TRIAGE_DATABASE_URL_FILE", str(file))
    url = Settings().database_url
    assert url is not None
    assert url.get_secret_value() == URL


def test_an_address_given_openly_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIAGE_DATABASE_URL_FILE", "nowhere")
    monkeypatch.setenv("TRIAGE_DATABASE_URL", URL)
    url = Settings().database_url
    assert url is not None
    assert url.get_secret_value() == URL


def test_a_missing_file_is_named_by_its_setting_and_shows_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIAGE_DATABASE_URL_FILE", str(tmp_path / "missing"))
    monkeypatch.setenv("TRIAGE_BOOTSTRAP_TOKEN", "hush")
    with pytest.raises(ValidationError, match="TRIAGE_DATABASE_URL_FILE cannot be read") as refused:
        Settings()
    assert "hush" not in str(refused.value)


def test_the_bootstrap_token_is_read_without_its_line_end(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("abc\n")
    assert Settings(bootstrap_token_file=tmp_path / "token").read_bootstrap_token() == "abc"
    assert Settings().read_bootstrap_token() is None


def test_settings_never_show_their_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIAGE_DATABASE_URL", URL)
    monkeypatch.setenv("TRIAGE_BOOTSTRAP_TOKEN", "hush")
    assert "hush" not in repr(Settings())
