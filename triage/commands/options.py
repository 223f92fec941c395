"""What several commands take and do alike."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import click

from triage.domain.incident import utc


def moment(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
    """ISO 8601; a date alone is its midnight, a time without a zone is UTC."""
    try:
        return utc(datetime.fromisoformat(value)) if value is not None else None
    except (ValueError, OverflowError):
        raise click.BadParameter("not an ISO 8601 date and time such as 2026-03-09 or 2026-03-09T09:42Z") from None


@contextmanager
def ended_in_order() -> Iterator[None]:
    """Being told to stop is taken like Ctrl-C, so that nothing half done is left behind."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
