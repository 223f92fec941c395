"""One system on its way through a history, on a virtual clock: it decides, somebody looks at some, and it learns.

What the product does is done by its own code: the decider, the worth of a look and the draw of the sample, which
word holds for the next of a pattern, training, bundles. Only the store is replaced, by dictionaries, since a
history of tickets without keys would join into one open incident for each title."""

import shutil
import tempfile
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import click
from threadpoolctl import threadpool_limits

from bench.backtest import TODAY, catalogue_text
from training.recipes.default import DEFAULT
from training.train import ReadHistory, TrainRequest, train_rows
from triage.assessing import SAMPLED_EVERY
from triage.decider import Case, Decider, Embedding
from triage.domain.assessment import ReviewItem, acts, draw_of, item_of
from triage.domain.correction import LATEST, Carrying, correction_of, words_of
from triage.domain.decision import Decision, DecisionInputs, DecisionSource, TriageOverride
from triage.history.rows import HistoryRow
from triage.prediction.cold_start import ColdStart
from triage.prediction.predictor import TEAM, Predictor
from triage.prediction.text import incident_text
from triage.rehearsal.repeats import Repeats
from triage.rules.configuration import Configuration, configuration_from_texts
from triage.store.review_items import SAMPLED_FOR

Choice = Literal["none", "worth", "random"]
EVERY = 20
"""Of so many incidents one is looked at: 5 %."""
SAMPLE = 0.02
"""The rate of the sample, as the product is delivered."""
WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Routed:
    """What became of one incident, before anybody looked at it. ``named``: the team that the service names first
    is the one that resolved it, whether or not it acts alone; ``learnt``: it acts by a person's word on the
    pattern."""

    week: int
    pattern: str
    acted: bool
    right: bool
    named: bool
    learnt: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """``rows``: without answers that come later, in order; those before ``start`` are what the first bundle, in
    ``bundle``, was fitted on as far as their team was known by then."""

    rows: Sequence[HistoryRow]
    start: datetime
    starter: Path
    bundle: Path

    @property
    def begins_at(self) -> datetime:
        return moment(self.rows[0])

    def week_of(self, at: datetime) -> int:
        """From 1."""
        return int((at - self.begins_at) / WEEK) + 1


def moment(row: HistoryRow) -> datetime:
    assert row.incident.occurred_at is not None
    return row.incident.occurred_at


def known_at_start(rows: Sequence[HistoryRow], start: datetime) -> list[HistoryRow]:
    """What a team that begins then has to learn from: incidents that were over."""
    return [row for row in rows if row.team and row.resolved_at is not None and row.resolved_at <= start]


def train(rows: Sequence[HistoryRow], models: Path, at: datetime) -> Path:
    """The folder of the bundle; only the head that names teams, which is all that is measured here."""
    request = TrainRequest(history=Path("loop"), models=models, recipe=DEFAULT, created_at=at, heads=(TEAM,))
    with threadpool_limits(limits=1):
        return train_rows(request, ReadHistory(name="loop", rows=rows)).folder


