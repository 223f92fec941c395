"""The one text of an incident that the encoder, the word features and the memory read."""

import re
import unicodedata
from hashlib import blake2b

from triage.domain.incident import Incident

MAX_CHARACTERS = 4_000
"""The encoder reads at most 256 word pieces, which 4,000 characters of prose fill several times over."""

_UNREADABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")


def incident_text(incident: Incident) -> str:
    """Title and description on two lines, in NFC, each with runs of white space made one space.

    Control characters and lone surrogates, which no tokenizer takes, become spaces. At most
    ``MAX_CHARACTERS`` long; what is cut is the end of the description.
    """
    title, description = condensed(incident.title), condensed(incident.description)
    text = f"{title}\n{description}" if title and description else title or description
    return text[:MAX_CHARACTERS]


def condensed(text: str) -> str:
    """As much of a title or a description as ``incident_text`` reads, the way it reads it; doing it again changes
    nothing."""
    return _readable(text[: 4 * MAX_CHARACTERS])[:MAX_CHARACTERS].rstrip()


def text_key(text: str) -> bytes:
    """16 bytes that name ``text``: the key under which its embedding is remembered."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _readable(text: str) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return " ".join(_UNREADABLE.sub(" ", text).split())
