import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from triage.errors import BundleError
from triage.prediction.encoder import MODEL_FILE, SETTINGS_FILE, TOKENIZER_FILE, Encoder, encoder_version

TEXTS = (
    "Disk full on db-01",
    "The checkout is slow since the release; customers complain about payments that time out.",
    "Utbetalningar fastnar i kön",
    "",
    "مشكلة في الدفع 🚨 \u202eabc",
    "latency " * 400,
    "x" * 4_000,
)


@pytest.fixture(scope="module")
def encoder(encoder_folder: Path) -> Iterator[Encoder]:
    encoder = Encoder.open(encoder_folder, workers=2)
    yield encoder
    encoder.close()


def test_an_embedding_is_the_same_alone_and_in_any_batch(encoder: Encoder):
    alone = {text: encoder.encode([text])[0].tobytes() for text in TEXTS}
    for order in (TEXTS, TEXTS[::-1], TEXTS * 3, TEXTS[2:5]):
        found = encoder.encode(order)
        assert [row.tobytes() for row in found] == [alone[text] for text in order]


def test_an_embedding_is_the_same_whatever_the_number_of_workers(encoder: Encoder, encoder_folder: Path):
    single = Encoder.open(encoder_folder, workers=1)
    assert single.encode(TEXTS).tobytes() == encoder.encode(TEXTS).tobytes()


def test_callers_at_the_same_time_do_not_disturb_each_other(encoder: Encoder):
    expected = encoder.encode(TEXTS).tobytes()
    with ThreadPoolExecutor(4) as callers:
        assert {found.tobytes() for found in callers.map(lambda _: encoder.encode(TEXTS), range(8))} == {expected}


def test_embeddings_are_unit_length_rounded_to_half_precision(encoder: Encoder):
    found = encoder.encode(TEXTS)
    assert found.dtype == np.float16
    assert found.shape == (len(TEXTS), encoder.dimensions)
    np.testing.assert_allclose(np.linalg.norm(found.astype(np.float64), axis=1), 1.0, atol=1e-3)


def test_no_texts_give_no_embeddings(encoder: Encoder):
    assert encoder.encode([]).shape == (0, encoder.dimensions)


def test_texts_of_one_subject_are_nearer_than_of_two(encoder: Encoder):
    disk, volume, printer = encoder.encode(
        ["Disk full on the database", "The volume of the database has no space left", "Printer does not print"]
    ).astype(np.float32)
    assert disk @ volume > disk @ printer + 0.3


def test_pieces_are_the_text_without_the_special_ones(encoder: Encoder):
    (pieces,) = encoder.tokenize(["Disk full"])
    assert encoder.words(pieces.tolist()) == "disk full"
    assert encoder.tokenize([""])[0].tolist() == []


def test_a_long_text_is_cut_to_what_the_model_reads(encoder: Encoder):
    assert len(encoder.pieces_of("latency " * 400)) == encoder.settings.max_pieces - 2


def test_a_piece_inside_a_word_does_not_start_one(encoder: Encoder):
    pieces = encoder.pieces_of("betalningar").tolist()
    assert [encoder.starts_word(piece) for piece in pieces] == [True, *[False] * (len(pieces) - 1)]


def test_the_version_follows_the_content_of_every_file(encoder_folder: Path, tmp_path: Path):
    folder = Path(shutil.copytree(encoder_folder, tmp_path / "encoder"))
    versions = {encoder_version(folder)}
    for name in (MODEL_FILE, TOKENIZER_FILE, SETTINGS_FILE):
        with (folder / name).open("ab") as file:
            file.write(b" ")
        versions.add(encoder_version(folder))
    assert len(versions) == 4
    assert all(version.startswith("enc1:") for version in versions)


@pytest.mark.parametrize("name", [MODEL_FILE, TOKENIZER_FILE, SETTINGS_FILE])
def test_a_folder_without_one_of_its_files_is_refused_by_name(encoder_folder: Path, tmp_path: Path, name: str):
    folder = Path(shutil.copytree(encoder_folder, tmp_path / "encoder"))
    (folder / name).unlink()
    with pytest.raises(BundleError) as refused:
        Encoder.open(folder)
    assert refused.value.file == name


@pytest.mark.parametrize("name", [MODEL_FILE, TOKENIZER_FILE, SETTINGS_FILE])
def test_a_file_that_holds_something_else_is_refused_by_name(encoder_folder: Path, tmp_path: Path, name: str):
    folder = Path(shutil.copytree(encoder_folder, tmp_path / "encoder"))
    (folder / name).write_bytes(b"{}")
    with pytest.raises(BundleError) as refused:
        Encoder.open(folder)
    assert refused.value.file == name
