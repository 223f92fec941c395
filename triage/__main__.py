"""``triage``: the command line of the service."""

import click
from pydantic import ValidationError

from triage import __version__
from triage.commands.records import check, db, doctor, replay
from triage.commands.serving import serve, worker
from triage.commands.tokens import token


@click.group()
@click.version_option(__version__)
def triage() -> None:
    """Incident triage: who is told, how urgently, and why. Settings are TRIAGE_* environment variables."""


for command in (serve, worker, check, replay, token, db, doctor):
    triage.add_command(command)


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
