"""Whenever a training is interrupted, it leaves what was there before, and the next one works."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from training.train import TrainResult
from triage.prediction import bundle_writer
from triage.prediction.bundle import find_latest, open_bundle, verify

Rows = list[dict[str, Any]]
TrainRows = Callable[..., TrainResult]
Scraps = Callable[[], set[str]]


@pytest.fixture
def rows(history_rows: Rows) -> Rows:
    """With one thing to learn, and one text that is new, so that there is something to embed."""
    rows = [*history_rows[:79], {**history_rows[79], "title": "Never seen before"}]
    return [{**row, "priority": None, "assigned_team": None} for row in rows]


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where scratch folders are made."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    return scratch


def in_phase(phase: str, times: int) -> Callable[[str, int, int], None]:
    """Interrupts when this phase reports for the so many-th time."""
    seen = [0]

    def progress(found: str, more: int, whole: int) -> None:
        seen[0] += found == phase
        if seen[0] == times:
            raise KeyboardInterrupt

    return progress


@pytest.mark.parametrize(
    ("phase", "times"),
    [("read", 1), ("embed", 2), ("features", 1), ("fit", 2)],
)
def test_an_interruption_leaves_no_bundle_and_no_scratch_and_the_next_training_works(
    train_rows: TrainRows,
    bundles_and_scraps: Scraps,
    scratch: Path,
    models: Path,
    rows: Rows,
    phase: str,
    times: int,
):
    before, latest = bundles_and_scraps(), find_latest(models)
    with pytest.raises(KeyboardInterrupt):
        train_rows(rows, progress=in_phase(phase, times))
    assert bundles_and_scraps() == before
    assert find_latest(models) == latest
    assert list(scratch.iterdir()) == []
    result = train_rows(rows)
    assert bundles_and_scraps() == before | {result.folder.name}
    assert find_latest(models) == result.folder
    open_bundle(result.folder)


@pytest.mark.parametrize(
    "step",
    [
        "shutil.copytree",
        "joblib.dump",
        *(f"{bundle_writer.__name__}.{name}" for name in ("take_probe", "manifest_bytes", "_sync", "_rename")),
    ],
)
def test_an_interruption_while_writing_leaves_nothing_either_and_the_next_training_works(
    train_rows: TrainRows,
    bundles_and_scraps: Scraps,
    models: Path,
    rows: Rows,
    step: str,
    monkeypatch: pytest.MonkeyPatch,
):
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    before, latest = bundles_and_scraps(), find_latest(models)
    with monkeypatch.context() as patched:
        patched.setattr(step, interrupt)
        with pytest.raises(KeyboardInterrupt):
            train_rows(rows)
    assert bundles_and_scraps() == before
    assert find_latest(models) == latest
    if step.endswith("_rename"):
        verify(train_rows(rows).folder)


def test_what_was_embedded_before_an_interruption_is_not_embedded_again(
    train_rows: TrainRows, models: Path, history_rows: Rows
):
    rows = [{**row, "title": f"{row['title']} number {at}"} for at, row in enumerate(history_rows[:200])]
    with pytest.raises(KeyboardInterrupt):
        train_rows(rows, progress=in_phase("embed", 3))
    told: list[int] = []
    train_rows(rows, progress=lambda phase, more, _: told.append(more) if phase == "embed" else None)
    # The first report is of what is remembered: two batches of 64.
    assert told[0] == 128
    assert sum(told) == 200


def test_every_phase_reports_and_none_beyond_its_whole(train_rows: TrainRows, rows: Rows):
    done: dict[str, int] = {}
    wholes: dict[str, int] = {}

    def progress(phase: str, more: int, whole: int) -> None:
        done[phase] = done.get(phase, 0) + more
        assert wholes.setdefault(phase, whole) == whole

    train_rows(rows, progress=progress)
    assert list(done) == ["read", "embed", "features", "fit"]
    assert {phase: done[phase] for phase in ("read", "embed", "features")} == dict.fromkeys(list(done)[:3], 80)
    assert 0 < done["fit"] <= wholes["fit"]
