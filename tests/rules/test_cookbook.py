"""The cookbook's recipes: each is a whole configuration, and its cases say what must follow from it.

A case is a scenario, as `triage simulate` reads them, with what stands at that moment and what is expected. Most
of that is compared with the decision, and `course` with what the machine does as time goes by.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from pydantic import AwareDatetime, Field, StrictBool, StrictFloat, StrictInt

from triage.domain.decision import (
    DecisionSource,
    LabelSuggestion,
    Progress,
    Standing,
    Suggestion,
)
from triage.domain.escalation import EscalationPath, Mode, PathStep, Require
from triage.domain.incident import Status
from triage.domain.priority import Priority
from triage.domain.recurrence import Recurrence, Storm
from triage.domain.schedule import OnCallOverride
from triage.escalation.state import (
    AskApproval,
    CallVendor,
    Effect,
    Note,
    Notice,
    Page,
    Post,
    SendUpdate,
    StandDown,
    TakeTurn,
)
from triage.rehearsal.check import check
from triage.rehearsal.scenario import ScenarioShape, SeenShape, incident_of, recurrence_of
from triage.rehearsal.simulate import Simulation, simulate
from triage.rules.baseline import Said, baseline
from triage.rules.catalogue_shape import LayerShape, LimitsShape, NightShape, RestrictionShape, ScheduleShape
from triage.rules.chooser import RuleFacts, RuleOutcome
from triage.rules.configuration import Configuration, configuration_from_texts, load_configuration
from triage.rules.document import read_document
from triage.rules.policy_shape import (
    CheckpointShape,
    PolicyShape,
    RequiredCheckpointShape,
    RuleShape,
    StepShape,
    ThenShape,
    UpdatesShape,
)
from triage.rules.shape import Duration, Id, Shape, Words, read_shape
from triage.rules.targets import OWNER_TARGETS, TARGET_KINDS

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "cookbook.md").read_text(encoding="utf-8")
RECIPES = sorted(path.parent for path in (DOCS / "cookbook").glob("*/escalation.yaml"))
WRITTEN_ON = datetime(2026, 11, 26, 12, tzinfo=UTC)
UNSAID = (Notice.PATH_CHANGED, Notice.MOVED_ON, Notice.ALREADY_TOLD)
"""Notes that only say again what the lines beside them show."""


class Memory(SeenShape):
    """What a scenario says of its pattern, and what a person, or a storm, adds to it."""

    known_fix: Words | None = None
    storm: StrictInt | None = Field(None, description="How many incidents the storm has, this one included.")
    minutes_to_resolve: StrictFloat | None = None
    total: StrictInt | None = None


class Before(Shape):
    """What stands decided on the open incident that this event joins."""

    priority: Priority
    team: Id
    severity: Words | None = None


class Swap(Shape):
    """A shift swap."""

    schedule: Id
    person: Id
    begins: AwareDatetime
    ends: AwareDatetime


class ExpectedStep(Shape):
    """``told``: who is forecast; ``at``: how long from now; ``begins``: which moment; ``roles``: among others."""

    at: Duration | None = None
    begins: AwareDatetime | None = None
    told: list[Id] | None = None
    targets: list[Words] | None = None
    channels: list[Id] | None = None
    require: Require | None = None
    roles: dict[str, str] | None = None
    vendors: dict[Id, Duration] | None = None
    checkpoint: Id | None = None
    skipped: StrictBool | None = None
    resolve_within: Duration | None = None


class ExpectedUpdates(Shape):
    every: Duration
    channels: list[Id]
    targets: list[Words]


class Expected(Shape):
    """Everything given is compared; ``rules``: ids of the adjusting rules that fired. ``course``: what is done how
    long after the opening."""

    priority: Priority | None = None
    team: Id | None = None
    policy: Id | None = None
    mode: Mode | None = None
    suppressed: str | None = None
    rules: list[Id] | None = None
    review: list[str] | None = None
    steps: list[ExpectedStep] | None = None
    updates: ExpectedUpdates | None = None
    acknowledge_by: AwareDatetime | None = None
    resolve_by: AwareDatetime | None = None
    course: dict[str, list[str]] | None = None


class Case(ScenarioShape):
    name: Words
    seen: Memory = Memory()
    opened: Duration = Field("0m", description="How long before ``at``.", validate_default=True)
    status: Status = Status.NEW
    status_for: Duration | None = None
    acknowledged: Duration | None = Field(None, description="How long ago somebody took it.")
    before: Before | None = None
    swaps: list[Swap] = Field(default_factory=list)
    expect: Expected


class Cases(Shape):
    cases: list[Case]


@lru_cache
def configuration_of(recipe: Path) -> Configuration:
    return load_configuration(recipe)


def cases_of(recipe: Path) -> list[Case]:
    name = recipe / "cases.yaml"
    return read_shape(Cases, read_document(name.read_text(encoding="utf-8"), str(name))).cases


CASES = {recipe: cases_of(recipe) for recipe in RECIPES}
ALL = [
    pytest.param(recipe, case, id=f"{recipe.name}: {case.name}") for recipe in RECIPES for case in CASES[recipe]
]
EACH = pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)


def swaps_of(case: Case) -> tuple[OnCallOverride, ...]:
    return tuple(
        OnCallOverride(
            id=f"swap-{number}",
            schedule=swap.schedule,
            person=swap.person,
            starts_at=swap.begins.astimezone(UTC),
            ends_at=swap.ends.astimezone(UTC),
            made_by=swap.person,
            made_at=WRITTEN_ON,
        )
        for number, swap in enumerate(case.swaps)
    )


def remembered(case: Case, now: datetime) -> Recurrence:
    seen, minutes = case.seen, case.seen.minutes_to_resolve
    found = recurrence_of(seen, now)
    return replace(
        found,
        known_fix=seen.known_fix,
        storm=Storm(parent="root", because="dependency", size=seen.storm) if seen.storm else None,
        resolve_seconds=minutes * 60 if minutes is not None else None,
        total=seen.total or found.total,
    )


def decide(configuration: Configuration, case: Case) -> RuleOutcome:
    """What the service would conclude of the case, without a model."""
    catalogue, now = configuration.catalogue, case.at.astimezone(UTC)
    incident, opened_at = incident_of(case.incident), now - case.opened
    standing = None
    if case.before is not None:
        standing = Standing(
            priority=case.before.priority,
            priority_source=DecisionSource.REPORTED,
            team=case.before.team,
            team_source=DecisionSource.CATALOGUE,
            severity=case.before.severity,
        )
    start = baseline(
        Said(
            incident=incident,
            suggestion=Suggestion(),
            words=LabelSuggestion(source=DecisionSource.CATALOGUE),
            override=None,
            correction=None,
            standing=standing,
        ),
        catalogue,
    )
    return configuration.rulebook.decide(
        RuleFacts(
            incident=incident,
            service=catalogue.find_service(incident.service, incident.environment),
            suggestion=Suggestion(),
            recurrence=remembered(case, now),
            priority=case.priority or start.priority.value,
            priority_source=DecisionSource.REPORTED if case.priority else start.priority.source,
            team=case.team or start.team.value,
            team_source=DecisionSource.REPORTED if case.team else start.team.source,
            now=now,
            opened_at=opened_at,
            before=standing,
            progress=Progress(
                status=case.status,
                status_since=now - case.status_for if case.status_for is not None else opened_at,
                acknowledged_at=now - case.acknowledged if case.acknowledged is not None else None,
            ),
            oncall_overrides=swaps_of(case),
        )
    )


def play(configuration: Configuration, case: Case) -> Simulation:
    """The case on a virtual clock, which begins at the opening and remembers no more than a scenario says."""
    assert not case.opened, "a course begins at the opening"
    assert case.before is None, "a course says so by an alert in `then`"
    assert case.status is Status.NEW, "a course says so by a status in `then`"
    assert case.seen.model_fields_set <= SeenShape.model_fields.keys(), "a course does not know that"
    return simulate(configuration.rulebook, case, swaps_of(case))


def step_as_expected(step: PathStep, expected: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """What the step has of what is expected of it."""
    clocks = {clock.vendor: clock.respond_within for clock in step.vendors}
    found: dict[str, Any] = {
        "at": step.at - now,
        "begins": step.at,
        "told": list(step.forecast),
        "targets": list(step.targets),
        "channels": list(step.channels),
        "require": step.require,
        "roles": {part: step.roles.get(part) for part in expected.get("roles") or {}},
        "vendors": clocks,
        "checkpoint": step.checkpoint.id if step.checkpoint else None,
        "skipped": step.skipped is not None,
        "resolve_within": step.resolve_within,
    }
    return {name: found[name] for name in expected}


def as_expected(outcome: RuleOutcome, expected: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """What the outcome has of what is expected of it, in the same words."""
    path: EscalationPath = outcome.path
    steps = expected.get("steps") or []
    found: dict[str, Any] = {
        "priority": outcome.priority,
        "team": outcome.team,
        "policy": path.policy,
        "mode": path.mode,
        "suppressed": path.suppressed_because,
        "rules": [fired.partition(":")[0] for fired in outcome.fired[:-1]],
        "review": list(outcome.review_reasons),
        "steps": [
            step_as_expected(step, steps[place] if place < len(steps) else {"targets": []}, now)
            for place, step in enumerate(path.steps)
        ],
        "updates": path.updates
        and {
            "every": path.updates.every,
            "channels": list(path.updates.channels),
            "targets": list(path.updates.targets),
        },
        "acknowledge_by": path.acknowledge_by,
        "resolve_by": path.resolve_by,
    }
    return {name: found[name] for name in expected}


def words_of(effect: Effect) -> str | None:
    """One line of a course."""
    match effect:
        case Page():
            return f"page {effect.person}"
        case Post():
            return f"write to {', '.join(effect.channels)}"
        case CallVendor():
            return f"call {effect.vendor}"
        case AskApproval():
            return f"ask {', '.join(effect.people)} about {effect.checkpoint}"
        case SendUpdate():
            return f"update {', '.join((*effect.channels, *effect.people))}: {effect.status}"
        case StandDown():
            return f"all clear to {', '.join(effect.people)}"
        case Note():
            return None if effect.notice in UNSAID else f"note: {effect.message}"
        case TakeTurn():
            return None


def length(found: timedelta) -> str:
    minutes = int(found.total_seconds()) // 60
    hours, rest = divmod(minutes, 60)
    return f"{hours}h{rest}m" if hours and rest else f"{hours}h" if hours else f"{rest}m"


def course_of(simulation: Simulation) -> dict[str, list[str]]:
    """What is done, by how long after the opening."""
    lines: dict[str, list[str]] = {}
    for entry in simulation.entries:
        words = words_of(entry.effect) if entry.effect is not None else None
        if words is not None:
            lines.setdefault(length(entry.at - simulation.opened_at), []).append(words)
    return lines


def is_as_expected(configuration: Configuration, case: Case) -> bool:
    expected = case.expect.model_dump(exclude_unset=True, exclude={"course"})
    if as_expected(decide(configuration, case), expected, case.at) != expected:
        return False
    return case.expect.course is None or course_of(play(configuration, case)) == case.expect.course


@pytest.mark.parametrize(("recipe", "case"), ALL)
def test_recipe_does_what_its_case_says(recipe: Path, case: Case) -> None:
    configuration = configuration_of(recipe)
    outcome = decide(configuration, case)
    expected = case.expect.model_dump(exclude_unset=True, exclude={"course"})
    assert as_expected(outcome, expected, case.at) == expected
    assert outcome.faults == ()
    if case.expect.course is not None:
        assert course_of(play(configuration, case)) == case.expect.course


@EACH
def test_recipe_loads_and_has_no_finding(recipe: Path) -> None:
    configuration = configuration_of(recipe)
    assert configuration.rulebook.checks(WRITTEN_ON.date()) == ()
    assert [str(finding) for finding in check(configuration, WRITTEN_ON)] == []


@EACH
def test_recipe_has_cases_for_every_rule_and_every_policy(recipe: Path) -> None:
    configuration, cases = configuration_of(recipe), CASES[recipe]
    assert len(cases) >= 3
    assert [name for name, times in Counter(case.name for case in cases).items() if times > 1] == []
    outcomes = [decide(configuration, case) for case in cases]
    outcomes += [
        ruling.outcome for case in cases if case.expect.course for ruling in play(configuration, case).rulings
    ]
    fired = {line.partition(":")[0] for outcome in outcomes for line in outcome.fired}
    assert {rule.id for rule in configuration.rulebook.rules} - fired == set()


@EACH
def test_no_rule_of_a_recipe_could_be_left_out_unnoticed(recipe: Path) -> None:
    configuration = configuration_of(recipe)
    head, policies, tail = configuration.policy_text.partition("policies:\n")
    parts = re.split(r"^(?=  - id: )", head, flags=re.MULTILINE)
    unnoticed = []
    for place in range(1, len(parts) - 1):
        text = "".join((*parts[:place], *parts[place + 1 :], policies, tail))
        without = configuration_from_texts(configuration.catalogue_text, text)
        if all(is_as_expected(without, case) for case in CASES[recipe]):
            unnoticed.append(parts[place].split()[2])
    assert unnoticed == []


@EACH
def test_recipe_says_why_it_is_so(recipe: Path) -> None:
    document = written(recipe, "escalation.yaml")
    undescribed = [rule["id"] for rule in document["rules"] if not rule.get("description")]
    undescribed += [name for name, policy in document["policies"].items() if not policy.get("description")]
    assert undescribed == []


def test_there_are_at_least_twenty_recipes_numbered_in_a_row() -> None:
    assert len(RECIPES) >= 20
    assert [int(recipe.name[:2]) for recipe in RECIPES] == list(range(1, len(RECIPES) + 1))


def sections() -> list[tuple[str, str]]:
    """Sections of the page, each with the recipe that it is about."""
    parts = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
    return [(match[1], part) for part in parts if (match := re.search(r"\]\(cookbook/([\w-]+)\)", part))]


def test_page_has_a_section_for_each_recipe_in_their_order() -> None:
    assert [name for name, _ in sections()] == [recipe.name for recipe in RECIPES]


def test_table_of_the_page_leads_to_its_sections() -> None:
    headings = re.findall(r"^## (.+)$", PAGE, flags=re.MULTILINE)
    anchors = {re.sub(r"[^\w\s-]", "", heading).strip().lower().replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([\w-]+)\)", PAGE)) == anchors


@EACH
def test_lines_shown_on_the_page_are_lines_of_the_recipe(recipe: Path) -> None:
    files = [
        (recipe / name).read_text(encoding="utf-8").splitlines() for name in ("catalogue.yaml", "escalation.yaml")
    ]
    blocks = re.findall(r"^```yaml\n(.*?)^```", dict(sections())[recipe.name], flags=re.MULTILINE | re.DOTALL)
    assert blocks
    for shown in (dedent(part).strip("\n") for block in blocks for part in block.split("…\n")):
        size = len(shown.splitlines())
        there = any(
            dedent("\n".join(lines[place : place + size])) == shown
            for lines in files
            for place in range(len(lines) - size + 1)
        )
        assert there, shown


# What the shapes offer, and what the recipes use of it.


def written(recipe: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = read_document((recipe / name).read_text(encoding="utf-8"), name).values
    return found


def rules() -> Iterator[dict[str, Any]]:
    for recipe in RECIPES:
        yield from written(recipe, "escalation.yaml")["rules"]


def policies() -> Iterator[dict[str, Any]]:
    for recipe in RECIPES:
        yield from written(recipe, "escalation.yaml")["policies"].values()


def steps() -> Iterator[dict[str, Any]]:
    for policy in policies():
        yield from policy["steps"]


def schedules() -> Iterator[dict[str, Any]]:
    """Schedules and their layers, which are written alike."""
    for recipe in RECIPES:
        for schedule in written(recipe, "catalogue.yaml").get("schedules", {}).values():
            yield schedule
            yield from schedule.get("layers", [])


def within(entries: Iterator[dict[str, Any]], key: str) -> Iterator[dict[str, Any]]:
    for entry in entries:
        found = entry.get(key)
        yield from found if isinstance(found, list) else [found] if found else []


USED = {
    "rule": (set(RuleShape.model_fields), rules),
    "then": (set(ThenShape.model_fields), lambda: within(rules(), "then")),
    "checkpoint of a rule": (
        set(RequiredCheckpointShape.model_fields),
        lambda: within(within(rules(), "then"), "checkpoint"),
    ),
    "policy": (set(PolicyShape.model_fields), policies),
    "updates": (set(UpdatesShape.model_fields), lambda: within(policies(), "updates")),
    "step": (set(StepShape.model_fields), steps),
    "checkpoint of a step": (set(CheckpointShape.model_fields), lambda: within(steps(), "checkpoint")),
    "schedule": (set(ScheduleShape.model_fields) | set(LayerShape.model_fields), schedules),
    "hours": (set(RestrictionShape.model_fields), lambda: within(schedules(), "hours")),
    "limits": (set(LimitsShape.model_fields), lambda: within(schedules(), "limits")),
    "night": (set(NightShape.model_fields), lambda: within(within(schedules(), "limits"), "night")),
}


@pytest.mark.parametrize("place", USED)
def test_every_key_that_there_is_is_shown_by_a_recipe(place: str) -> None:
    offered, entries = USED[place]
    assert offered - {key for entry in entries() for key in entry} == set()


def test_every_kind_of_target_is_shown_by_a_recipe() -> None:
    told = {target for step in steps() for target in step["targets"]}
    assert set(OWNER_TARGETS) - told == set()
    assert set(TARGET_KINDS) - {target.partition(":")[0] for target in told} == set()
