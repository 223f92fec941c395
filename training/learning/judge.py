"""From held-out scores to what a head concludes, and its worth on rows that had no part in choosing it."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from training.learning.calibration import choose_doubt, choose_thresholds
from training.learning.components import Labels
from training.learning.conformal import fit_sets, raise_threshold
from training.learning.judged import Judged
from training.learning.lessons import Lessons
from training.learning.order import cost_matrix, urgency_order
from training.learning.pool import Pool, Probabilities
from training.learning.screening import HeldOut, cross_weighed
from training.learning.split import Rows, Split
from training.recipes import Combination, Recipe
from triage.errors import GuaranteeRefused
from triage.prediction.conclusion import Conclusion, least_cost


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judge:
    """Weights, thresholds and promises from held-out scores, and what they are worth on others of them."""

    lessons: Lessons
    held_out: HeldOut
    names: Combination
    order: tuple[str, ...]
    recipe: Recipe
    split: Split

    @property
    def costs(self) -> tuple[tuple[float, ...], ...] | None:
        """Of a wrong priority, where its order is known."""
        if self.lessons.target != "priority" or not self.order:
            return None
        return cost_matrix(self.lessons.task.names, self.order, self.recipe.costs)

    @property
    def labels(self) -> Labels:
        return self.lessons.task.labels[self.held_out.rows]

    def pool(self, among: NDArray[np.bool_]) -> Pool:
        return self.held_out.pool(self.names, self.labels, among)

    def conclusion(self, among: NDArray[np.bool_], *, strict: bool) -> tuple[Conclusion, str | None]:
        """Chosen on the held-out rows ``among`` alone, and why no set of labels is promised. ``strict``: a bound
        that cannot be promised is an error, else it is left out."""
        part, labels = self.held_out.take(among), self.labels[among]
        probabilities = cross_weighed(part, self.names, labels)
        names, recipe = self.lessons.task.names, self.recipe
        costs = self.costs
        conclusion = Conclusion(
            thresholds=choose_thresholds(
                probabilities,
                labels,
                names,
                concluded=least_cost(probabilities, costs),
                precision=recipe.target_precision,
                confidence=recipe.threshold_confidence,
                own_rows=recipe.own_threshold_rows,
            ),
            order=self.order,
            costs=costs,
        )
        if self.lessons.assigned is not None:
            doubt = choose_doubt(
                probabilities,
                labels,
                self.lessons.assigned[part.rows],
                precision=recipe.flag_precision,
                confidence=recipe.flag_confidence,
                own_rows=recipe.own_threshold_rows,
                newest=part.fold == part.fold.max() if self.split.by == "time" else None,
            )
            conclusion = replace(conclusion, doubt=doubt)
        if self.lessons.target == "priority":
            return self._guarded(conclusion, probabilities, labels, part.rows, strict), None
        if recipe.coverage is None or self.lessons.target != "team":
            return conclusion, None
        try:
            sets = fit_sets(probabilities, labels, recipe.coverage, groups=self.lessons.groups[part.rows])
        except GuaranteeRefused as refused:
            return conclusion, str(refused)
        return replace(conclusion, sets=sets), None

    def _guarded(
        self, conclusion: Conclusion, probabilities: Probabilities, labels: Labels, rows: Rows, strict: bool
    ) -> Conclusion:
        names, recipe = self.lessons.task.names, self.recipe
        if recipe.max_p1_miss is None:
            return conclusion
        if not self.order:
            raise GuaranteeRefused(
                "a bound on missed urgent incidents needs to know which priority is the most urgent, and the order"
                f" of {', '.join(map(repr, names[:10]))} is not clear from the words"
            )
        most_urgent = next(iter(urgency_order((*names, *self.lessons.left_out))), self.order[0])
        if most_urgent not in names:
            raise GuaranteeRefused(
                f"a bound on missed urgent incidents needs the most urgent priority, {most_urgent!r}, which has "
                f"too few rows to be learnt: {self.lessons.left_out[most_urgent]}"
            )
        urgent = names.index(self.order[0])
        true = labels == urgent
        try:
            raising = raise_threshold(
                probabilities[true, urgent],
                recipe.max_p1_miss,
                recipe.confidence,
                labels=self.order[:1],
                groups=self.lessons.groups[rows[true]],
            )
        except GuaranteeRefused:
            if strict:
                raise
            return conclusion
        return replace(conclusion, raising=raising)

    def judged(self) -> tuple[Judged | None, NDArray[np.bool_] | None]:
        """Predictions on the split's test part, by what was chosen on the other held-out rows, and which of them
        are of new patterns."""
        last = int(self.held_out.fold.max())
        if last == 0:
            return None, None
        tests = [last] if self.split.by == "time" else range(last + 1)
        parts = [self._judged_fold(fold) for fold in tests]
        rows, new, probabilities, chosen, acting = (np.concatenate(column) for column in zip(*parts, strict=True))
        task, moments = self.lessons.task, self.lessons.moments[rows]
        costs = self.costs
        judged = Judged(
            target=self.lessons.name,
            labels=task.names,
            probabilities=probabilities,
            truth=task.labels[rows],
            acting=acting,
            chosen=chosen,
            moments=None if np.isnat(moments).all() else moments,
            ids=tuple(self.lessons.ids[at] for at in rows.tolist()),
            groups=self.lessons.groups[rows],
            order=tuple(task.names.index(label) for label in self.order) or None,
            costs=None if costs is None else np.array(costs),
        )
        return judged, new

    def _judged_fold(self, fold: int) -> tuple[Rows, NDArray[np.bool_], Probabilities, Labels, NDArray[np.bool_]]:
        here = self.held_out.fold == fold
        pool = self.pool(~here)
        conclusion, _ = self.conclusion(~here, strict=False)
        part = self.held_out.take(here)
        probabilities = pool.probabilities(part.scores)
        names = self.lessons.task.names
        chosen, acting = conclusion.choose(probabilities, names), conclusion.acts(probabilities, names)
        return part.rows, part.new, probabilities, chosen, acting
