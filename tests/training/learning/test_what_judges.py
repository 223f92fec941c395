"""Which rows choose among combinations, and which are the newest."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from training.learning.encoded import encode_history
from training.learning.heads import HEADS, lessons_for
from training.learning.screening import HeldOut, compare
from training.recipes import RECIPES
from triage.history.rows import read_history
from triage.prediction.encoder import Encoder

RECIPE = replace(RECIPES["default"], combinations=())


def held_out(new: np.ndarray, **scores: np.ndarray) -> HeldOut:
    rows = np.arange(len(new))
    return HeldOut(rows=rows, fold=rows % 2, new=new, scores=scores)


@pytest.fixture
def judged() -> Callable[[int], str]:
    """The component that is chosen of one that is right but on the last rows, which alone are new, and one that
    is right there alone."""

    def choose(new_rows: int) -> str:
        labels = np.random.default_rng(1).integers(0, 3, 300)
        truth, guess = np.eye(3)[labels] * 4, np.random.default_rng(2).normal(size=(300, 3))
        new = np.arange(300) >= 300 - new_rows
        scores = {
            "lexical": np.where(new[:, None], guess, truth),
            "semantic": np.where(new[:, None], truth, guess),
        }
        return compare(held_out(new, **scores), labels, RECIPE)[0].components[0]

    return choose


def test_rows_of_new_patterns_choose_where_there_are_enough_of_them(judged: Callable[[int], str]):
    assert judged(100) == "semantic"


def test_a_handful_of_new_patterns_does_not_choose_alone(judged: Callable[[int], str]):
    assert judged(3) == "lexical"


def test_lessons_run_from_the_oldest_row_to_the_newest_whatever_the_file_does(
    encoder_folder: Path, tmp_path: Path
):
    start = datetime(2025, 3, 1, 12, tzinfo=UTC)
    moments = [start - timedelta(hours=at) if at % 5 else None for at in range(30)]
    rows = [
        {"id": str(at), "title": f"disk {at} {'ab'[at % 2]}", "team": "ab"[at % 2]}
        | ({"occurred_at": moment.isoformat()} if moment else {})
        for at, moment in enumerate(moments)
    ]
    file = tmp_path / "history.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    encoder = Encoder.open(encoder_folder)
    try:
        history = encode_history(read_history(file).rows, encoder, tmp_path, least_rows=3)
    finally:
        encoder.close()
    lessons, _ = lessons_for(next(plan for plan in HEADS if plan.name == "team"), history)
    undated = [str(at) for at in range(0, 30, 5)]
    assert list(lessons.ids) == undated + [str(at) for at in range(29, -1, -1) if at % 5]
    dated = lessons.moments[len(undated) :]
    assert (np.diff(dated) > np.timedelta64(0, "s")).all()
