"""Calls the address that has to be called for as long as all is well."""

from collections.abc import Mapping

import httpx

from triage.errors import DeliveryFailed
from triage.notify.senders import AGENT
from triage.notify.ways import filled

PATIENCE = 10.0


def call(url: str, environment: Mapping[str, str]) -> None:
    """Raises DeliveryFailed, with a reason that does not hold the address, where nobody takes it."""
    try:
        answer = httpx.get(filled(url, environment), timeout=PATIENCE, headers={"User-Agent": AGENT})
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise DeliveryFailed(f"cannot be reached ({type(error).__name__})") from error
    if not answer.is_success:
        raise DeliveryFailed(f"answered with {answer.status_code}")
