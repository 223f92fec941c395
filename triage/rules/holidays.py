"""Public holidays of countries and of parts of them, by the ``holidays`` library."""

from datetime import date
from functools import lru_cache

import holidays

from triage.rules.document import closest

YEARS = range(2000, 2051)
"""Histories reach back; nobody plans further ahead."""


def calendar_fault(name: str) -> str | None:
    """Why ``name``, such as ``DE`` or ``DE-BE``, is no calendar, or None."""
    country, _, part = name.partition("-")
    known = holidays.list_supported_countries(include_aliases=False)
    if country not in known:
        return f"unknown country {country!r}; expected an ISO 3166 code such as 'DE' or 'US-NY'"
    if part and part not in known[country]:
        message = f"unknown part {part!r} of {country}"
        return f"{message}{closest(part, known[country])}" if known[country] else f"{message}, which has none"
    return None


@lru_cache(maxsize=64)
def public_holidays(name: str) -> frozenset[date]:
    """The days of ``YEARS`` that are public holidays there. ``name`` must be without fault."""
    country, _, part = name.partition("-")
    return frozenset(holidays.country_holidays(country, subdiv=part or None, years=YEARS))
