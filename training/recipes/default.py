"""The recipe for a history nobody has looked at yet, and its quick sister for a first impression."""

from dataclasses import replace

from training.recipes.recipe import ComponentRecipe, Recipe, SplitRecipe

LEXICAL = ComponentRecipe(name="lexical", method="linear_svm", blocks=("words",), strength=0.5)
SEMANTIC = ComponentRecipe(name="semantic", method="logistic", blocks=("meaning",), strength=10.0)
METADATA = ComponentRecipe(name="metadata", method="logistic", blocks=("facts",), strength=1.0)
JOINT = ComponentRecipe(
    name="joint", method="linear_svm", blocks=("words", "facts", "meaning"), strength=0.5, fact_weight=0.5
)
NAMED = ComponentRecipe(name="named", method="names", blocks=("words",))
NAMED_ALIKE = ComponentRecipe(name="named alike", method="names", blocks=("meaning",))
NEIGHBOURS = ComponentRecipe(name="neighbours", method="neighbours", blocks=("meaning",))

DEFAULT = Recipe(
    name="default",
    components=(LEXICAL, METADATA, SEMANTIC, JOINT, NAMED, NAMED_ALIKE, NEIGHBOURS),
    combinations=(
        ("lexical", "metadata"),
        ("lexical", "metadata", "semantic"),
        ("lexical", "metadata", "semantic", "named", "named alike"),
        ("joint", "metadata"),
        ("joint", "metadata", "named", "named alike"),
        ("lexical", "metadata", "semantic", "joint"),
        ("lexical", "metadata", "semantic", "joint", "named", "named alike"),
        ("lexical", "metadata", "semantic", "joint", "named", "named alike", "neighbours"),
    ),
)

QUICK = replace(
    DEFAULT,
    name="quick",
    components=(LEXICAL, METADATA, SEMANTIC),
    combinations=(("lexical", "metadata"), ("lexical", "metadata", "semantic")),
    screening_rows=1_500,
    split=SplitRecipe(blocks=2),
)
