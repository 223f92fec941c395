import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(
    f"triage.prediction.{path.stem}"
    for path in (ROOT / "triage/prediction").glob("*.py")
    if path.stem != "__init__"
)
HEAVY = ("torch", "transformers", "sentence_transformers", "onnx", "sklearn", "scipy")


def _loaded_after(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(*(name for name in {HEAVY!r} if name in sys.modules))"
    found = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(found.stdout.split())


def test_the_serving_side_imports_no_training_library():
    assert _loaded_after("".join(f"import {module}\n" for module in MODULES)) == set()


def test_opening_a_bundle_with_heads_and_asking_it_imports_none_either(trained_bundle: Path):
    code = f"""
from pathlib import Path
from triage.domain.incident import Incident
from triage.prediction.predictor import Predictor
predictor = Predictor.open(Path({str(trained_bundle)!r}))
assert predictor.suggest([Incident(title="disk")], predictor.encoder.encode(["disk"]))[0].team.value
"""
    assert _loaded_after(code) == set()


@pytest.mark.parametrize("module", MODULES)
def test_importing_a_module_opens_no_file_of_ours(module: str, tmp_path: Path):
    found = subprocess.run(
        [sys.executable, "-c", f"import {module}"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []
