"""Training on rows, for tests that need the whole way from a file to a bundle."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from training.learning.encoded import CACHE_FOLDER
from training.recipes import RECIPES
from training.train import TrainRequest, TrainResult, train

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


@pytest.fixture
def models(starter_bundle: Path, trained_bundle: Path, tmp_path: Path) -> Path:
    """A folder of bundles with a starter in it, and the embeddings of the made-up history, which take longest."""
    models = tmp_path / "models"
    models.mkdir()
    (models / starter_bundle.name).symlink_to(starter_bundle)
    shutil.copytree(trained_bundle.parent / CACHE_FOLDER, models / CACHE_FOLDER)
    return models


@pytest.fixture
def write_history(tmp_path: Path) -> Callable[[list[dict[str, Any]]], Path]:
    def write(rows: list[dict[str, Any]]) -> Path:
        history = tmp_path / "history.jsonl"
        history.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        return history

    return write


@pytest.fixture
def train_rows(models: Path, write_history: Callable[[list[dict[str, Any]]], Path]) -> Callable[..., TrainResult]:
    """Trains by the quick recipe, unless ``options`` (those of ``TrainRequest``) name another."""

    def write_and_train(rows: list[dict[str, Any]], progress: Any = None, **options: Any) -> TrainResult:
        request = {
            "history": write_history(rows),
            "models": models,
            "recipe": RECIPES["quick"],
            "created_at": NOW,
        }
        return train(TrainRequest(**{**request, **options}), progress or (lambda *_: None))

    return write_and_train


@pytest.fixture
def bundles_and_scraps(models: Path) -> Callable[[], set[str]]:
    """Everything in the folder of bundles but the remembered embeddings."""
    return lambda: {path.name for path in models.iterdir()} - {CACHE_FOLDER}
