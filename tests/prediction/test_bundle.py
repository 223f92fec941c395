import json
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import joblib
import numpy as np
import pytest

from triage.errors import BundleError
from triage.prediction import bundle_writer
from triage.prediction.bundle import bundles, find_latest, list_files, open_bundle, verify
from triage.prediction.bundle_writer import BundleDraft, write_bundle
from triage.prediction.manifest import ENCODER_FOLDER, MANIFEST_FILE, Manifest, manifest_bytes, read_manifest

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


@pytest.fixture
def copy(trained_bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained_bundle, tmp_path / trained_bundle.name))


def restate(folder: Path, change: Callable[[Manifest], Manifest]) -> None:
    """Change the manifest and make it agree with the folder again, as somebody with ill intent would."""
    manifest = replace(read_manifest(folder), files=list_files(folder))
    (folder / MANIFEST_FILE).write_bytes(manifest_bytes(change(manifest)))


def refusal(folder: Path) -> BundleError:
    with pytest.raises(BundleError) as refused:
        open_bundle(folder)
    return refused.value


def test_a_whole_bundle_opens_with_its_heads(trained_bundle: Path):
    bundle = open_bundle(trained_bundle)
    assert bundle.version == trained_bundle.name
    assert set(bundle.heads) == {"priority", "team", "second_look"}


def test_a_starter_bundle_has_no_heads(starter_bundle: Path):
    bundle = open_bundle(starter_bundle)
    assert bundle.manifest.kind == "starter"
    assert bundle.heads == {}


@pytest.mark.parametrize(
    "name",
    ["encoder/model.onnx", "encoder/tokenizer.json", "heads/team.joblib", "card.md", "encoder/encoder.json"],
)
def test_one_changed_byte_anywhere_is_refused_by_file(copy: Path, name: str):
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    error = refusal(copy)
    assert error.file == name
    assert error.expected.startswith("sha256")
    assert error.found.startswith("sha256")


@pytest.mark.parametrize("at", [10, 0.25, 0.5, 0.75, -3])
def test_one_changed_byte_in_the_manifest_is_refused(copy: Path, at: float):
    content = bytearray((copy / MANIFEST_FILE).read_bytes())
    content[int(at * len(content)) if isinstance(at, float) else at] ^= 1
    (copy / MANIFEST_FILE).write_bytes(content)
    assert refusal(copy).file == MANIFEST_FILE


def test_a_missing_file_is_refused_by_name(copy: Path):
    (copy / "heads/team.joblib").unlink()
    error = refusal(copy)
    assert (error.file, error.found) == ("heads/team.joblib", "nothing")


def test_a_missing_manifest_is_refused(copy: Path):
    (copy / MANIFEST_FILE).unlink()
    assert refusal(copy).file == MANIFEST_FILE


def test_an_additional_file_is_refused_by_name(copy: Path):
    (copy / "heads/extra.joblib").write_bytes(b"")
    assert refusal(copy).file == "heads/extra.joblib"


def test_a_link_in_place_of_a_file_is_refused(copy: Path, tmp_path: Path):
    elsewhere = tmp_path / "card.md"
    (copy / "card.md").rename(elsewhere)
    (copy / "card.md").symlink_to(elsewhere)
    assert refusal(copy).file == "card.md"


def test_a_renamed_bundle_is_refused(copy: Path):
    assert refusal(copy.rename(copy.with_name("another"))).expected == "version another"


def test_the_scikit_learn_that_trained_it_does_not_matter_since_heads_are_arrays_only(copy: Path):
    restate(copy, lambda m: replace(m, libraries={**m.libraries, "scikit-learn": "0.24.2"}))
    assert set(open_bundle(copy).heads) == {"priority", "team", "second_look"}


def test_an_unknown_feature_version_is_refused(copy: Path):
    restate(copy, lambda m: replace(m, feature_version="f0"))
    assert "f0" in refusal(copy).found


def test_an_unknown_format_is_refused(copy: Path):
    restate(copy, lambda m: replace(m, format=99))
    assert refusal(copy).found == "format 99"


