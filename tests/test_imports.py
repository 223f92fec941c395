"""The import table: who may know whom. What is not named here may be imported by nobody but its own folder."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

DOMAIN = {"triage.domain"}
# The heart: every module directly in `triage/` but these, which have lines of their own.
NOT_THE_HEART = {"__init__", "__main__", "app", "errors", "settings"}
HEART = {f"triage.{path.stem}" for path in (ROOT / "triage").glob("*.py") if path.stem not in NOT_THE_HEART}
HEART |= {"triage.memory", "triage.telling"}
BELOW_THE_HEART = DOMAIN | {
    "triage.sources",
    "triage.prediction",
    "triage.recurrence",
    "triage.rules",
    "triage.history",
    "triage.escalation",
    "triage.notify",
    "triage.store",
}
# Each may import itself, and everybody but the domain the exception tree and the version (`triage` itself).
TABLE = {
    "triage.errors": set[str](),
    "triage.settings": set[str](),
    "triage.domain": set[str](),
    "triage.sources": DOMAIN,
    "triage.prediction": DOMAIN,
    "triage.recurrence": DOMAIN | {"triage.prediction"},
    "triage.rules": DOMAIN,
    "triage.history": DOMAIN | {"triage.prediction"},
    "triage.escalation": DOMAIN,
    "triage.rehearsal": DOMAIN | {"triage.rules", "triage.escalation"},
    "triage.notify": DOMAIN,
    "triage.store": DOMAIN | {"triage.escalation"},
    **dict.fromkeys(HEART, BELOW_THE_HEART | HEART),
    # The heart on a virtual clock, held against a rehearsal.
    "triage.drilling": BELOW_THE_HEART | HEART | {"triage.rehearsal"},
    "triage.serving": BELOW_THE_HEART | HEART | {"triage.settings", "triage.drilling"},
    "triage.api": BELOW_THE_HEART
    | HEART
    | {"triage.serving", "triage.settings", "triage.rehearsal", "triage.drilling"},
    "triage.console": BELOW_THE_HEART
    | HEART
    | {"triage.serving", "triage.settings", "triage.rehearsal", "triage.drilling"},
    "triage.app": {"triage"},
    "triage.__main__": {"triage"},
    "triage.commands": {"triage"},
    # The rules and the decider are pure: what a bundle's promises become after the rules is measured with them.
    "training": DOMAIN
    | {
        "triage.prediction",
        "triage.recurrence",
        "triage.rules",
        "triage.history",
        "triage.decider",
        "triage.challenge",
        "triage.drift",
        "triage.store",
        "triage.settings",
    },
}
EVERYBODY_BUT_THE_DOMAIN = {"triage.errors"}

# Development and training packages: 100 MB to gigabytes and seconds that the service must not pay for.
HEAVY = ("torch", "transformers", "sentence_transformers", "onnx", "onnxscript", "pandas", "pyarrow", "pytest")

MODULES = sorted(path.relative_to(ROOT) for top in ("triage", "training") for path in (ROOT / top).rglob("*.py"))
EVERYTHING = sorted(
    MODULES + [p.relative_to(ROOT) for top in ("tests", "bench") for p in (ROOT / top).rglob("*.py")]
)


def name_of(module: Path) -> str:
    return ".".join(module.with_suffix("").parts).removesuffix(".__init__")


def holds(prefix: str, name: str) -> bool:
    return name == prefix or name.startswith(prefix + ".")


def entry_of(name: str) -> str:
    """The line of the table that a module falls under; empty for the packages' own ``__init__``."""
    return next((entry for entry in TABLE if holds(entry, name)), "")


def imports_of(module: Path) -> Iterator[tuple[str, int]]:
    """Every module imported anywhere in the file, in functions too, with its line."""
    for node in ast.walk(ast.parse((ROOT / module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                is_module = (ROOT / Path(*full.split("."))).with_suffix(".py").is_file()
                is_package = (ROOT / Path(*full.split("."))).is_dir()
                yield (full if is_module or is_package else node.module), node.lineno


def faults_of(module: Path) -> list[str]:
    name = name_of(module)
    entry = entry_of(name)
    allowed = TABLE.get(entry, set()) | {entry}
    if entry != "triage.domain":
        allowed |= EVERYBODY_BUT_THE_DOMAIN
    return [
        f"{module}:{line}: {name} may not import {imported}"
        for imported, line in imports_of(module)
        if holds("triage", imported) and imported != "triage"
        if not any(holds(prefix, imported) for prefix in allowed)
    ]


@pytest.mark.parametrize("entry", sorted(TABLE))
def test_a_folder_imports_only_what_the_table_allows(entry: str) -> None:
    own = [module for module in MODULES if entry_of(name_of(module)) == entry]
    assert [fault for module in own for fault in faults_of(module)] == []


def test_every_module_has_a_place_in_the_table() -> None:
    homeless = [name for name in map(name_of, MODULES) if not entry_of(name)]
    assert homeless == ["triage"]


def test_the_table_would_notice_a_forbidden_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "from triage.store.spool import Spool\n\ndef late():\n    import triage.rules.chooser\n"
    for folder in ("domain", "store"):
        (tmp_path / "triage" / folder).mkdir(parents=True)
    module = Path("triage/domain/priority.py")
    (tmp_path / module).write_text(source)
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    assert len(faults_of(module)) == 2


def test_the_domain_knows_only_the_standard_library() -> None:
    domain = [module for module in MODULES if entry_of(name_of(module)) == "triage.domain"]
    foreign = {
        f"{module}:{line}: {imported}"
        for module in domain
        for imported, line in imports_of(module)
        if imported.split(".")[0] not in sys.stdlib_module_names | {"triage"}
    }
    assert foreign == set()


@pytest.mark.parametrize("top", ["training", "models", "tests", "bench"])
def test_nobody_imports_what_only_runs_by_itself(top: str) -> None:
    # Measurements train and evaluate; nothing else reaches into what runs by itself, and nothing into them.
    inside = {top, "tests", "bench"} if top == "training" else {top, "tests"}
    outside = [module for module in EVERYTHING if module.parts[0] not in inside]
    assert [f"{m}:{line}" for m in outside for imported, line in imports_of(m) if holds(top, imported)] == []


def test_imports_are_absolute() -> None:
    relative = [
        f"{module}:{node.lineno}"
        for module in EVERYTHING
        for node in ast.walk(ast.parse((ROOT / module).read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.level > 0
    ]
    assert relative == []


def test_the_service_imports_no_training_library_and_starts_nothing() -> None:
    names = [name_of(module) for module in MODULES if module.parts[0] == "triage"]
    program = f"""
import importlib, sys, threading, warnings
for name in {names!r}:
    importlib.import_module(name)
print([name for name in {HEAVY!r} if name in sys.modules], threading.active_count())
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[] 1"
