"""Recipes by name. A new one is a file here and a line below."""

from collections.abc import Mapping

from training.recipes.default import DEFAULT, QUICK
from training.recipes.recipe import (
    Block,
    Combination,
    ComponentRecipe,
    CostRecipe,
    Recipe,
    SplitRecipe,
    recipe_of,
)

RECIPES: Mapping[str, Recipe] = {recipe.name: recipe for recipe in (DEFAULT, QUICK)}

__all__ = [
    "RECIPES",
    "Block",
    "Combination",
    "ComponentRecipe",
    "CostRecipe",
    "Recipe",
    "SplitRecipe",
    "recipe_of",
]
