"""A drill's report for people: who was told when, each step against the policy, and what did not go as planned."""

from collections.abc import Iterator

from triage.domain.catalogue import Catalogue
from triage.drilling.report import DrillReport, StepTimes, Told

_ALL = {True: "as the policy says", False: "NOT as the policy says", None: "on the real clock"}


def draw_report(report: DrillReport, catalogue: Catalogue) -> str:
    return "\n".join(_lines(report, catalogue))


def _lines(report: DrillReport, catalogue: Catalogue) -> Iterator[str]:
    opened = report.opened_at.astimezone(catalogue.zone)
    yield f"Drill of {opened:%Y-%m-%d %H:%M %Z}: {report.priority}, team {report.team}"
    yield f"Policy {report.policy} by rule {report.rule}; {_ALL[report.as_planned]}"
    yield ""
    for told in report.told:
        yield _told(told, catalogue)
    yield ""
    yield "Step   planned      told       time to answer   who"
    for step in report.steps:
        yield _step(step, catalogue)
    yield ""
    if report.acknowledged_after is not None:
        by = catalogue.person_name(report.acknowledged_by or "")
        yield f"Acknowledged by {by} after {_clock(report.acknowledged_after)}"
    else:
        yield f"Nobody acknowledged it until {_clock((report.ended_at - report.opened_at).total_seconds())}"
    if report.resolved_after is not None:
        yield f"Resolved after {_clock(report.resolved_after)}"
    for difference in report.differences:
        yield f"DIFFERENT  {difference}"
    for fault in report.faults:
        yield f"NOT TOLD   {fault}"


def _told(told: Told, catalogue: Catalogue) -> str:
    step = f" (step {told.step})" if told.step else ""
    if told.sent_after is not None:
        delay = told.sent_after - told.after
        became = f"by {told.way}" if told.way else f"taken {delay:.1f} s later"
    else:
        became = f"{told.state}: {told.fault}" if told.fault else told.state
    return f"{_clock(told.after)}  {told.kind} to {_recipient(catalogue, told.recipient)}{step}, {became}"


def _step(step: StepTimes, catalogue: Catalogue) -> str:
    told = _clock(step.told_after) if step.told_after is not None else "not reached"
    who = ", ".join(catalogue.person_name(person) for person in step.told or step.forecast) or "nobody"
    return f"{step.number:<6} {_clock(step.planned_after)}  {told:<11}  {_clock(step.given)}  {who}"


def _recipient(catalogue: Catalogue, recipient: str) -> str:
    kind, _, name = recipient.partition(":")
    return catalogue.person_name(name) if kind == "person" else recipient


def _clock(seconds: float) -> str:
    """``+hh:mm:ss`` since the opening."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"+{hours:02}:{minutes:02}:{rest:02}"
