"""What a recipe says: every choice that shapes a bundle, so that a bundle can name how it was made."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from typing import Any, Literal

from pydantic import TypeAdapter

Method = Literal["linear_svm", "logistic", "names", "neighbours"]
Block = Literal["words", "facts", "meaning"]
Combination = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentRecipe:
    """One way to score labels. ``linear_svm`` and ``logistic`` are fitted on ``blocks``, with ``strength`` as
    scikit-learn's C (the greater, the more the rows are believed) and facts weighed by ``fact_weight``; ``names``
    compares with the labels' own words; ``neighbours`` lets the nearest embeddings vote."""

    name: str
    method: Method
    blocks: tuple[Block, ...]
    strength: float = 1.0
    fact_weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitRecipe:
    """``blocks`` consecutive parts of ``block_share`` of the time each, at the end of the history, are held out in
    turn, each from what was known before it. A history with fewer dated rows than ``least_dated`` is split into
    ``folds`` by pattern instead."""

    blocks: int = 4
    block_share: float = 0.15
    least_dated: int = 200
    folds: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRecipe:
    """Costs of a wrong priority, by how many ranks it is off: ``over`` for each rank too urgent, ``under`` for
    each rank not urgent enough, and ``missed`` on top where a most urgent one was concluded to be anything
    else."""

    over: float = 1.0
    under: float = 1.5
    missed: float = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class FineTuning:
    """The place of fine-tuning the encoder in a recipe: passes over the history, and the learning rate."""

    epochs: int
    learning_rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """``encoder`` None: that of the bundle in use. ``leave_out``: facts that nothing is learnt from
    (``labels.owner``).

    Words seen in fewer than ``min_word_rows`` rows, facts in fewer than ``min_fact_rows``, and labels with fewer
    than ``min_label_rows`` are left out; below ``min_rows`` rows in all there is no head. Every one of
    ``components`` and of ``combinations`` of them is compared on held-out rows (at most ``screening_rows`` of the
    newest), and the one with the least log loss is fitted on everything.

    ``target_precision`` is what a suggestion that acts alone must reach on held-out rows, even at its lower
    bound of ``threshold_confidence``; labels with fewer than ``own_threshold_rows`` held-out suggestions above the
    common threshold never get one of their own. ``flag_precision`` is what the flag on a wrongly assigned team
    must reach; it only asks a person to look, so ``flag_confidence`` is that of an even chance. ``max_p1_miss``:
    the promised largest share of missed most urgent incidents, on average or, with ``confidence``, with that
    confidence; ``coverage``: that of the sets of teams. None: nothing is promised.
    """

    name: str
    components: tuple[ComponentRecipe, ...]
    combinations: tuple[Combination, ...]
    encoder: str | None = None
    min_word_rows: int = 2
    min_fact_rows: int = 2
    max_words: int = 60_000
    leave_out: tuple[str, ...] = ()
    min_label_rows: int = 2
    min_rows: int = 12
    screening_rows: int = 4_000
    split: SplitRecipe = SplitRecipe()
    costs: CostRecipe = CostRecipe()
    target_precision: float = 0.9
    threshold_confidence: float = 0.9
    own_threshold_rows: int = 30
    flag_precision: float = 0.8
    flag_confidence: float = 0.5
    max_p1_miss: float | None = None
    confidence: float | None = None
    coverage: float | None = 0.95
    fine_tuning: FineTuning | None = None
    seed: int = 20260105

    @property
    def digest(self) -> str:
        """Names the content, whatever the recipe is called."""
        content = {key: value for key, value in asdict(self).items() if key != "name"}
        return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]

    def component(self, name: str) -> ComponentRecipe:
        return next(one for one in self.components if one.name == name)

    def describe(self) -> dict[str, Any]:
        """As the manifest records it."""
        return {**asdict(self), "digest": self.digest}


def recipe_of(described: Mapping[str, Any]) -> Recipe:
    """The recipe that a manifest records. Raises ``pydantic.ValidationError`` for one of another version."""
    content = {key: value for key, value in described.items() if key != "digest"}
    return _adapter().validate_json(json.dumps(content))


@cache
def _adapter() -> TypeAdapter[Recipe]:
    return TypeAdapter(Recipe)
