"""Bundles for tests: made once for a checkout, kept in ``build/test-models`` until what made them changes."""

import hashlib
import json
import shutil
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from training.encoder_export import export_encoder
from training.recipes import RECIPES
from training.starter import write_starter
from training.train import TrainRequest, train
from triage.errors import BundleError
from triage.prediction.bundle import bundles, verify
from triage.prediction.bundle_writer import LIBRARIES

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "build" / "test-models"
MADE_AT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def encoder_folder() -> Path:
    """The default encoder, exported. The only step that needs torch and tens of seconds."""
    sources = [ROOT / "training/encoder_export.py", ROOT / "triage/prediction/encoder.py"]
    folder = KEPT / f"encoder-{_key(sources, 'torch', 'onnx', 'onnxruntime', 'sentence-transformers')}"
    with _lock(folder):
        if not folder.exists():
            scratch = folder.with_name(f"{folder.name}.writing")
            shutil.rmtree(scratch, ignore_errors=True)
            export_encoder(scratch)
            scratch.rename(folder)
    return folder


@pytest.fixture(scope="session")
def starter_bundle(encoder_folder: Path) -> Path:
    """A valid starter bundle. Shared: a test that changes it works on a copy."""
    sources = sorted((ROOT / "triage/prediction").glob("*.py"))
    models = (
        KEPT
        / f"starter-{_key([*sources, encoder_folder / 'encoder.json'], *LIBRARIES)}-{encoder_folder.name[-8:]}"
    )
    with _lock(models):
        return _only_bundle(models) or write_starter(
            models, MADE_AT, encoder_folder, "# Starter bundle for tests\n"
        )


@pytest.fixture(scope="session")
def other_starter(starter_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A valid starter whose encoder has another version: the same files but for a name. Shared, as the starter."""
    folder = tmp_path_factory.mktemp("other")
    encoder = shutil.copytree(starter_bundle / "encoder", folder / "encoder")
    settings = json.loads((encoder / "encoder.json").read_bytes())
    (encoder / "encoder.json").write_text(json.dumps({**settings, "name": "another encoder"}), "utf-8")
    return write_starter(folder / "models", MADE_AT, encoder, "# Another starter bundle for tests\n")


@pytest.fixture(scope="session")
def trained_bundle(starter_bundle: Path, history_rows: list[dict[str, Any]]) -> Path:
    """A bundle with all three heads, trained on the made-up history. Shared, as the starter."""
    folders = (ROOT / "training", ROOT / "triage/history")
    sources = [one for folder in folders for one in sorted(folder.rglob("*.py"))]
    sources.append(ROOT / "tests/fixtures_history.py")
    models = KEPT / f"trained-{_key(sources, 'scikit-learn', 'scipy')}-{starter_bundle.parent.name[-25:]}"
    with _lock(models):
        found = next((one for one in bundles(models) if verify(one).kind == "trained"), None)
        if found is not None:
            return found
        models.mkdir(exist_ok=True)
        shutil.copytree(starter_bundle, models / starter_bundle.name, dirs_exist_ok=True)
        history = models / "history.jsonl"
        history.write_text("".join(json.dumps(row) + "\n" for row in history_rows), "utf-8")
        request = TrainRequest(history=history, models=models, recipe=RECIPES["default"], created_at=MADE_AT)
        return train(request).folder


@pytest.fixture(scope="session")
def muddled_bundle(trained_bundle: Path, muddled_rows: list[dict[str, Any]]) -> Path:
    """One trained on a history as people keep them, with a bound on missed urgent incidents. Shared, too."""
    models = trained_bundle.parent.with_name(trained_bundle.parent.name.replace("trained", "muddled"))
    with _lock(models):
        found = next((one for one in bundles(models) if verify(one).kind == "trained"), None)
        if found is not None:
            return found
        models.mkdir(exist_ok=True)
        starter = next(one for one in bundles(trained_bundle.parent) if verify(one).kind == "starter")
        shutil.copytree(starter, models / starter.name, dirs_exist_ok=True)
        history = models / "tickets-2025.jsonl"
        history.write_text("".join(json.dumps(row) + "\n" for row in muddled_rows), "utf-8")
        recipe = replace(RECIPES["quick"], max_p1_miss=0.1)
        made_at = MADE_AT + timedelta(days=35)
        return train(TrainRequest(history=history, models=models, recipe=recipe, created_at=made_at)).folder


def _key(sources: Iterable[Path], *libraries: str) -> str:
    digest = hashlib.sha256()
    for path in sources:
        digest.update(path.read_bytes())
    for library in libraries:
        digest.update(f"{library} {version(library)}\n".encode())
    return digest.hexdigest()[:16]


def _lock(path: Path) -> FileLock:
    path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(f"{path}.lock")


def _only_bundle(models: Path) -> Path | None:
    """The bundle that was made here earlier; a broken one makes way for a new one."""
    found = next(models.glob("*/manifest.json"), None) if models.exists() else None
    if found is None:
        return None
    try:
        verify(found.parent)
    except BundleError:
        shutil.rmtree(models)
        return None
    return found.parent
