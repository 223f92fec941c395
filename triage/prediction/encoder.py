"""Texts to embeddings, with the exported encoder of a bundle and without torch.

Each text is encoded alone, on one thread: in a batch, dynamic int8 scales activations over all of its texts, so
an embedding would depend on its neighbours. Alone it cannot, and caching, gathering and replay are exact.
"""

import itertools
import json
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as onnx_errors
from tokenizers import Tokenizer

from triage.errors import BundleError

MODEL_FILE = "model.onnx"
TOKENIZER_FILE = "tokenizer.json"
SETTINGS_FILE = "encoder.json"
INPUT_NAME = "input_ids"
OUTPUT_NAME = "sentence_embedding"

Embeddings = NDArray[np.float16]
Pieces = NDArray[np.int64]

_REFUSALS = (
    onnx_errors.Fail,
    onnx_errors.InvalidArgument,
    onnx_errors.InvalidGraph,
    onnx_errors.InvalidProtobuf,
    onnx_errors.NoSuchFile,
    onnx_errors.NotImplemented,
    onnx_errors.RuntimeException,
)
"""What the runtime raises for a file that is no model it can run; they have no common base of their own."""

_REMEMBERED_TEXTS = 1_024
"""How many texts' word pieces are kept, so that encoding a text and reading its words cut it up once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderSettings:
    """What the folder's ``encoder.json`` says. ``max_pieces`` counts the special pieces too."""

    name: str
    dimensions: int
    max_pieces: int
    quantised: bool


class Encoder:
    """An encoder folder, opened. Thread-safe; ``close()`` ends its worker threads."""

    def __init__(
        self,
        settings: EncoderSettings,
        version: str,
        session: Any,
        tokenizer: Tokenizer,
        workers: int,
    ) -> None:
        self.settings = settings
        self.version = version
        self.dimensions = settings.dimensions
        self.workers = workers
        self._run = session.run
        self._tokenizer = tokenizer
        self._marks_inside = tokenizer.token_to_id("##s") is not None
        self._before, self._after = _special_pieces(tokenizer)
        # Not of a bound method: a circle would keep an encoder that nobody uses, and its threads, for long.
        self._pieces = lru_cache(maxsize=_REMEMBERED_TEXTS)(partial(_cut, tokenizer))
        self._pool = ThreadPoolExecutor(workers - 1, "encoder") if workers > 1 else None

    @classmethod
    def open(cls, folder: Path, workers: int | None = None) -> "Encoder":
        """``workers``: threads, one a core by default. Raises ``BundleError`` for a folder that is no encoder."""
        settings = read_settings(folder)
        try:
            tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
        except Exception as error:
            raise BundleError(TOKENIZER_FILE, "a tokenizer", type(error).__name__) from error
        tokenizer.no_padding()
        tokenizer.enable_truncation(settings.max_pieces)
        session = _session(folder / MODEL_FILE)
        return cls(settings, encoder_version(folder), session, tokenizer, workers or _cores())

    def encode(self, texts: Sequence[str]) -> Embeddings:
        """Embeddings of shape (n, dimensions): unit length before they are rounded to float16.

        The rounding is part of the definition: what is stored, compared and fed to the heads is the rounded one.
        """
        out = np.empty((len(texts), self.dimensions), dtype=np.float16)
        # One shared counter: every thread takes the next text when it is free, so a long one holds up nobody.
        work = itertools.count()
        helpers = min(self.workers, len(texts)) - 1
        futures = (
            [self._pool.submit(self._encode_next, texts, out, work) for _ in range(helpers)] if self._pool else []
        )
        try:
            self._encode_next(texts, out, work)
        finally:
            wait(futures)
        for future in futures:
            future.result()
        return out

    def tokenize(self, texts: Iterable[str]) -> list[Pieces]:
        """The word-piece numbers of each text as the encoder reads it, without the special ones."""
        return [self.pieces_of(text) for text in texts]

    def pieces_of(self, text: str) -> Pieces:
        pieces: Pieces = self._pieces(text)[0]
        return pieces[self._before : len(pieces) - self._after]

    def starts_word(self, piece: int) -> bool:
        """Whether this piece begins a word, as this tokenizer spells it (``##ing`` or ``▁disk``, ``Ġdisk``)."""
        spelled = self._tokenizer.id_to_token(piece) or ""
        return not spelled.startswith("##") if self._marks_inside else spelled[:1] in "▁Ġ"

    def words(self, pieces: Sequence[int]) -> str:
        """These pieces joined into readable text."""
        return self._tokenizer.decode(list(pieces), skip_special_tokens=False).strip()

    def close(self) -> None:
        if self._pool:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _encode_next(self, texts: Sequence[str], out: Embeddings, work: "itertools.count[int]") -> None:
        for index in work:
            if index >= len(texts):
                return
            out[index] = self._run(None, {INPUT_NAME: self._pieces(texts[index])})[0][0]


def _cut(tokenizer: Tokenizer, text: str) -> Pieces:
    """Word pieces as the graph takes them: shape (1, length), the special pieces at both ends."""
    return np.array([tokenizer.encode(text).ids], dtype=np.int64)


def read_settings(folder: Path) -> EncoderSettings:
    try:
        return EncoderSettings(**json.loads((folder / SETTINGS_FILE).read_bytes()))
    except FileNotFoundError as error:
        raise BundleError(SETTINGS_FILE, "a file", "nothing") from error
    except (ValueError, TypeError) as error:
        raise BundleError(SETTINGS_FILE, "an encoder's settings", type(error).__name__) from error


def write_settings(folder: Path, settings: EncoderSettings) -> None:
    (folder / SETTINGS_FILE).write_text(json.dumps(asdict(settings), indent=2, sort_keys=True) + "\n", "utf-8")


def encoder_version(folder: Path) -> str:
    """``enc1:`` and a digest over model, tokenizer and settings: the same version means the same embeddings."""
    digest = sha256()
    for name in (MODEL_FILE, TOKENIZER_FILE, SETTINGS_FILE):
        path = folder / name
        if not path.is_file():
            raise BundleError(name, "a file", "nothing")
        with path.open("rb") as file:
            digest.update(sha256(file.read()).digest())
    return f"enc1:{digest.hexdigest()[:16]}"


def _session(model: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    # Measured with all-MiniLM-L6-v2, int8: the arena made no text faster and kept tens of MB for the longest ones;
    # the fused skip-and-normalise operator costs six times the two it replaces (2.7 against 3.5 ms for 33 pieces).
    options.enable_cpu_mem_arena = False
    try:
        return onnxruntime.InferenceSession(
            str(model), options, providers=["CPUExecutionProvider"], disabled_optimizers=["SkipLayerNormFusion"]
        )
    except _REFUSALS as error:
        raise BundleError(MODEL_FILE, "an ONNX encoder", type(error).__name__) from error


def _special_pieces(tokenizer: Tokenizer) -> tuple[int, int]:
    """How many special pieces the tokenizer puts before and after a text."""
    bare = tokenizer.encode("a", add_special_tokens=False).ids
    dressed = tokenizer.encode("a").ids
    before = next((i for i in range(len(dressed)) if dressed[i : i + len(bare)] == bare), 0)
    return before, len(dressed) - before - len(bare)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
