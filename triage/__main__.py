"""``triage``: the command line of the service."""

from importlib import import_module
from keyword import iskeyword

import click
from pydantic import ValidationError

from triage import __version__

COMMANDS = {
    "serve": "triage.commands.serving",
    "worker": "triage.commands.working",
    "check": "triage.commands.checking",
    "simulate": "triage.commands.rehearsing",
    "drill": "triage.commands.drilling",
    "backtest": "triage.commands.rehearsing",
    "oncall": "triage.commands.oncall",
    "replay": "triage.commands.records",
    "doctor": "triage.commands.records",
    "db": "triage.commands.records",
    "import": "triage.commands.importing",
    "export": "triage.commands.exporting",
    "preview": "triage.commands.previewing",
    "token": "triage.commands.tokens",
    "audit": "triage.commands.auditing",
}
"""Each command's module is imported when it is asked for: ``serve`` must listen before heavy ones are loaded."""


class Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        command: click.Command = getattr(import_module(COMMANDS[cmd_name]), name)
        return command


@click.group(cls=Commands)
@click.version_option(__version__)
def triage() -> None:
    """Incident triage: who is told, how urgently, and why. Settings are TRIAGE_* environment variables."""


def main() -> None:
    """Entry point. A setting that cannot be used is named and ends with exit code 2."""
    try:
        triage()
    except ValidationError as error:
        for fault in error.errors(include_input=False, include_url=False):
            name = "TRIAGE_" + "_".join(str(part) for part in fault["loc"]).upper()
            click.echo(f"{name}: {fault['msg']}", err=True)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
