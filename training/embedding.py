"""Embeddings of a whole history, kept on disk so that the next training does not make them again."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from triage.prediction.encoder import Embeddings, Encoder
from triage.prediction.text import text_key

_KEY_BYTES = 16
_BATCH = 64


class EmbeddingCache:
    """One file for an encoder version, of records of 16 bytes key and ``dimensions`` float16, appended to.

    It holds digests and embeddings, no text. A record cut short by a crash is dropped by the next writer.
    """

    def __init__(self, folder: Path, encoder: Encoder) -> None:
        self._encoder = encoder
        self._path = folder / f"embeddings-{encoder.version.replace(':', '-')}.bin"
        self._record = np.dtype([("key", f"V{_KEY_BYTES}"), ("embedding", "<f2", (encoder.dimensions,))])

    def embed(self, texts: Sequence[str], progress: Callable[[int], None] = lambda _: None) -> Embeddings:
        """Shape (n, dimensions). ``progress`` is told how many further texts are done; equal texts are one."""
        known = self._read()
        keys = [text_key(text) for text in texts]
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        progress(len(texts) - len(missing))
        todo = list(missing.items())
        for start in range(0, len(todo), _BATCH):
            batch = todo[start : start + _BATCH]
            rows = self._encoder.encode([text for _, text in batch])
            self._append([key for key, _ in batch], rows)
            known.update((key, row) for (key, _), row in zip(batch, rows, strict=True))
            progress(len(batch))
        return np.stack([known[key] for key in keys]).astype(np.float16, copy=False)

    def _read(self) -> dict[bytes, NDArray[np.float16]]:
        if not self._path.exists():
            return {}
        whole = self._path.stat().st_size // self._record.itemsize
        records = np.fromfile(self._path, dtype=self._record, count=whole)
        return {record["key"].tobytes(): record["embedding"] for record in records}

    def _append(self, keys: Sequence[bytes], rows: Embeddings) -> None:
        records = np.zeros(len(keys), dtype=self._record)
        records["key"] = [np.void(key) for key in keys]
        records["embedding"] = rows
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{self._path}.lock"), self._path.open("ab") as file:
            file.truncate(file.tell() - file.tell() % self._record.itemsize)
            file.write(records.tobytes())
