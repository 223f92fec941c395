"""What a bundle takes along of its evaluation, for pages where no training is."""

import json
from pathlib import Path
from typing import Any

import pytest

from triage.prediction.bundle import verify
from triage.prediction.manifest import MANIFEST_FILE
from triage.prediction.measured import MEASURED, Measured, find_measured


@pytest.fixture(scope="module")
def quality(trained_bundle: Path) -> dict[str, Any]:
    return dict(verify(trained_bundle).quality)


def measured(quality: dict[str, Any], head: str) -> Measured:
    found = find_measured(quality, head)
    assert found is not None
    return found


@pytest.mark.parametrize("head", ["priority", "team", "second_look"])
def test_a_bundle_holds_the_figures_of_its_card_with_how_sure_they_are(quality: dict[str, Any], head: str) -> None:
    found, told = measured(quality, head), quality[head]["held_out"]
    assert found.rows == told["rows"]
    assert found.accuracy.value == pytest.approx(told["accuracy"], abs=1e-4)
    assert found.acting.value == pytest.approx(told["coverage"], abs=1e-4)
    assert found.accuracy.low <= found.accuracy.value <= found.accuracy.high
    assert sum(point.rows for point in found.reliability) == found.rows
    assert sum(map(sum, found.confusion.matrix)) == found.rows
    assert sum(one.rows for one in found.by_label) == found.rows - found.unknown
    shares = [share for share, _ in found.curve]
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_of_priorities_it_holds_what_was_missed(quality: dict[str, Any]) -> None:
    priority = measured(quality, "priority")
    assert priority.most_urgent == "Critical"
    assert priority.missed is not None
    assert measured(quality, "team").missed is None


def test_it_holds_no_text_and_no_id_of_an_incident(
    trained_bundle: Path, history_rows: list[dict[str, Any]]
) -> None:
    kept = (trained_bundle / MANIFEST_FILE).read_text("utf-8")
    assert not any(json.dumps(row["title"]) in kept for row in history_rows)
    assert not any(json.dumps(row["id"]) in kept for row in history_rows if row.get("id"))


def test_what_was_written_is_read_back(quality: dict[str, Any]) -> None:
    found = measured(quality, "team")
    assert find_measured({"team": {MEASURED: json.loads(json.dumps(found.describe()))}}, "team") == found


@pytest.mark.parametrize("kept", [{}, {MEASURED: None}, {MEASURED: {"rows": "many"}}, None, {MEASURED: 7}])
def test_of_a_bundle_that_holds_none_nothing_is_said(kept: object) -> None:
    assert find_measured({"team": kept}, "team") is None
    assert find_measured({}, "team") is None
