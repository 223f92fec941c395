"""Reading ``heads/*.joblib``: files that hold library objects only, opened without running any of them.

A pickle may name any function of any module. Here a name is either on the list below or the file is refused
before anything is looked up. So no code of a bundle runs, and the service needs neither scikit-learn's time to
import nor its 100 MB.
"""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from joblib.numpy_pickle import NumpyArrayWrapper, NumpyUnpickler

from triage.errors import BundleError

ALLOWED: Mapping[tuple[str, str], type] = {
    ("joblib.numpy_pickle", "NumpyArrayWrapper"): NumpyArrayWrapper,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}
"""Every global that a head file may name, and what it becomes here."""


class _LibraryObjects(NumpyUnpickler):  # type: ignore[misc]
    """joblib's reader, which may look up ``ALLOWED`` and nothing else."""

    def find_class(self, module: str, name: str) -> type:
        found = ALLOWED.get((module, name))
        if found is None:
            raise BundleError(self.filename, "library objects only", f"{module}.{name}"[:200])
        return found


def read_head_file(folder: Path, name: str) -> dict[str, Any]:
    """The dictionary in this file of a bundle. Raises ``BundleError`` for any but the listed library objects."""
    with (folder / name).open("rb") as file:
        try:
            content = _LibraryObjects(name, file, ensure_native_byte_order=True).load()
        except (
            pickle.UnpicklingError,
            EOFError,
            ValueError,
            TypeError,
            AttributeError,
            IndexError,
            KeyError,
        ) as error:
            raise BundleError(name, "a joblib file", type(error).__name__) from error
    if not isinstance(content, dict):
        raise BundleError(name, "a dictionary", type(content).__name__)
    return content