class System:
    """A service, its reviewers and its weekly training. ``choice``: which incidents reviewers are given."""

    def __init__(self, plan: Plan, choice: Choice, models: Path) -> None:
        self._plan = plan
        self._choice = choice
        self._models = models
        self._configuration = configuration_from_texts(catalogue_text(list(plan.rows)), TODAY)
        self._decider = decider_of(self._configuration, plan.bundle)
        self._embeddings: dict[str, Embedding] = {}
        self._said: defaultdict[str, list[tuple[str, TriageOverride]]] = defaultdict(list)
        self._carried: dict[str, deque[bool]] = {word: deque(maxlen=LATEST) for word in ("team", "priority")}
        self._told: deque[bool] = deque(maxlen=LATEST)
        self._waiting: dict[str, tuple[ReviewItem, HistoryRow]] = {}
        self._lately: list[str] = []
        self._reviewed: list[HistoryRow] = []

    def run(self) -> list[Routed]:
        repeats, routed = Repeats(), []
        trained_at = self._plan.start
        known = {row.id for row in known_at_start(self._plan.rows, self._plan.start)}
        labelled: dict[str, str] = {}
        for row in self._plan.rows:
            at = moment(row)
            recurrence = repeats.next(row.id, row.incident, at)
            if at < self._plan.start:
                if row.id in known:
                    self._tell(labelled, str(recurrence.pattern_id), self._truth(row))
                continue
            while at >= trained_at + WEEK:
                trained_at += WEEK
                self._learn(trained_at)
            inputs = DecisionInputs(
                incident=row.incident,
                now=at,
                opened_at=at,
                recurrence=recurrence,
                correction=self._correction(str(recurrence.pattern_id)),
            )
            decision = self._decide(row, inputs)
            routed.append(self._routed(row, str(recurrence.pattern_id), decision))
            if self._choice != "none":
                self._queue(row, inputs, decision)
                if len(self._lately) == EVERY:
                    self._review(at)
        return routed

    def _tell(self, labelled: dict[str, str], pattern: str, team: str) -> None:
        """How labels carried over in what the start had, as an import counts it."""
        if pattern in labelled:
            self._told.append(labelled[pattern] == team)
        labelled[pattern] = team

    def _decide(self, row: HistoryRow, inputs: DecisionInputs) -> Decision:
        text = incident_text(row.incident)
        if text not in self._embeddings:
            assert self._decider.predictor is not None
            self._embeddings[text] = self._decider.predictor.encoder.encode([text])[0]
        case = Case(inputs=inputs, embedding=self._embeddings[text], decision_id=row.id, incident_id=row.id)
        return self._decider.decide([case])[0]

    def _routed(self, row: HistoryRow, pattern: str, decision: Decision) -> Routed:
        team, truth = decision.team, self._truth(row)
        acted = acts(team)
        first = team.value if acted or not team.alternatives else team.alternatives[0].value
        return Routed(
            week=self._plan.week_of(moment(row)),
            pattern=pattern,
            acted=acted,
            right=acted and team.value == truth,
            named=first == truth,
            learnt=team.source is DecisionSource.CORRECTION,
        )

    def _truth(self, row: HistoryRow) -> str:
        team = self._configuration.catalogue.find_team(row.team)
        assert team is not None
        return team.id

    def _correction(self, pattern: str) -> TriageOverride | None:
        looks = {word: Carrying(looks=len(seen), same=sum(seen)) for word, seen in self._carried.items()}
        told = Carrying(looks=len(self._told), same=sum(self._told))
        return correction_of(self._said[pattern][::-1], looks["priority"], replace(looks["team"], told=told))

    def _queue(self, row: HistoryRow, inputs: DecisionInputs, decision: Decision) -> None:
        pattern = str(inputs.recurrence.pattern_id)
        item = item_of(decision, inputs, pattern, words=words_of(self._said[pattern]))
        self._waiting[row.id] = item, row
        self._lately.append(row.id)

    def _review(self, at: datetime) -> None:
        """Somebody looks at one, and says who resolved it in the end."""
        item, row = self._waiting.pop(self._next(at))
        self._lately.clear()
        said = TriageOverride(by="reviewer", at=at, priority=item.priority, team=self._truth(row))
        before = self._said[item.pattern_id]
        if before:
            self._carried["team"].append(before[-1][1].team == said.team)
            self._carried["priority"].append(before[-1][1].priority == said.priority)
        before.append((row.id, said))
        self._reviewed.append(replace(row, labelled_at=at, resolved_at=None, gold=(TEAM,)))
        left = words_of(before).left
        for other, (waiting, waiting_row) in list(self._waiting.items()):
            if waiting.pattern_id == item.pattern_id:
                worth = replace(waiting.worth, left=left)
                self._waiting[other] = replace(waiting, worth=worth), waiting_row

    def _next(self, at: datetime) -> str:
        if self._choice == "random":
            return min(self._lately, key=draw_of)
        if len(self._reviewed) % SAMPLED_EVERY == SAMPLED_EVERY - 1:
            drawn = [
                (item.draw, name)
                for name, (item, _) in self._waiting.items()
                if item.draw < SAMPLE and item.opened_at >= at - SAMPLED_FOR
            ]
            if drawn:
                return min(drawn)[1]
        return max(self._waiting, key=lambda name: self._rank(self._waiting[name][0]))

    @staticmethod
    def _rank(item: ReviewItem) -> tuple[float, datetime]:
        return item.worth.value, item.opened_at

    def _learn(self, at: datetime) -> None:
        """On what the start had, and on what people said since."""
        if self._choice == "none":
            return
        click.echo(f"{self._choice}: week {self._plan.week_of(at) - 1} is over, training", err=True)
        start = known_at_start(self._plan.rows, self._plan.start)
        folder = train([*start, *self._reviewed], self._models, at)
        predictor = self._decider.predictor
        assert predictor is not None
        predictor.close()
        self._decider = decider_of(self._configuration, folder)


def decider_of(configuration: Configuration, bundle: Path) -> Decider:
    predictor = Predictor.open(bundle, workers=1)
    return Decider(configuration, predictor, ColdStart(configuration.catalogue, predictor.encoder))


def replay(plan: Plan, choice: Choice) -> list[Routed]:
    """In a folder of its own, which is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="triage-loop-") as scratch:
        models = Path(scratch) / "models"
        shutil.copytree(plan.starter, models / plan.starter.name)
        return System(plan, choice, models).run()
