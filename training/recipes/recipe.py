"""What a recipe says: every choice that shapes a head, so that a bundle can name how it was made."""

import json
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, Literal

Classifier = Literal["linear_svm", "logistic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """``strength`` is scikit-learn's C: the greater, the more the training rows are believed.

    Words seen in fewer than ``min_word_rows`` rows, facts in fewer than ``min_fact_rows``, and labels with fewer
    than ``min_label_rows`` are left out; below ``min_rows`` rows in all there is no head. ``target_precision``
    is what a suggestion that acts alone must reach on held-out rows.
    """

    name: str
    classifier: Classifier
    strength: float
    balanced: bool
    word_weight: float
    fact_weight: float
    meaning_weight: float
    min_word_rows: int
    min_fact_rows: int
    max_words: int
    min_label_rows: int
    min_rows: int
    folds: int
    target_precision: float
    seed: int

    @property
    def digest(self) -> str:
        """Names the content, whatever the recipe is called."""
        content = {key: value for key, value in asdict(self).items() if key != "name"}
        return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]

    def describe(self) -> dict[str, Any]:
        """As the manifest records it."""
        return {**asdict(self), "digest": self.digest}
