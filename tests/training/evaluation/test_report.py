import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from training.evaluation.intervals import compare_judged
from training.evaluation.measures import measure
from training.evaluation.plots import LearningPoint
from training.evaluation.report import Report, Rival, TargetReport, report_html
from training.learning.judged import Judged

Draw = Callable[..., Judged]
Make = Callable[..., Report]

EMPTY = {"meta", "br", "line", "rect", "circle", "polyline", "polygon", "path"}


class Page(HTMLParser):
    """Tags in their order, ids, what attributes point at, and the text; a tag closed out of turn is a fault."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.words = ""
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        if tag not in EMPTY:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data

    def values(self, name: str) -> list[str]:
        return [value for _, attribute, value in self.attributes if attribute == name]


def target_report(judged: Judged, rival: Judged | None = None, **changes: Any) -> TargetReport:
    rivals = ()
    if rival is not None:
        paired = compare_judged(rival, judged, repetitions=50)
        figures = measure(rival, seed=1, repetitions=50)
        rivals = (Rival(name="the one before", kind="incumbent", figures=figures, paired=paired),)
    figures = measure(judged, seed=1, repetitions=50)
    return TargetReport(figures=figures, rows="the last 20% by time", rivals=rivals, **changes)


@pytest.fixture
def make() -> Make:
    def report(*targets: TargetReport, **changes: Any) -> Report:
        fields: dict[str, Any] = {
            "bundle": "trained-1",
            "history": "helpdesk.csv, 500 rows",
            "created_at": datetime(2026, 1, 5, 9, 0, tzinfo=UTC),
            "recipe": {"name": "default", "split": {"by": "time", "shares": [0.8, 0.2]}},
            "targets": targets,
        }
        return Report(**(fields | changes))

    return report


@pytest.fixture
def whole(draw: Draw, make: Make) -> Report:
    """Two heads and everything a report can hold."""
    judged = draw(400)
    ordered = draw(400, 3, target="priority", order=(0, 1, 2), costs=np.ones((3, 3)) - np.eye(3))
    curve = [LearningPoint(rows=n, score=0.5 + n / 2_000, low=0.4, high=0.8) for n in (50, 100, 400)]
    return make(
        target_report(judged, draw(400, tempering=3.0), learning_curve=curve),
        target_report(ordered),
        guarantees=["At most 2% of true P1 are under-triaged."],
        cleaning=["3 rows were exact copies."],
        leaks=["labels.owner left out for team"],
        titles={f"INC-{at}": f"Disk full on host {at}" for at in range(400)},
    )


def test_the_page_is_well_formed_and_every_name_is_given_once(whole: Report):
    page = Page(report_html(whole))
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert page.tags.count("svg") == 7 + 5
    referred = {name for value in page.values("aria-labelledby") for name in value.split()}
    linked = {value.removeprefix("#") for value in page.values("href")}
    assert referred | linked <= set(ids)


def test_the_page_loads_nothing_and_runs_nothing(whole: Report):
    html = report_html(whole)
    page = Page(html)
    assert not {"script", "link", "img", "iframe", "image", "use", "object"} & set(page.tags)
    assert not re.search(r"https?:|//\w|url\(|@import|javascript:", html)
    assert all(value.startswith("#") for value in page.values("href"))
    assert "default-src 'none'" in html


def test_every_drawing_has_a_title_and_a_description_of_its_own(whole: Report):
    html = report_html(whole)
    drawings = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert drawings
    for drawing in drawings:
        assert re.search(
            r'role="img".*<title id="[^"]+-title">[^<]+</title><desc id="[^"]+-text">[^<]+</desc>', drawing
        )
        assert "nan" not in drawing.lower().replace("nance", "")


def test_what_was_given_is_all_there(whole: Report):
    words = Page(report_html(whole)).words
    for expected in (
        "trained-1",
        "At most 2% of true P1",
        "3 rows were exact copies",
        "labels.owner left out for team",
        "split.shares",
        "the one before",
        "Disk full on host",
        "Would more rows help?",
        "Quadratic kappa",
    ):
        assert expected in words


def test_labels_titles_and_lines_are_shown_as_text_and_never_as_markup(certainly: Draw, make: Make):
    nasty = '<script>alert("x")</script>&"\''
    judged = certainly(
        [0, 1, 0] * 30, [1, 1, 0] * 30, k=2, labels=(nasty, "b"), ids=tuple(f"{nasty}{n}" for n in range(90))
    )
    report = make(
        target_report(judged, judged),
        bundle=nasty,
        history=nasty,
        guarantees=[nasty],
        cleaning=[nasty],
        leaks=[nasty],
        recipe={nasty: nasty},
        titles={f"{nasty}0": nasty},
    )
    html = report_html(report)
    assert "<script" not in html
    page = Page(html)
    assert page.words.count(nasty) >= 12
    assert not {name for _, name, _ in page.attributes if name.startswith("on")}


@pytest.mark.parametrize(
    "changes",
    [
        {"moments": None},
        {"truth": np.full(90, -1)},
        {"truth": np.zeros(90, dtype=np.int64)},
        {"acting": np.zeros(90, dtype=np.bool_)},
        {"groups": np.zeros(90, dtype=np.int64)},
    ],
    ids=["undated", "only unknown labels", "one label", "never acting", "one pattern"],
)
def test_a_page_is_whole_whatever_is_missing(draw: Draw, make: Make, changes: dict[str, Any]):
    judged = draw(90, **changes)
    Page(report_html(make(target_report(judged, judged))))


def test_one_row_and_one_label_make_a_page(certainly: Draw, make: Make):
    page = Page(report_html(make(target_report(certainly([0], [0], k=1, sure=1.0)))))
    assert "No fact was found that gives the answer away" in page.words


def test_many_labels_are_folded_and_the_most_confused_drawn(draw: Draw, make: Make):
    html = report_html(make(target_report(draw(600, 45))))
    assert "30 rarer labels" in html
    assert "and all others together" in html


def test_drift_is_shown_as_an_alarm(draw: Draw, make: Make):
    judged = draw(600)
    truth = np.where(np.arange(600) > 400, (judged.chosen + 1) % 4, judged.truth)
    words = Page(report_html(make(target_report(replace(judged, truth=truth))))).words
    assert "drifts over time" in words
    assert "Train again on newer incidents" in words


def test_the_description_is_json_and_holds_no_incident_text(whole: Report):
    content = json.dumps(whole.describe(), allow_nan=False)
    found = json.loads(content)
    assert "Disk full" not in content
    assert "Disk full" not in repr(whole)
    assert set(found["targets"]) == {"team", "priority"}
    team = found["targets"]["team"]
    assert team["rivals"]["the one before"]["paired"]["verdict"] in {"better", "worse", "even"}
    assert team["figures"]["accuracy"].keys() == {"value", "low", "high"}
    assert team["figures"]["periods"][0]["first_at"].startswith("2025-01-01T")
    assert found["created_at"] == "2026-01-05T09:00:00+00:00"
