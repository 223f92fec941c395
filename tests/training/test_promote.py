"""``promote`` and ``rollback`` on the command line."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from training.__main__ import cli
from triage.errors import BundleRefused, Conflict, NotFound, StoreUnavailable
from triage.store.configurations import Configurations
from triage.store.database import Database


@pytest.fixture
def models(tmp_path: Path, starter_bundle: Path, other_starter: Path) -> Path:
    for bundle in (starter_bundle, other_starter):
        shutil.copytree(bundle, tmp_path / "models" / bundle.name)
    return tmp_path / "models"


@pytest.fixture
def one(starter_bundle: Path) -> str:
    return starter_bundle.name


@pytest.fixture
def two(other_starter: Path) -> str:
    return other_starter.name


@pytest.fixture
def configurations(
    database: Database, database_url: str, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Configurations:
    """Of the database that the commands find by the settings."""
    monkeypatch.setenv("TRIAGE_DATABASE_URL", database_url)
    monkeypatch.setenv("TRIAGE_MODELS_DIR", str(models))
    monkeypatch.setenv("TRIAGE_DATA_DIR", str(tmp_path / "never made"))
    return Configurations(database)


def run(*arguments: object) -> str:
    result = CliRunner(catch_exceptions=False).invoke(cli, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_promote_moves_the_pointer_and_says_in_which_database(
    configurations: Configurations, models: Path, one: str, two: str, database_url: str, tmp_path: Path
) -> None:
    said = run("promote", "--models", models, "--version", one, "--reason", "the first", "--by", "ann")
    assert said.startswith(f"{one} is active now (before: none).")
    assert database_url not in said
    pointer = configurations.read_pointers()["bundle"]
    assert (pointer.version, pointer.changed_by, pointer.reason) == (one, "shell:ann", "the first")
    said = run("promote", "--models", models, "--version", two, "--json")
    assert json.loads(said) == {
        "version": two,
        "previous": one,
        "changed": True,
        "database": "of TRIAGE_DATABASE_URL",
    }
    assert configurations.read_pointers()["bundle"].changed_by.startswith("shell:")
    assert not (tmp_path / "never made").exists()


def test_promoting_what_is_active_says_so_and_changes_nothing(
    configurations: Configurations, models: Path, one: str
) -> None:
    run("promote", "--models", models, "--version", one)
    before = configurations.read_pointers()
    assert "is active already" in run("promote", "--models", models, "--version", one)
    assert not json.loads(run("promote", "--models", models, "--version", one, "--json"))["changed"]
    assert configurations.read_pointers() == before


def test_rollback_goes_back_by_history_and_ends_with_a_reason(
    configurations: Configurations, models: Path, one: str, two: str
) -> None:
    for version in (one, two):
        run("promote", "--models", models, "--version", version)
    said = run("rollback", "--reason", "worse", "--by", "bob")
    assert said.startswith(f"{one} is active now (before: {two}).")
    newest = configurations.read_moves("bundle", 1)[0]
    assert (newest.changed_by, newest.reason) == ("shell:bob", "worse")
    assert newest.restores is not None
    with pytest.raises(Conflict, match="nothing to go back to"):
        run("rollback")


def test_a_bad_bundle_is_refused_with_its_fault_and_the_pointer_stays(
    configurations: Configurations, models: Path, one: str, two: str
) -> None:
    run("promote", "--models", models, "--version", one)
    model = models / two / "encoder" / "model.onnx"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)
    with pytest.raises(BundleRefused, match=rf"{two} is refused: encoder/model\.onnx: expected sha256"):
        run("promote", "--models", models, "--version", two)
    assert configurations.read_pointers()["bundle"].version == one


def test_a_rollback_to_a_bundle_that_is_gone_or_bad_is_refused(
    configurations: Configurations, models: Path, one: str, two: str
) -> None:
    for version in (one, two):
        run("promote", "--models", models, "--version", version)
    (models / one / "card.md").unlink()
    with pytest.raises(BundleRefused, match=r"card\.md"):
        run("rollback")
    shutil.rmtree(models / one)
    with pytest.raises(BundleRefused, match=f"gone: no bundle '{one}' in the models folder; there are {two}"):
        run("rollback")
    assert configurations.read_pointers()["bundle"].version == two


@pytest.mark.parametrize("version", ["nope", "..", ""])
def test_a_version_that_is_not_there_is_refused_with_those_that_are(
    configurations: Configurations, models: Path, one: str, version: str
) -> None:
    with pytest.raises(NotFound, match=one):
        run("promote", "--models", models, "--version", version)
    assert configurations.read_pointers() == {}


def test_whoever_expects_another_version_is_refused(
    configurations: Configurations, models: Path, one: str, two: str
) -> None:
    run("promote", "--models", models, "--version", one, "--expect", "none")
    with pytest.raises(Conflict, match=f"is {one} and not none"):
        run("promote", "--models", models, "--version", two, "--expect", "none")
    run("promote", "--models", models, "--version", two, "--expect", one)
    with pytest.raises(Conflict, match=f"is {two} and not {one}"):
        run("rollback", "--expect", one)
    assert configurations.read_pointers()["bundle"].version == two


def test_a_database_that_is_away_is_told_in_one_sentence(
    models: Path, one: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "never-told"
    monkeypatch.setenv("TRIAGE_DATABASE_URL", f"postgresql://triage:{secret}@/triage?host={tmp_path}")
    with pytest.raises(StoreUnavailable) as refused:
        run("promote", "--models", models, "--version", one)
    assert secret not in str(refused.value)
