"""How escalation went, as a person wants to see it: what changed, week by week, and who was woken for it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from triage.console.charts import Chart, Series, heat_of, took
from triage.console.templating import percent
from triage.figures import Deadline, Fatigue, GroupFigures

FEW = 30
"""With fewer incidents a change may well be chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """``change``: against the period before, and ``verdict`` on it: ``good``, ``bad`` or nothing."""

    name: str
    value: str
    change: str
    verdict: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Figure:
    """``better``: -1 where less of it is better, 1 where more is, 0 where neither."""

    name: str
    of: Callable[[GroupFigures], float | None]
    said: Callable[[float | None], str]
    better: int
    note: Callable[[GroupFigures], str] = lambda _: ""


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def _score(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _breached(found: GroupFigures) -> float | None:
    missed = found.acknowledge_breached + found.resolve_breached
    return missed / found.incidents if found.incidents else None


_FIGURES = (
    _Figure("Incidents", lambda g: g.incidents, _number, 0),
    _Figure(
        "Taken within",
        lambda g: g.acknowledge.median,
        took,
        -1,
        lambda g: f"half of them; nine of ten within {took(g.acknowledge.p90)}",
    ),
    _Figure(
        "Resolved within",
        lambda g: g.resolve.median,
        took,
        -1,
        lambda g: f"half of them; nine of ten within {took(g.resolve.p90)}",
    ),
    _Figure("Escalated", lambda g: g.escalation_rate, percent, -1, lambda g: "beyond whoever was told first"),
    _Figure("More than once", lambda g: g.repeat_rate, percent, -1, lambda g: "escalated again and again"),
    _Figure("Solved at first touch", lambda g: g.first_touch, percent, 1, lambda g: "by whoever took it first"),
    _Figure("Promises missed", _breached, percent, -1, lambda g: "times to take or to resolve, by incident"),
    _Figure("Told what was done", lambda g: g.with_context, percent, 1, lambda g: "of those who were paged later"),
    _Figure("Teams changed", lambda g: g.reassignments, percent, -1, lambda g: "for each incident"),
    _Figure(
        "Satisfaction", lambda g: g.satisfaction, _score, 1, lambda g: f"of 5, by {g.scores} reviews of incidents"
    ),
)


def headlines(now: GroupFigures, before: GroupFigures) -> list[Headline]:
    """What nothing is known of is left out."""
    return [_headline(one, now, before) for one in _FIGURES if one.of(now) is not None]


def _headline(figure: _Figure, now: GroupFigures, before: GroupFigures) -> Headline:
    value, earlier = figure.of(now), figure.of(before)
    change, verdict = "nothing to compare with", ""
    if value is not None and earlier is not None and before.incidents:
        was = figure.said(earlier)
        if was == figure.said(value):
            change = f"as before: {was}"
        else:
            change = f"{'▲' if value > earlier else '▼'} before: {was}"
            verdict = {1: "good", -1: "bad", 0: ""}[figure.better * (1 if value > earlier else -1)]
    return Headline(
        name=figure.name, value=figure.said(value), change=change, verdict=verdict, note=figure.note(now)
    )


def charts_of(weeks: Sequence[GroupFigures]) -> list[Chart]:
    """By week; none of fewer than two."""
    if len(weeks) < 2:
        return []
    x = [week.group.partition("-")[2] for week in weeks]
    return [
        Chart(
            title="Incidents a week",
            says="All, and those that went beyond whoever was told first.",
            x_label="Week",
            x=x,
            series=(
                Series(label="incidents", values=[w.incidents for w in weeks], kind="bars"),
                Series(label="escalated", values=[w.escalated for w in weeks], kind="bars", colour="--p2"),
            ),
        ),
        _times(
            "Until somebody takes it", "Half are taken by the lower line, nine of ten by the upper one.", x, weeks,
            lambda week: (week.acknowledge.median, week.acknowledge.p90),
        ),
        Chart(
            title="How it went",
            says="Escalated less and solved at first touch more often is what good rules and rotas look like.",
            x_label="Week",
            x=x,
            unit="%",
            options={"range": [0, 1]},
            series=(
                Series(label="escalated", values=[w.escalation_rate for w in weeks], colour="--p2"),
                Series(label="solved at first touch", values=[w.first_touch for w in weeks], colour="--good"),
                Series(label="promises missed", values=[_breached(w) for w in weeks], colour="--bad", dash=True),
            ),
        ),
        _times(
            "Until it is resolved", "From the first alert to the end, in the same way.", x, weeks,
            lambda week: (week.resolve.median, week.resolve.p90),
        ),
    ]  # fmt: skip


def _times(
    title: str,
    says: str,
    x: Sequence[str],
    weeks: Sequence[GroupFigures],
    of: Callable[[GroupFigures], tuple[float | None, float | None]],
) -> Chart:
    halves, most = zip(*map(of, weeks), strict=True)
    series = (
        Series(label="half of them", values=halves),
        Series(label="nine of ten", values=most, dash=True, colour="--p2"),
    )
    return Chart(title=title, says=says, x_label="Week", x=x, series=series, unit="s")


@dataclass(frozen=True, slots=True)
class Hours:
    """One person's pages: ``heats``: a shade for each hour of their own clock."""

    fatigue: Fatigue
    heats: tuple[int, ...]


def hours_of(fatigue: Sequence[Fatigue]) -> list[Hours]:
    """Shades are the same for all of them."""
    most = max((pages for one in fatigue for pages in one.by_hour), default=0) or 1
    return [Hours(one, tuple(heat_of(pages, most) for pages in one.by_hour)) for one in fatigue]


def advice(deadline: Deadline) -> tuple[str, str]:
    """What to do about it, and whether it is ``good`` as it is, ``bad`` or neither."""
    if deadline.suggested is None:
        return f"only {deadline.answered} answers: too few to say", ""
    if deadline.suggested > deadline.given:
        return f"give {took(deadline.suggested)}, or page more people: nine of ten answers take so long", "bad"
    if deadline.suggested <= deadline.given / 2:
        return f"{took(deadline.suggested)} would do: nine of ten answers come by then", "warn"
    return "fits", "good"
