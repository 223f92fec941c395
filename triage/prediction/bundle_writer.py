"""Writing a bundle: all of it or nothing, under its final name only when it is complete and on the disk."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from importlib.metadata import version as installed_version
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import joblib

import triage
from triage.errors import BundleError
from triage.prediction.bundle import list_files, load_heads, take_probe, verify
from triage.prediction.encoder import Encoder
from triage.prediction.features import FEATURE_VERSION
from triage.prediction.head import HeadSettings, HeadWeights
from triage.prediction.manifest import (
    CARD_FILE,
    ENCODER_FOLDER,
    FORMAT,
    HEADS_FOLDER,
    MANIFEST_FILE,
    Kind,
    Manifest,
    Probe,
    ProbeIncident,
    manifest_bytes,
)

LIBRARIES = ("joblib", "numpy", "onnxruntime", "scikit-learn", "tokenizers")

_PROBES = (
    ProbeIncident(
        title="Disk full on db-01",
        description="The volume of the database is at 97 % and grows by 2 GB an hour.",
        service="database",
        environment="production",
        severity="critical",
    ),
    ProbeIncident(title="Utbetalningar fastnar i kön sedan klockan nio", severity="warning"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedHead:
    """What a head learnt: ``settings`` go into the manifest, ``weights`` into the head's file."""

    settings: HeadSettings
    weights: HeadWeights


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleDraft:
    """Everything of a bundle that its files do not say themselves. ``encoder_folder`` is copied."""

    kind: Kind
    created_at: datetime
    encoder_folder: Path
    card: str
    heads: Mapping[str, FittedHead] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    trained_on: Mapping[str, Any] = field(default_factory=dict)
    quality: Mapping[str, Any] = field(default_factory=dict)


def write_bundle(models: Path, draft: BundleDraft) -> Path:
    """The folder of the new bundle in ``models``, complete and synced. An interruption leaves no bundle behind.

    The same starter written twice is the one that is there already.
    """
    models.mkdir(parents=True, exist_ok=True)
    scratch = Path(mkdtemp(prefix=".writing-", dir=models))
    try:
        manifest = _fill(scratch, draft)
        (scratch / MANIFEST_FILE).write_bytes(manifest_bytes(manifest))
        scratch.chmod(0o755)
        _sync(scratch)
        target = models / manifest.version
        _rename(scratch, target)
        _sync_folder(models)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return target


def _fill(folder: Path, draft: BundleDraft) -> Manifest:
    shutil.copytree(draft.encoder_folder, folder / ENCODER_FOLDER)
    (folder / CARD_FILE).write_text(draft.card, "utf-8")
    if draft.heads:
        (folder / HEADS_FOLDER).mkdir()
    for name, head in draft.heads.items():
        joblib.dump(head.weights.content(), folder / HEADS_FOLDER / f"{name}.joblib")
    encoder = Encoder.open(folder / ENCODER_FOLDER, workers=1)
    files = list_files(folder)
    manifest = Manifest(
        format=FORMAT,
        version=_version(draft, encoder.version, {name: entry.sha256 for name, entry in files.items()}),
        kind=draft.kind,
        created_at=draft.created_at,
        code_version=triage.__version__,
        feature_version=FEATURE_VERSION,
        encoder_name=encoder.settings.name,
        encoder_version=encoder.version,
        dimensions=encoder.dimensions,
        libraries={name: installed_version(name) for name in LIBRARIES},
        files=files,
        heads={name: head.settings for name, head in draft.heads.items()},
        probe=Probe(incidents=(), embeddings=()),
        recipe=draft.recipe,
        trained_on=draft.trained_on,
        quality=draft.quality,
    )
    heads = load_heads(folder, manifest, encoder.dimensions)
    probe = take_probe(_probes(manifest), encoder, heads)
    encoder.close()
    return replace(manifest, probe=probe)


def _probes(manifest: Manifest) -> tuple[ProbeIncident, ...]:
    """The made-up incidents, one of them given to a team that this bundle knows."""
    team = next((head.labels[0] for head in manifest.heads.values() if head.target == "team"), None)
    first, *others = _PROBES
    assigned = ProbeIncident(title=first.title, description=first.description, assigned_team=team)
    return (first, *others, assigned)


def _version(draft: BundleDraft, encoder_version: str, digests: Mapping[str, str]) -> str:
    """A starter is named for its encoder, so that two are one; a trained bundle for its time and content."""
    if draft.kind == "starter":
        return f"starter-{encoder_version.removeprefix('enc1:')}"
    content = sha256(
        "".join(f"{name} {digest}\n" for name, digest in sorted(digests.items())).encode()
    ).hexdigest()
    return f"{draft.created_at:%Y%m%dT%H%M%SZ}-{content[:8]}"


def _rename(scratch: Path, target: Path) -> None:
    """Another process may have written the same bundle meanwhile; a valid one is kept, a broken one makes way."""
    if target.exists():
        try:
            verify(target)
        except BundleError:
            broken = scratch.with_name(f"{scratch.name}-broken")
            target.rename(broken)
            shutil.rmtree(broken, ignore_errors=True)
        else:
            return
    try:
        scratch.rename(target)
    except OSError:
        verify(target)


def _sync(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        else:
            _sync_folder(path)
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
