"""The strictest look for an earlier incident: the same words, of the same service, in the same environment."""

import hashlib
import json
import unicodedata

from triage.domain.catalogue import fold

_AROUND = "()[]{}<>\"'`.,;:!?"


def normalised(text: str) -> str:
    """``text`` in the form in which sameness is judged: compatibility characters, case and white space
    do not matter; everything else does."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(folded.split())


def words_of(text: str) -> frozenset[str]:
    """The words of a text as its fingerprint sees them, without the punctuation around them."""
    return frozenset(word.strip(_AROUND) for word in normalised(text).split()) - {""}


def scope(service: str | None, environment: str | None) -> str:
    """Within what an event may join an open incident, as a JSON array: ``["payments api","prod"]``.

    Names are folded as the catalogue compares them. An unnamed service is a scope of its own.
    """
    return json.dumps([fold(service or ""), fold(environment or "")], ensure_ascii=False, separators=(",", ":"))


def place(region: str | None, cluster: str | None) -> str | None:
    """Where within its scope something burns, if anybody says: an outage of one region is not that of another."""
    told = [fold(region or ""), fold(cluster or "")]
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")) if any(told) else None


def fingerprint(text: str, service: str | None, environment: str | None, at: str | None = None) -> str:
    """``fp1:`` and 32 hex digits, the same for the same normalised text within one scope; with a ``place``,
    ``fp2:``, the same within that place only.

    The version changes whenever an equal incident could get another digest.
    """
    within = scope(service, environment)
    if at is None:
        return f"fp1:{digest(normalised(text), within)}"
    return f"fp2:{digest(normalised(text), within, at)}"


def digest(*parts: str) -> str:
    """128 bits of BLAKE2b, in hex, over the parts and where each ends."""
    hashed = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        hashed.update(b"%d:" % len(data))
        hashed.update(data)
    return hashed.hexdigest()
