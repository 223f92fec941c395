"""``python -m training``: the command line of those who make bundles."""

import importlib
import sys

import click

from triage.errors import TriageError

COMMANDS = {
    "starter": "starting",
    "train": "learning",
    "predict": "learning",
    "evaluate": "judging",
    "compare": "judging",
    "promote": "moving",
    "rollback": "moving",
    "shadow": "shadowing",
    "drift": "shadowing",
}
"""In which module of ``training.commands`` each is. Only the one that is asked for is imported."""


class Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"training.commands.{COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, cmd_name)
        return command


cli = Commands(help="Make bundles from an organisation's history, judge them, and put one in force.")


def main() -> None:
    """Exit codes: 0 done, 1 refused or failed with a reason, 2 wrong usage."""
    try:
        cli(standalone_mode=True)
    except TriageError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
