"""The examples of docs/oncall.md are schedules that load and do what the page says."""

import re
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from triage.domain.rotation import duty_at
from triage.domain.schedule import Schedule
from triage.rules.catalogue import load_catalogue

PAGE = (Path(__file__).parents[2] / "docs" / "oncall.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def load(example: str) -> dict[str, Schedule]:
    people = set(re.findall(r"[a-z]+", " ".join(re.findall(r"participants: \[(.*?)\]", example))))
    listed = "".join(
        f"  {name}: {{name: {name}, contacts: [{{channel: email, address: x}}]}}\n" for name in sorted(people)
    )
    desk = f"teams:\n  desk: {{name: Desk, responders: [{min(people)}]}}\n"
    head = f"organisation: Page\ntriage_desk: desk\npeople:\n{listed}{desk}"
    return dict(load_catalogue(head + example).schedules)


@pytest.mark.parametrize("example", EXAMPLES)
def test_example_loads(example):
    assert yaml.safe_load(example).keys() == {"schedules"}
    assert len(load(example)) == 1


def test_holiday_layer_answers_on_holidays_and_the_others_by_their_hours():
    platform = load(EXAMPLES[1])["platform"]
    berlin = ZoneInfo("Europe/Berlin")
    layers = {
        moment: duty_at(platform, datetime(2026, 12, *moment, tzinfo=berlin)).layer
        for moment in ((25, 12), (23, 12), (23, 20), (27, 12))
    }
    assert layers == {(25, 12): "holidays", (23, 12): "working-hours", (23, 20): "rest", (27, 12): "rest"}
