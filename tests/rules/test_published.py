"""What is published about the configuration is what the code reads."""

import json
from pathlib import Path

import jsonschema_rs
import pytest

from triage.rules.document import read_document
from triage.rules.expression import Language
from triage.rules.facts import FACTS
from triage.rules.policy_shape import StepShape, ThenShape
from triage.rules.reference import reference_text
from triage.rules.schemas import SHAPES, schema_text, write_schemas
from triage.rules.targets import OWNER_TARGETS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", list(SHAPES))
def test_published_schema_is_current(name):
    published = (ROOT / "schemas" / name).read_text(encoding="utf-8")
    assert published == schema_text(SHAPES[name]), "run: python -m triage.rules.schemas"


def test_schemas_are_written_where_wanted(tmp_path):
    write_schemas(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(SHAPES)


@pytest.mark.parametrize(
    ("schema", "file"),
    [("catalogue.schema.json", "catalogue.yaml"), ("escalation.schema.json", "escalation.yaml")],
)
def test_shipped_file_is_valid_by_its_published_schema(schema, file):
    validator = jsonschema_rs.validator_for(json.loads((ROOT / "schemas" / schema).read_text(encoding="utf-8")))
    values = read_document((ROOT / "config" / file).read_text(encoding="utf-8"), file).values
    assert not [error.message for error in validator.iter_errors(values)]


def test_reference_of_facts_is_current():
    published = (ROOT / "docs" / "facts.md").read_text(encoding="utf-8")
    assert published == reference_text(), "run: python -m triage.rules.reference"


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.name)
def test_example_of_a_fact_compiles_and_uses_it(fact):
    assert fact.name in Language().compile(fact.example).facts


@pytest.mark.parametrize("word", [*ThenShape.model_fields, *StepShape.model_fields, *OWNER_TARGETS])
def test_documentation_names_every_action_and_target(word):
    assert f"`{word}`" in (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
