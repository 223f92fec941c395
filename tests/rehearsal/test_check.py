"""A configuration rehearsed: each planted fault is found where it is, and a sound one has none."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bench.planted import FAULTS, NOW
from triage.domain.schedule import OnCallOverride
from triage.rehearsal.check import check
from triage.rehearsal.findings import KINDS, Severity, finding_as_json
from triage.rules.configuration import Configuration, configuration_from_texts, load_configuration

ROOT = Path(__file__).parents[2]
RECIPES = sorted(path.parent for path in (ROOT / "docs" / "cookbook").glob("*/escalation.yaml"))


@pytest.fixture(scope="module")
def sound() -> Configuration:
    return load_configuration(ROOT / "config")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_planted_fault_is_found_where_it_is(sound, fault):
    found = check(fault.plant(sound), NOW)
    assert fault.found_in(found), [str(one) for one in found]


def test_every_kind_of_fault_is_planted():
    assert {fault.kind for fault in FAULTS} | {KINDS_BESIDE} >= set(KINDS)


KINDS_BESIDE = next(kind for kind in KINDS if kind.code == "schedule-unreachable")


def test_schedule_of_which_nobody_can_be_reached_is_found(sound):
    text = sound.catalogue_text
    for name in ("owen", "felix"):
        text = text.replace(f"  {name}: {{", f"  {name}: {{active: false, ", 1)
    found = check(configuration_from_texts(text, sound.policy_text), NOW)
    assert [one.where for one in found if one.kind is KINDS_BESIDE] == ["schedule network"]


@pytest.mark.parametrize("days", range(0, 120, 13))
def test_shipped_example_has_no_fault(sound, days):
    assert [str(one) for one in check(sound, NOW + timedelta(days=days))] == []


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_recipe_of_the_cookbook_has_no_error(recipe):
    found = check(load_configuration(recipe), NOW)
    assert [str(one) for one in found if one.kind.severity is Severity.ERROR] == []


def test_finding_names_file_line_and_mend(sound):
    fault = next(fault for fault in FAULTS if fault.where == "rule quiet")
    planted = fault.plant(sound)
    finding = fault.found_in(check(planted, NOW))
    line = planted.policy_text.splitlines()[finding.line - 1]
    assert (finding.file, line.strip()) == ("escalation.yaml", 'when: "!time.business_hours"')
    assert finding_as_json(finding)["mend"]


def test_gap_says_when_in_the_clock_of_the_schedule(sound):
    fault = next(fault for fault in FAULTS if fault.name.startswith("nobody on call on a holiday"))
    finding = fault.found_in(check(fault.plant(sound), datetime(2026, 12, 1, tzinfo=UTC)))
    assert "from Thu 2026-12-24 00:00 to Sun 00:00" in finding.message


def test_gap_that_somebody_took_over_is_none(sound):
    fault = next(fault for fault in FAULTS if fault.name.startswith("nobody on call on a holiday"))
    now = datetime(2026, 12, 1, tzinfo=UTC)
    swap = OnCallOverride(
        id="x",
        schedule="payments",
        person="ines",
        starts_at=datetime(2026, 12, 23, 12, tzinfo=UTC),
        ends_at=datetime(2026, 12, 28, tzinfo=UTC),
        made_by="ines",
        made_at=now,
    )
    assert fault.found_in(check(fault.plant(sound), now, (swap,), days=28)) is None


def test_exception_below_a_rule_is_no_contradiction(configured):
    found = check(
        configured(
            ("wide", "{set_priority: P3}", "incident.service == 'shop'"),
            ("narrow", "{set_priority: P1}", "incident.service == 'shop' && incident.regulated"),
        ),
        NOW,
    )
    assert not [one for one in found if one.kind.code == "rules-contradict"]


def test_rule_above_a_wider_one_is_in_no_shadow(configured):
    found = check(
        configured(
            ("narrow", "{policy: ladder}", "priority == 'P1' && incident.regulated"),
            ("wide", "{policy: ladder}", "priority == 'P1'"),
            ("other", "{policy: ladder}", "priority == 'P1' || incident.regulated"),
        ),
        NOW,
    )
    assert not [one for one in found if one.kind.code == "rule-shadowed"]


def test_page_lists_every_finding_as_it_is():
    page = (ROOT / "docs" / "check.md").read_text(encoding="utf-8")
    for kind in KINDS:
        assert f"| `{kind.code}` | {kind.severity.value} | {kind.meaning} | {kind.mend} |" in page
