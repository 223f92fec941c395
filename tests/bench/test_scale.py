"""Histories of any size from a real one, and what the table says of them."""

from typing import Any

import pytest

from bench.scale import Point, evenly, growth, resampled, table, verdicts
from bench.spent import Spent, run_measured


def row(number: int) -> dict[str, Any]:
    return {
        "id": f"INC-{number}",
        "title": f"Category {number} / Symptom {number}",
        "occurred_at": f"2025-03-{1 + number:02}T00:00:00Z",
        "resolved_at": f"2025-03-{2 + number:02}T00:00:00Z" if number % 2 else None,
        "labels": {
            "category": f"Category {number}",
            "u_symptom": f"Symptom {number}",
            "caller_id": f"Caller {number}",
        },
        "team": "network",
    }


REAL = [row(number) for number in range(20)]


def point(rows: int, seconds: float, *, kind: str = "metadata", peak_mib: float = 900.0) -> Point:
    return Point(kind=kind, rows=rows, spent=Spent(seconds=seconds, cpu_seconds=2 * seconds, peak_mib=peak_mib))


def test_up_to_the_real_size_rows_are_the_real_ones_and_the_latest() -> None:
    assert list(resampled(REAL, 5)) == REAL[15:]
    assert list(resampled(REAL, 20)) == REAL


def test_beyond_it_they_are_as_many_as_wanted_later_and_new() -> None:
    rows = list(resampled(REAL, 90))
    assert rows[:20] == REAL
    assert len({one["id"] for one in rows}) == 90
    assert min(one["occurred_at"] for one in rows[20:]) > max(one["occurred_at"] for one in REAL)
    assert sum(one["resolved_at"] is None for one in rows) == 45
    again = [one["labels"] for one in rows[20:]]
    kept = sum(one["category"] == REAL[at % 20]["labels"]["category"] for at, one in enumerate(again))
    assert 40 < kept < 70
    assert any("of year" in one["caller_id"] for one in again)
    assert all(one["title"] == f"{one['labels']['category']} / {one['labels']['u_symptom']}" for one in rows)


def test_the_same_size_is_the_same_history() -> None:
    assert list(resampled(REAL, 70)) == list(resampled(REAL, 70))


def test_texts_are_drawn_from_all_of_them() -> None:
    assert [one["id"] for one in evenly(REAL, 4)] == ["INC-0", "INC-5", "INC-10", "INC-15"]
    assert evenly(REAL, 100) == REAL


def test_growth_is_the_power_of_the_rows() -> None:
    points = [point(5_000, 10), point(20_000, 40), point(80_000, 320), point(6_000, 50, kind="texts")]
    assert growth(points) == [None, pytest.approx(1.0), pytest.approx(1.5), None]


def test_goals_of_time_and_memory_are_reached_missed_or_not_measured() -> None:
    points = [point(20_000, 119), point(200_000, 900, peak_mib=5_000), point(5_000, 9, kind="texts")]
    assert [one.word for one in verdicts(points)] == ["reached", "not measured", "missed"]
    assert "rows^0.88" in table(points)


def test_a_process_tells_its_time_and_its_own_peak() -> None:
    written, spent = run_measured("json.tool", ["--help"])
    assert "usage" in written
    assert 0 < spent.seconds < 60
    assert 0 < spent.cpu_seconds < 60
    assert 1 < spent.peak_mib < 500


def test_a_command_that_fails_ends_with_what_it_said() -> None:
    with pytest.raises(SystemExit, match="no_such_file"):
        run_measured("json.tool", ["no_such_file"])