@pytest.mark.parametrize("key", ["coef", "intercept"])
def test_probabilities_that_come_out_differently_are_refused(copy: Path, key: str):
    content = joblib.load(copy / "heads/team.joblib")
    content[key][: len(content[key]) // 2] += content[key].dtype.type(0.25)
    joblib.dump(content, copy / "heads/team.joblib")
    restate(copy, lambda m: m)
    assert refusal(copy).file == "probe of team"


def test_embeddings_that_come_out_differently_are_refused(copy: Path):
    def turned(manifest: Manifest) -> Manifest:
        embeddings = manifest.probe.embeddings
        return replace(manifest, probe=replace(manifest.probe, embeddings=(embeddings[1], *embeddings[1:])))

    restate(copy, turned)
    assert refusal(copy).file == "probe"


def test_a_label_too_many_is_refused(copy: Path):
    def more(manifest: Manifest) -> Manifest:
        head = manifest.heads["team"]
        return replace(manifest, heads={**manifest.heads, "team": replace(head, labels=(*head.labels, "more"))})

    restate(copy, more)
    assert refusal(copy).file == "heads/team.joblib"


class Harm:
    """Unpickled by the ordinary reader, it would make the file ``harm``."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("nested", [False, True], ids=["plain", "in an object array"])
def test_a_head_file_that_names_any_other_function_runs_nothing(copy: Path, tmp_path: Path, nested: bool):
    harm = Harm(tmp_path / "harm")
    content = {"coef": np.array([harm], dtype=object) if nested else harm}
    joblib.dump(content, copy / "heads/team.joblib")
    restate(copy, lambda m: m)
    error = refusal(copy)
    assert error.expected == "library objects only"
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("content", [b"", b"no pickle at all", pickle.dumps([1]), pickle.dumps({})])
def test_a_head_file_that_holds_no_head_is_refused(copy: Path, content: bytes):
    (copy / "heads/team.joblib").write_bytes(content)
    restate(copy, lambda m: m)
    assert refusal(copy).file == "heads/team.joblib"


def test_the_head_files_are_ordinary_joblib_files_of_numpy_arrays_only(trained_bundle: Path):
    for file in trained_bundle.glob("heads/*.joblib"):
        for array in joblib.load(file).values():
            assert type(array) is np.ndarray
            assert array.dtype.kind in "fu"


def test_writing_the_same_starter_again_keeps_the_one_there(starter_bundle: Path, tmp_path: Path):
    draft = BundleDraft(kind="starter", created_at=NOW, encoder_folder=starter_bundle / ENCODER_FOLDER, card="one")
    first = write_bundle(tmp_path, draft)
    again = write_bundle(tmp_path, replace(draft, created_at=NOW + timedelta(days=1)))
    assert again == first
    assert read_manifest(first).created_at == NOW
    assert [path.name for path in tmp_path.iterdir()] == [first.name]


def test_writing_a_starter_replaces_a_broken_one(starter_bundle: Path, tmp_path: Path):
    draft = BundleDraft(kind="starter", created_at=NOW, encoder_folder=starter_bundle / ENCODER_FOLDER, card="one")
    (write_bundle(tmp_path, draft) / "card.md").unlink()
    verify(write_bundle(tmp_path, draft))


def test_an_interrupted_writing_leaves_nothing(
    starter_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def interrupt(_: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bundle_writer, "_sync", interrupt)
    draft = BundleDraft(kind="starter", created_at=NOW, encoder_folder=starter_bundle / ENCODER_FOLDER, card="")
    with pytest.raises(KeyboardInterrupt):
        write_bundle(tmp_path, draft)
    assert list(tmp_path.iterdir()) == []


def test_the_latest_is_the_newest_trained_one_then_the_newest_starter(tmp_path: Path):
    for name, kind, day in (("a", "trained", 1), ("b", "trained", 2), ("c", "starter", 3)):
        (tmp_path / name).mkdir()
        body = {"kind": kind, "created_at": f"2026-01-0{day}T00:00:00Z"}
        (tmp_path / name / MANIFEST_FILE).write_text(json.dumps(body))
    assert [folder.name for folder in bundles(tmp_path)] == ["b", "a", "c"]
    assert find_latest(tmp_path) == tmp_path / "b"


def test_a_folder_without_readable_manifest_or_half_written_is_no_bundle(tmp_path: Path):
    for name, content in (("empty", "{}"), ("broken", "{"), ("list", "[]"), (".writing-x", '{"kind": "trained"}')):
        (tmp_path / name).mkdir()
        (tmp_path / name / MANIFEST_FILE).write_text(content)
    assert find_latest(tmp_path) is None
    assert find_latest(tmp_path / "missing") is None


def test_the_manifest_holds_no_text_of_the_history(trained_bundle: Path, history_rows: list[dict[str, str]]):
    text = (trained_bundle / MANIFEST_FILE).read_text("utf-8") + (trained_bundle / "card.md").read_text("utf-8")
    assert not [row for row in history_rows if row["title"] in text or row["description"] in text]
