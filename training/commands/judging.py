"""What bundles are worth: ``evaluate``, ``compare``."""

from pathlib import Path
from typing import Any

import click

from training.commands.options import FILE, json_option, models_option, print_json
from training.commands.request import configuration_for, learning_options, request_for
from training.evaluate import EvaluateRequest
from training.evaluate import evaluate as evaluate_request
from training.evaluation.report import Report, report_html
from training.evaluation.table import comparison_table, report_text
from training.progress import ProgressBars
from training.promote import find_active
from triage.errors import NotFound
from triage.settings import Settings

_report = click.option("--report", type=FILE, help="Also write one page of HTML with drawings.")
_titles = click.option("--no-titles", is_flag=True, help="No titles of incidents in the page.")
_share = click.option(
    "--share",
    type=click.FloatRange(0.05, 0.5),
    default=0.2,
    show_default=True,
    help="The last part of the time that judges.",
)


@click.command()
@learning_options
@models_option
@click.option("--version", help="A bundle to evaluate; by default what the recipe makes of the earlier part.")
@_share
@click.option("--no-curve", is_flag=True, help="No learning curve, which takes as long again.")
@_report
@_titles
@json_option
def evaluate(
    models: Path,
    version: str | None,
    share: float,
    no_curve: bool,
    report: Path | None,
    no_titles: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Learn from the earlier part of a history, judge on the later one, beside baselines and people.

    A bundle that has seen the later part is stood in for by what its recipe makes of the earlier one.
    """
    request = EvaluateRequest(
        train=request_for(models, options),
        version=version,
        share=share,
        curve=not (no_curve or options["quick"]),
        rules=configuration_for(options),
        titles=not no_titles,
    )
    _run(request, report, as_json)


@click.command()
@learning_options
@models_option
@click.option("--candidate", help="A bundle; by default what the recipe makes of the earlier part.")
@click.option("--incumbent", help="A bundle; by default the one that is active in the database.")
@_share
@_report
@_titles
@json_option
def compare(
    models: Path,
    candidate: str | None,
    incumbent: str | None,
    share: float,
    report: Path | None,
    no_titles: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Judge a candidate and the incumbent on the same later rows, with a paired test."""
    incumbent = incumbent or find_active(Settings())
    if incumbent is None:
        raise NotFound("no bundle is active in the database; name the incumbent: --incumbent VERSION")
    request = EvaluateRequest(
        train=request_for(models, options),
        version=candidate,
        rival=incumbent,
        share=share,
        curve=False,
        baselines=False,
        rules=configuration_for(options),
        titles=not no_titles,
    )
    _run(request, report, as_json)


def _run(request: EvaluateRequest, page: Path | None, as_json: bool) -> None:
    with ProgressBars(hidden=as_json) as bars:
        report = evaluate_request(request, bars.advance)
    if page is not None:
        _write(report, page)
    if as_json:
        print_json(report.describe())
        return
    incumbents = [
        (target.title, rival.paired)
        for target in report.targets
        for rival in target.rivals
        if rival.kind == "incumbent" and rival.paired is not None
    ]
    if incumbents:
        click.echo(f"{comparison_table(incumbents)}\n\n")
    click.echo(report_text(report))
    if page is not None:
        click.echo(f"The same with drawings: {page}", err=True)


def _write(report: Report, page: Path) -> None:
    """Complete or not at all. It may hold titles of incidents, so it is for its owner's eyes."""
    scratch = page.with_name(f".{page.name}.writing")
    try:
        scratch.touch(mode=0o600)
        scratch.write_text(report_html(report), "utf-8")
        scratch.replace(page)
    finally:
        scratch.unlink(missing_ok=True)
