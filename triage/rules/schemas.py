"""JSON Schemas of the configuration files, for editors and for other people's programs.

``python -m triage.rules.schemas [FOLDER]`` writes them; a test holds ``schemas/`` to what the code reads.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from triage.rules.catalogue_shape import CatalogueShape
from triage.rules.policy_shape import PolicyFileShape
from triage.rules.shape import Shape

SHAPES: Mapping[str, type[Shape]] = {
    "catalogue.schema.json": CatalogueShape,
    "escalation.schema.json": PolicyFileShape,
}
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_text(shape: type[Shape]) -> str:
    """The schema as it is published: the same text every time."""
    schema = shape.model_json_schema(mode="validation")
    return json.dumps({"$schema": _DIALECT, **schema}, indent=2, ensure_ascii=False) + "\n"


def write_schemas(folder: Path) -> None:
    for name, shape in SHAPES.items():
        (folder / name).write_text(schema_text(shape), encoding="utf-8")


if __name__ == "__main__":
    write_schemas(Path(sys.argv[1] if len(sys.argv) > 1 else "schemas"))
