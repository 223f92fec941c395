"""What both services need before they can be measured: a generated history, our bundle, the plain model.

Made once and kept in ``build/bench`` under the hash of the history, so that a second run begins at once. A bundle
that the code of today refuses is made anew.
"""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.servers import REPOSITORY
from bench.texts import generate_history
from triage.errors import BundleError
from triage.prediction.bundle import find_latest, open_bundle

HISTORY_ROWS = 1_500
KEPT = REPOSITORY / "build" / "bench"


@dataclass(frozen=True, slots=True)
class Prepared:
    """``models`` holds one trained bundle; ``plain_model`` the classifiers of the plain service."""

    models: Path
    plain_model: Path

    @property
    def bundle(self) -> Path | None:
        """The trained bundle, if there is one that this code can use."""
        newest = find_latest(self.models)
        try:
            return newest if newest is not None and open_bundle(newest, workers=1).heads else None
        except BundleError:
            return None


def prepare(say: Callable[[str], None], *, fresh: bool = False) -> Prepared:
    """Raises SystemExit when training fails; ``fresh`` makes everything anew."""
    history = "\n".join(json.dumps(row, ensure_ascii=False) for row in generate_history(HISTORY_ROWS))
    folder = KEPT / hashlib.sha256(history.encode()).hexdigest()[:12]
    prepared = Prepared(folder / "models", folder / "plain.joblib")
    if fresh or prepared.bundle is None or not prepared.plain_model.exists():
        shutil.rmtree(folder, ignore_errors=True)
        prepared.models.mkdir(parents=True)
        file = folder / "history.jsonl"
        file.write_text(history + "\n", encoding="utf-8")
        say(f"training both services on {HISTORY_ROWS} generated incidents (once; kept in build/bench)")
        _run("training", "train", "--history", str(file), "--models", str(prepared.models))
        unfinished = folder / "plain.unfinished"
        _run("bench.plain_service", "train", str(file), str(unfinished))
        unfinished.rename(prepared.plain_model)
    return prepared


def _run(module: str, *arguments: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise SystemExit(
            f"python -m {module} {arguments[0]} failed:\n{ended.stdout[-2000:]}{ended.stderr[-2000:]}"
        )
