"""What the documents tell people to type is there: commands, their options, and the defaults that they name."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from training.__main__ import cli as training
from training.recipes import DEFAULT
from triage.__main__ import triage

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "models/README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PROGRAMS = {"triage ": triage, "python -m training ": training}


def typed() -> Iterator[tuple[str, click.Group, str]]:
    """Every call of ours in a block of code: the document, the program, what follows its name."""
    for path in DOCUMENTS:
        for block in re.findall(r"^```\w*\n(.*?)^```", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL):
            for line in block.splitlines():
                for name, program in PROGRAMS.items():
                    if line.removeprefix(".venv/bin/").startswith(name):
                        yield path.name, program, line.removeprefix(".venv/bin/").removeprefix(name)


CALLS = list(typed())


def test_documents_show_how_to_train_judge_and_promote() -> None:
    shown = {call.split()[0] for _, program, call in CALLS if program is training}
    assert shown >= {"train", "evaluate", "compare", "promote", "rollback", "predict"}


@pytest.mark.parametrize(("document", "program", "call"), CALLS, ids=[f"{d}: {c[:40]}" for d, _, c in CALLS])
def test_every_command_shown_takes_the_options_shown(document: str, program: click.Group, call: str) -> None:
    words = shlex.split(re.sub(r"[\[\]<>]", " ", call), comments=True)
    command: click.Command | None = program
    while isinstance(command, click.Group):
        command = command.get_command(click.Context(command), words.pop(0))
    assert command is not None, f"{document} shows a command that is gone: {call}"
    known = {option: one for one in command.params for option in one.opts}
    shown = {word for word in words if word.startswith("--")}
    assert shown <= known.keys()
    needed = {one.name for one in command.params if one.required and isinstance(one, click.Option)}
    assert needed <= {known[option].name for option in shown}


def test_the_recipe_in_the_documents_is_the_recipe_in_the_code() -> None:
    text = (ROOT / "docs/training.md").read_text("utf-8")
    _, _, table = text.partition("| field | default |")
    told = dict(re.findall(r"^\| `(\w+)` \| (\S+) \|", table, flags=re.MULTILINE))
    assert "target_precision" in told
    assert told == {field: str(getattr(DEFAULT, field)) for field in told}
