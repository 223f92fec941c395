import json
from dataclasses import replace

import pytest
from pydantic import ValidationError

from training.recipes import RECIPES, CostRecipe, Recipe, SplitRecipe, recipe_of

EACH = pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES.keys())


@EACH
def test_a_recipe_comes_back_from_the_json_of_a_manifest_as_it_went(recipe: Recipe):
    assert recipe_of(json.loads(json.dumps(recipe.describe()))) == recipe


def test_every_choice_comes_back_too():
    chosen = replace(
        RECIPES["default"],
        encoder="some/encoder",
        split=SplitRecipe(blocks=2, folds=3),
        costs=CostRecipe(missed=9.0),
        max_p1_miss=0.02,
        confidence=0.95,
        coverage=None,
    )
    assert recipe_of(json.loads(json.dumps(chosen.describe()))) == chosen


def test_the_digest_names_the_content_whatever_the_recipe_is_called():
    default = RECIPES["default"]
    assert replace(default, name="another").digest == default.digest
    digests = {one.digest for one in (*RECIPES.values(), replace(default, seed=1), replace(default, min_rows=13))}
    assert len(digests) == len(RECIPES) + 2


def test_a_recipe_of_another_version_is_refused():
    described = RECIPES["default"].describe()
    described["components"] = [{**one, "method": "of a later version"} for one in described["components"]]
    with pytest.raises(ValidationError):
        recipe_of(described)


@EACH
def test_every_combination_is_of_components_of_the_recipe(recipe: Recipe):
    names = [one.name for one in recipe.components]
    assert len(set(names)) == len(names)
    assert {name for combination in recipe.combinations for name in combination} <= set(names)
    assert len(set(recipe.combinations)) == len(recipe.combinations)
