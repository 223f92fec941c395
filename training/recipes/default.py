"""The recipe for a history nobody has looked at yet."""

from training.recipes.recipe import Recipe

DEFAULT = Recipe(
    name="default",
    classifier="linear_svm",
    strength=0.5,
    balanced=False,
    word_weight=1.0,
    fact_weight=0.5,
    meaning_weight=1.0,
    min_word_rows=2,
    min_fact_rows=2,
    max_words=60_000,
    min_label_rows=3,
    min_rows=12,
    folds=5,
    target_precision=0.9,
    seed=20260105,
)
