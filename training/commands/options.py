"""Options that all commands have, and how they answer programs."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)

models_option = click.option("--models", type=FOLDER, required=True, help="Where bundles are.")
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")


def print_json(content: Mapping[str, Any]) -> None:
    click.echo(json.dumps(content, ensure_ascii=False))
