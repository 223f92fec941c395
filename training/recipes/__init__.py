"""Recipes by name. A new one is a file here and a line below."""

from collections.abc import Mapping

from training.recipes.default import DEFAULT
from training.recipes.recipe import Recipe

RECIPES: Mapping[str, Recipe] = {recipe.name: recipe for recipe in (DEFAULT,)}

__all__ = ["RECIPES", "Recipe"]
