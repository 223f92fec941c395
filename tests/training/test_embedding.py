from collections.abc import Iterator
from pathlib import Path

import pytest

from training.embedding import EmbeddingCache
from triage.prediction.encoder import Encoder

TEXTS = ["Disk full", "Printer jams", "Disk full", "VPN is down"]


@pytest.fixture(scope="module")
def encoder(encoder_folder: Path) -> Iterator[Encoder]:
    encoder = Encoder.open(encoder_folder, workers=1)
    yield encoder
    encoder.close()


def test_embeddings_are_the_encoders_in_the_order_of_the_texts(encoder: Encoder, tmp_path: Path):
    found = EmbeddingCache(tmp_path, encoder).embed(TEXTS)
    assert found.tobytes() == encoder.encode(TEXTS).tobytes()


def test_a_second_time_nothing_is_encoded(encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    first = EmbeddingCache(tmp_path, encoder).embed(TEXTS)
    monkeypatch.delattr(Encoder, "encode")
    assert EmbeddingCache(tmp_path, encoder).embed(TEXTS).tobytes() == first.tobytes()


def test_progress_reaches_the_number_of_texts_with_and_without_a_cache(encoder: Encoder, tmp_path: Path):
    for _ in range(2):
        done: list[int] = []
        EmbeddingCache(tmp_path, encoder).embed(TEXTS, done.append)
        assert sum(done) == len(TEXTS)


def test_a_record_cut_short_is_made_again(encoder: Encoder, tmp_path: Path):
    first = EmbeddingCache(tmp_path, encoder).embed(TEXTS)
    (file,) = tmp_path.glob("*.bin")
    file.write_bytes(file.read_bytes()[:-7])
    for _ in range(2):
        assert EmbeddingCache(tmp_path, encoder).embed(TEXTS).tobytes() == first.tobytes()
    assert file.stat().st_size == 3 * (16 + 2 * encoder.dimensions)


def test_the_file_holds_no_text(encoder: Encoder, tmp_path: Path):
    EmbeddingCache(tmp_path, encoder).embed(TEXTS)
    (file,) = tmp_path.glob("*.bin")
    assert b"Disk" not in file.read_bytes()
