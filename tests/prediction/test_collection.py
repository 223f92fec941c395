"""The bundles of a folder: which are there, which are whole, and names that lead nowhere else."""

import shutil
from pathlib import Path

import pytest

from triage.errors import NotFound
from triage.prediction.collection import Collection, get_bundle


@pytest.fixture
def models(tmp_path: Path, starter_bundle: Path) -> Path:
    shutil.copytree(starter_bundle, tmp_path / "models" / starter_bundle.name)
    return tmp_path / "models"


def test_a_bundle_is_found_by_its_version(models: Path, starter_bundle: Path) -> None:
    assert get_bundle(models, starter_bundle.name) == models / starter_bundle.name


@pytest.mark.parametrize(
    "version", ["", ".", "..", "../models", "/", "no such", ".embeddings", "a/b", "x" * 5_000]
)
def test_any_other_name_is_refused_with_the_versions_that_are_there(
    models: Path, starter_bundle: Path, version: str
) -> None:
    (models / ".embeddings").mkdir()
    with pytest.raises(NotFound, match=starter_bundle.name):
        get_bundle(models, version)


def test_an_empty_folder_says_that_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is none"):
        get_bundle(tmp_path / "models", "any")
    assert Collection(tmp_path / "models").read() == []


def test_each_bundle_says_whether_it_is_whole(models: Path, starter_bundle: Path) -> None:
    damaged = shutil.copytree(starter_bundle, models / "damaged")
    (models / "unreadable").mkdir()
    (models / "unreadable" / "manifest.json").write_text("{")
    (models / ".writing-1").mkdir()
    (models / ".writing-1" / "manifest.json").write_text("{")
    collection = Collection(models)
    states = {state.version: state for state in collection.read()}
    assert states.keys() == {starter_bundle.name, damaged.name, "unreadable"}
    assert states[starter_bundle.name].refused is None
    assert states[starter_bundle.name].manifest is not None
    assert "expected version damaged" in str(states["damaged"].refused)
    assert "expected JSON" in str(states["unreadable"].refused)
    assert list(states)[-1] == "unreadable"


def test_a_bundle_is_read_again_only_when_a_file_of_it_has_changed(
    models: Path, starter_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = Collection(models)
    first = collection.read()
    with monkeypatch.context() as patched:
        patched.setattr("triage.prediction.collection.verify", None)
        assert collection.read() == first
    (models / starter_bundle.name / "card.md").write_text("another")
    assert "card.md: expected" in str(collection.read()[0].refused)
    shutil.rmtree(models / starter_bundle.name)
    assert collection.read() == []
