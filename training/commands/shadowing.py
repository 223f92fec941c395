"""What bundles do in production: ``shadow``, ``drift``."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
from pydantic_core import to_jsonable_python

from training.commands.options import FOLDER, json_option, print_json
from training.promote import opened, whoever_asks
from triage.challenge import Challenge, Compared, Report
from triage.challenge import as_json as report_as_json
from triage.drift import Drift
from triage.drift import Report as DriftReport
from triage.drift import as_json as drift_as_json
from triage.settings import Settings


@click.command()
@click.option("--models", type=FOLDER, help="Where bundles are.  [TRIAGE_MODELS_DIR]")
@click.option("--version", help="Let this bundle run beside the one in force.")
@click.option("--end", is_flag=True, help="Let none run beside it any more.")
@click.option("--reason", default="", help="Why, for the history.")
@click.option("--by", help="Who answers for it; by default this account.")
@click.option("--expect", metavar="V", help="Refuse unless V runs beside it now, or `none` if nothing does.")
@json_option
def shadow(
    models: Path | None,
    version: str | None,
    end: bool,
    reason: str,
    by: str | None,
    expect: str | None,
    as_json: bool,
) -> None:
    """Name a challenger, which is asked about every incident and followed by nobody; without --version and --end:
    how it does beside the bundle in force."""
    if version is not None and end:
        raise click.UsageError("--version begins a challenge and --end ends one: choose")
    settings, who = Settings(), f"shell:{by or whoever_asks()}"
    with opened(settings) as database:
        found = Challenge(database, models or settings.models_dir, settings.review_sample, _now)
        if version is not None:
            moved = found.name(version, who, reason, expect)
            _say(as_json, version, moved is not None, "runs beside the bundle in force", "does so already")
        elif end:
            moved = found.end(who, reason, expect)
            _say(as_json, None, moved is not None, "No bundle runs beside the one in force now", "None did")
        else:
            _tell(found, as_json)


@click.command()
@click.option("--models", type=FOLDER, help="Where bundles are.  [TRIAGE_MODELS_DIR]")
@click.option("--strict", is_flag=True, help="End with 1 on an alarm.")
@json_option
def drift(models: Path | None, strict: bool, as_json: bool) -> None:
    """Whether the bundle in force still fits what comes in."""
    settings = Settings()
    with opened(settings) as database:
        found = Drift(database, models or settings.models_dir, settings.review_sample, _now).report()
    if as_json:
        print_json({"report": None if found is None else to_jsonable_python(drift_as_json(found))})
    elif found is None:
        click.echo("No bundle that learnt from a history is in force, so there is nothing to drift from.")
    else:
        click.echo("\n".join(_drift_lines(found)))
    if strict and found is not None and found.alarm:
        sys.exit(1)


def _drift_lines(report: DriftReport) -> Iterator[str]:
    yield f"{report.version}, {report.since:%Y-%m-%d} to {report.until:%Y-%m-%d}"
    for one in (report.team, report.priority):
        yield f"{one.target}: {one.decisions:,} decisions looked at"
        for week in one.weeks:
            sure = f", {week.confidence:.2f} sure of these" if week.confidence is not None else ""
            right = f", right in {week.right.value:.0%} of {week.right.n}" if week.right.value is not None else ""
            yield f"  {week.begins}: acts alone on {week.acts.value or 0:.0%} of {week.acts.n}{sure}{right}"
        for reason in one.reasons:
            yield f"  DRIFT ALARM: {reason}"
        if not one.reasons:
            yield "  no drift beyond chance" if one.is_enough else "  too few decisions to see a drift"


def _now() -> datetime:
    return datetime.now(UTC)


def _say(as_json: bool, version: str | None, changed: bool, done: str, before: str) -> None:
    if as_json:
        print_json({"version": version, "changed": changed})
    else:
        click.echo(f"{version or ''} {done if changed else before}.".strip())


def _tell(challenge: Challenge, wants_json: bool) -> None:
    report = challenge.report()
    if wants_json:
        print_json({"report": None if report is None else to_jsonable_python(report_as_json(report))})
    elif report is None:
        click.echo("No bundle runs beside the one in force. Name one: --version V --reason WHY")
    else:
        click.echo("\n".join(_lines(report)))


def _lines(report: Report) -> Iterator[str]:
    counts = report.counts
    yield f"{report.pointer.version} beside {report.incumbent}"
    yield f"asked about {counts.incidents:,} incidents opened since {report.since:%Y-%m-%d %H:%M} UTC"
    if not counts.incidents:
        yield "It speaks only of incidents that were opened after it was made."
        return
    for one in (report.team, report.priority):
        yield from _compared(one, counts.incidents)
    yield (
        f"P1 by both {counts.p1_both}, by the one in force alone {counts.p1_incumbent}, by the challenger alone"
        f" {counts.p1_challenger}"
    )


def _compared(one: Compared, incidents: int) -> Iterator[str]:
    yield (
        f"{one.target}: the same in {one.same / incidents:.1%}; acts alone on {one.acts / incidents:.1%}, the"
        f" challenger on {one.would_act / incidents:.1%}"
    )
    if one.incumbent.value is not None and one.challenger.value is not None:
        yield (
            f"  right of {one.incumbent.n} judged of the random sample: {one.incumbent.value:.3f}"
            f" [{one.incumbent.low:.3f}-{one.incumbent.high:.3f}], the challenger {one.challenger.value:.3f}"
            f" [{one.challenger.low:.3f}-{one.challenger.high:.3f}]"
        )
        yield f"  alone right: {one.only_incumbent}, the challenger {one.only_challenger}. {one.verdict}"
    else:
        yield "  nobody has judged any of these that were drawn at random"
