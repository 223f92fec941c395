"""The starter bundle: an encoder and no heads, for an organisation that has no history yet."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from training.encoder_export import DEFAULT_ENCODER, ExportReport, Step, export_encoder, is_local
from triage.errors import BundleError
from triage.prediction.bundle import bundles, verify
from triage.prediction.bundle_writer import BundleDraft, write_bundle
from triage.prediction.encoder import read_settings
from triage.prediction.manifest import ENCODER_FOLDER, Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class StarterResult:
    """``made`` is False where a valid starter of this encoder was there already."""

    folder: Path
    made: bool
    report: ExportReport | None = None


def make_starter(
    models: Path, created_at: datetime, encoder: str = DEFAULT_ENCODER, step: Step = lambda _: None
) -> StarterResult:
    """Raises ``BundleError`` where the encoder cannot be had or does not come out as the original."""
    existing = find_encoder(models, encoder, kind="starter")
    if existing is not None:
        return StarterResult(folder=existing.parent, made=False)
    with TemporaryDirectory(prefix="triage-starter-") as scratch:
        encoder_folder = Path(scratch) / ENCODER_FOLDER
        report = export_encoder(encoder_folder, encoder, step)
        step("write")
        folder = write_starter(models, created_at, encoder_folder, _card(report))
    return StarterResult(folder=folder, made=True, report=report)


def write_starter(models: Path, created_at: datetime, encoder_folder: Path, card: str) -> Path:
    """The starter bundle of an encoder that is exported already."""
    draft = BundleDraft(
        kind="starter", created_at=created_at, encoder_folder=encoder_folder, card=card, trained_on={"rows": 0}
    )
    return write_bundle(models, draft)


def find_encoder(models: Path, encoder: str | None = None, kind: str | None = None) -> Path | None:
    """The encoder folder of the best valid bundle in ``models``, with this encoder and of this kind if named.

    None for an encoder that is a local folder: it may hold something else now than when that bundle was made.
    """
    if encoder is not None and is_local(encoder):
        return None
    for folder in bundles(models):
        try:
            manifest = verify(folder)
            read_settings(folder / ENCODER_FOLDER)
        except BundleError:
            continue
        if _is(manifest, encoder, kind):
            return folder / ENCODER_FOLDER
    return None


def _is(manifest: Manifest, encoder: str | None, kind: str | None) -> bool:
    same_encoder = encoder is None or manifest.encoder_name == encoder
    return same_encoder and (kind is None or manifest.kind == kind)


def _card(report: ExportReport) -> str:
    return f"""# Starter bundle

Encoder: {report.name}, {report.dimensions} dimensions, exported to ONNX with dynamic int8.
Lowest cosine to the original over the checked sentences: {report.cosine_float:.5f} before int8,
{report.cosine_int8:.4f} after.

There are no heads in it: it has learnt nothing from anybody's incidents. With it the service remembers and
finds similar incidents; the team comes from the catalogue's own words, the priority from the reported severity,
the impact and urgency, and the rules.
"""
