"""A bundle's ``manifest.json``: what is in the folder, what made it, and how to tell that it still works."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from triage.domain.incident import Incident
from triage.errors import BundleError
from triage.prediction.head import HeadSettings

FORMAT = 2
MANIFEST_FILE = "manifest.json"
CARD_FILE = "card.md"
ENCODER_FOLDER = "encoder"
HEADS_FOLDER = "heads"

Kind = Literal["starter", "trained"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    sha256: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeIncident:
    """A made-up incident whose outcome is known. Never a real one: a manifest is no place for incident text."""

    title: str
    description: str = ""
    service: str | None = None
    environment: str | None = None
    severity: str | None = None
    assigned_team: str | None = None

    def incident(self) -> Incident:
        return Incident(
            title=self.title,
            description=self.description,
            service=self.service,
            environment=self.environment,
            severity=self.severity,
            assigned_team=self.assigned_team,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """``embeddings``: one base64 text of float16 numbers an incident; ``probabilities``: by head, one row an
    incident in the head's label order."""

    incidents: tuple[ProbeIncident, ...]
    embeddings: tuple[str, ...]
    probabilities: Mapping[str, tuple[tuple[float, ...], ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """``files`` names every file of the folder but the manifest itself; ``trained_on`` and ``quality`` are for
    people and reports, nothing reads them to decide."""

    format: int
    version: str
    kind: Kind
    created_at: datetime
    code_version: str
    feature_version: str
    encoder_name: str
    encoder_version: str
    dimensions: int
    libraries: Mapping[str, str]
    files: Mapping[str, FileEntry]
    heads: Mapping[str, HeadSettings]
    probe: Probe
    recipe: Mapping[str, Any] = field(default_factory=dict)
    trained_on: Mapping[str, Any] = field(default_factory=dict)
    quality: Mapping[str, Any] = field(default_factory=dict)


def manifest_bytes(manifest: Manifest) -> bytes:
    """The one spelling of this manifest, with a digest over all the rest as its last line of defence."""
    body = _adapter().dump_python(manifest, mode="json")
    return _spell({**body, "digest": sha256(_spell(body)).hexdigest()})


def read_manifest(folder: Path) -> Manifest:
    """Raises ``BundleError`` if it is missing, of another format, or not what ``manifest_bytes`` wrote."""
    try:
        raw = (folder / MANIFEST_FILE).read_bytes()
    except OSError as error:
        raise BundleError(MANIFEST_FILE, "a file", "nothing") from error
    body = _parse(raw)
    if body.get("format") != FORMAT:
        raise BundleError(MANIFEST_FILE, f"format {FORMAT}", f"format {str(body.get('format'))[:20]}")
    stated = body.pop("digest", None)
    digest = sha256(_spell(body)).hexdigest()
    if stated != digest or _spell({**body, "digest": stated}) != raw:
        raise BundleError(MANIFEST_FILE, f"digest {str(stated)[:64]}", digest)
    try:
        return _adapter().validate_json(_spell(body))
    except ValidationError as error:
        raise BundleError(MANIFEST_FILE, "a manifest", f"{error.error_count()} faults") from error


def _parse(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise BundleError(MANIFEST_FILE, "JSON", type(error).__name__) from error
    if not isinstance(body, dict):
        raise BundleError(MANIFEST_FILE, "an object", type(body).__name__)
    return body


def _spell(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"


@cache
def _adapter() -> TypeAdapter[Manifest]:
    return TypeAdapter(Manifest)
