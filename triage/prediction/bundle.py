"""A bundle: the folder ``models/<version>/`` that training wrote. All of it is verified before any is used."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from triage.errors import BundleError
from triage.prediction.encoder import Embeddings, Encoder
from triage.prediction.features import FEATURE_VERSION, extract
from triage.prediction.head import Head, load_head
from triage.prediction.head_file import read_head_file
from triage.prediction.manifest import (
    ENCODER_FOLDER,
    HEADS_FOLDER,
    MANIFEST_FILE,
    FileEntry,
    Manifest,
    Probe,
    ProbeIncident,
    read_manifest,
)
from triage.prediction.text import incident_text

EMBEDDING_TOLERANCE = 1e-4
PROBABILITY_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A verified bundle, loaded. ``heads`` by name: ``priority``, ``team``, ``second_look``; none in a starter."""

    folder: Path
    manifest: Manifest
    encoder: Encoder
    heads: Mapping[str, Head]

    @property
    def version(self) -> str:
        return self.manifest.version


def open_bundle(folder: Path, workers: int | None = None) -> Bundle:
    """Verify, load, and try it on its own probe. Raises ``BundleError(file, expected, found)``."""
    manifest = verify(folder)
    encoder = Encoder.open(folder / ENCODER_FOLDER, workers)
    try:
        if encoder.version != manifest.encoder_version:
            raise BundleError(ENCODER_FOLDER, manifest.encoder_version, encoder.version)
        heads = load_heads(folder, manifest, encoder.dimensions)
        check_probe(manifest.probe, encoder, heads)
    except BundleError:
        encoder.close()
        raise
    return Bundle(folder=folder, manifest=manifest, encoder=encoder, heads=heads)


def verify(folder: Path) -> Manifest:
    """The manifest of ``folder`` if every file is there, unchanged, and made for this code; loads none of them."""
    manifest = read_manifest(folder)
    if manifest.version != folder.name:
        raise BundleError(MANIFEST_FILE, f"version {folder.name}", manifest.version)
    if manifest.feature_version != FEATURE_VERSION:
        raise BundleError(MANIFEST_FILE, f"feature version {FEATURE_VERSION}", manifest.feature_version)
    found = list_files(folder)
    for name in sorted(manifest.files.keys() - found.keys()):
        raise BundleError(name, "a file", "nothing")
    for name in sorted(found.keys() - manifest.files.keys()):
        raise BundleError(name, "nothing", "a file the manifest does not name")
    for name, entry in sorted(manifest.files.items()):
        if found[name] != entry:
            raise BundleError(name, f"sha256 {entry.sha256}", f"sha256 {found[name].sha256}")
    return manifest


def list_files(folder: Path) -> dict[str, FileEntry]:
    """Digest and size of every file below ``folder`` but the manifest. Links are refused: their targets change."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            raise BundleError(name, "a file", "a link")
        if path.is_file() and name != MANIFEST_FILE:
            content = path.read_bytes()
            found[name] = FileEntry(sha256=sha256(content).hexdigest(), size=len(content))
    return found


def load_heads(folder: Path, manifest: Manifest, dimensions: int) -> dict[str, Head]:
    heads = {}
    for name, settings in manifest.heads.items():
        file = f"{HEADS_FOLDER}/{name}.joblib"
        if file not in manifest.files:
            raise BundleError(file, "a file", "nothing")
        heads[name] = load_head(file, settings, read_head_file(folder, file), dimensions)
    return heads


def take_probe(incidents: tuple[ProbeIncident, ...], encoder: Encoder, heads: Mapping[str, Head]) -> Probe:
    embeddings = encoder.encode([incident_text(probe.incident()) for probe in incidents])
    found = probe_probabilities(incidents, embeddings, encoder, heads)
    return Probe(
        incidents=incidents,
        embeddings=tuple(base64.b64encode(row.astype("<f2").tobytes()).decode() for row in embeddings),
        probabilities={name: tuple(tuple(map(float, row)) for row in rows) for name, rows in found.items()},
    )


def check_probe(probe: Probe, encoder: Encoder, heads: Mapping[str, Head]) -> None:
    """The encoder gives the stored embeddings, and the heads, from the stored ones, the stored probabilities."""
    raw = b"".join(base64.b64decode(row) for row in probe.embeddings)
    stored = np.frombuffer(raw, dtype="<f2").reshape(len(probe.incidents), -1).astype(np.float16)
    found = encoder.encode([incident_text(one.incident()) for one in probe.incidents])
    if stored.shape != found.shape:
        raise BundleError("probe", f"embeddings of shape {stored.shape}", f"{found.shape}")
    distance = float((1.0 - _cosine(stored, found)).max(initial=0.0))
    if not distance <= EMBEDDING_TOLERANCE:
        raise BundleError("probe", f"embeddings within {EMBEDDING_TOLERANCE} of cosine", f"{distance:.2e}")
    for name, rows in probe_probabilities(probe.incidents, stored, encoder, heads).items():
        expected = np.array(probe.probabilities.get(name, ()))
        difference = float(np.abs(rows - expected).max(initial=0.0)) if rows.shape == expected.shape else 1.0
        if not difference <= PROBABILITY_TOLERANCE:
            raise BundleError(
                f"probe of {name}", f"probabilities within {PROBABILITY_TOLERANCE}", f"{difference:.2e}"
            )


def probe_probabilities(
    incidents: tuple[ProbeIncident, ...], embeddings: Embeddings, encoder: Encoder, heads: Mapping[str, Head]
) -> dict[str, NDArray[np.float64]]:
    found = {}
    for name, head in heads.items():
        vectors = (
            extract(one.incident(), encoder.pieces_of(incident_text(one.incident())), row, head.settings.scope)
            for one, row in zip(incidents, embeddings, strict=True)
        )
        found[name] = np.stack([head.probabilities(head.row(vector)) for vector in vectors])
    return found


def bundles(models: Path) -> list[Path]:
    """Folders with a readable manifest, not verified; trained before starter, newer before older."""
    found = []
    for manifest in models.glob("*/manifest.json"):
        try:
            body = json.loads(manifest.read_bytes())
            rank = (body["kind"] == "trained", str(body["created_at"]), manifest.parent.name)
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if not manifest.parent.name.startswith("."):
            found.append((rank, manifest.parent))
    return [folder for _, folder in sorted(found, reverse=True)]


def find_latest(models: Path) -> Path | None:
    """The bundle that a fresh service starts with. Not verified: ``open_bundle`` does that."""
    return next(iter(bundles(models)), None)


def _cosine(a: Embeddings, b: Embeddings) -> NDArray[np.float64]:
    x, y = a.astype(np.float64), b.astype(np.float64)
    cosine: NDArray[np.float64] = (x * y).sum(axis=1) / (np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1))
    return cosine
