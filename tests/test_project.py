"""Facts about the project itself: what its documents promise is there, and what must not be in it is not."""

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from triage.prediction.features import FEATURE_VERSION
from triage.prediction.manifest import FORMAT

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))

SERVICE: list[str] = PYPROJECT["project"]["dependencies"]
TRAIN: list[str] = PYPROJECT["project"]["optional-dependencies"]["train"]
DEV: list[str] = PYPROJECT["dependency-groups"]["dev"]


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def package(requirement: str) -> str:
    """The normalised name in a requirement such as ``psycopg[binary]>=3.3``."""
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match, requirement
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def pins() -> dict[str, str]:
    lines = [line for line in read("constraints.txt").splitlines() if line and not line.startswith("#")]
    return {package(line): line.partition("==")[2] for line in lines}


def tracked() -> list[Path]:
    """Every file under version control; in an unpacked archive, every file outside hidden and built folders."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        files = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        built = {"build", "dist", "data", ".venv"}
        files = [p for p in ROOT.rglob("*") if not built & set(p.relative_to(ROOT).parts)]
    return [path for path in files if path.is_file()]


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", read("Makefile"), flags=re.MULTILINE))


def documents() -> list[Path]:
    return [path for path in tracked() if path.suffix == ".md"]


def test_every_make_command_in_the_documents_exists() -> None:
    named = {name for path in documents() for name in re.findall(r"\bmake ([a-z]+)", path.read_text("utf-8"))}
    named_as_code = {
        name
        for path in documents()
        for name in re.findall(r"(?:`|^\s*\$? ?)make ([a-z]+)", path.read_text("utf-8"), flags=re.MULTILINE)
    }
    assert {"run", "test", "check"} <= named_as_code <= make_targets()
    assert named >= named_as_code


def test_every_link_between_documents_leads_somewhere() -> None:
    dead = [
        f"{path.relative_to(ROOT)}: {link}"
        for path in documents()
        for link in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", path.read_text("utf-8"))
        if not (path.parent / link).exists()
    ]
    assert dead == []


def test_every_setting_in_the_documents_exists() -> None:
    settings = read("triage/settings.py")
    texts = [*documents(), ROOT / "compose.yaml", ROOT / "Dockerfile"]
    named = {name for path in texts for name in re.findall(r"\bTRIAGE_([A-Z_]+[A-Z])\b", path.read_text("utf-8"))}
    assert named
    assert sorted(name for name in named if f"    {name.lower()}:" not in settings) == []


@pytest.mark.parametrize("requirement", SERVICE + TRAIN + DEV)
def test_every_dependency_is_explained_and_pinned(requirement: str) -> None:
    explained = {package(name) for name in re.findall(r"`([\w.-]+)`", read("docs/dependencies.md"))}
    assert package(requirement) in explained
    assert package(requirement) in pins()


def test_no_dependency_is_explained_that_is_gone() -> None:
    rows = [line for line in read("docs/dependencies.md").splitlines() if line.startswith("| `")]
    explained = {package(name) for row in rows for name in re.findall(r"`([\w.-]+)`", row.split("|")[1])}
    assert explained - {package(requirement) for requirement in SERVICE + TRAIN + DEV} == {"psycopg-binary"}


def test_the_pins_hold_on_any_machine() -> None:
    assert all(re.fullmatch(r"[\w.]+", version) for version in pins().values()), "no local builds, no paths"
    assert not [name for name in pins() if name.startswith(("nvidia", "cuda", "triton"))]
    torch = next(requirement for requirement in TRAIN if requirement.startswith("torch=="))
    assert torch == f"torch=={pins()['torch']}"


def test_the_service_depends_on_no_training_library() -> None:
    assert {package(r) for r in SERVICE} & {
        "torch",
        "sentence-transformers",
        "transformers",
        "onnx",
        "pandas",
    } == set()


def test_the_image_runs_without_root_and_without_torch() -> None:
    stages = re.split(r"^FROM ", read("Dockerfile"), flags=re.MULTILINE)
    final, service = stages[-1], next(stage for stage in stages if " AS service" in stage)
    assert "[train]" not in service
    assert "COPY training" not in service
    assert "pip install" not in final
    assert re.search(r"^USER (?!root|0)", final, flags=re.MULTILINE)
    for instruction in ("HEALTHCHECK", "STOPSIGNAL", 'ENTRYPOINT ["triage"]'):
        assert instruction in final


def test_the_image_copies_what_the_build_context_has() -> None:
    wanted = {
        name
        for line in re.findall(r"^COPY (?!--from)(.+)$", read("Dockerfile"), flags=re.MULTILINE)
        for name in line.split()[:-1]
    }
    let_in = set(re.findall(r"^!(\S+)$", read(".dockerignore"), flags=re.MULTILINE))
    assert wanted == let_in
    assert [name for name in wanted if not (ROOT / name).exists()] == []


def test_compose_refers_only_to_what_it_declares() -> None:
    services, volumes, secrets = COMPOSE["services"], COMPOSE["volumes"], COMPOSE["secrets"]
    assert set(services) >= {"triage", "worker", "postgres", "alertmanager"}
    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)
        used = {s if isinstance(s, str) else s["source"] for s in service.get("secrets", [])}
        assert used <= set(secrets)
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in volumes or (ROOT / source).is_file()
        for name, value in service.get("environment", {}).items():
            if name.endswith("_FILE"):
                assert value.removeprefix("/run/secrets/") in used
    for service in ("postgres", "alertmanager"):
        assert "test" in services[service]["healthcheck"]


def test_compose_runs_two_replicas_on_ports_of_their_own() -> None:
    triage = COMPOSE["services"]["triage"]
    first, last = re.fullmatch(r"127\.0\.0\.1:(\d+)-(\d+):8080", triage["ports"][0]).groups()  # type: ignore[union-attr]
    assert int(last) - int(first) + 1 == triage["deploy"]["replicas"] == 2


def test_compose_wires_alertmanager_to_the_service() -> None:
    config = yaml.safe_load(read("deploy/alertmanager.yml"))
    webhook = config["receivers"][0]["webhook_configs"][0]
    assert webhook["url"] == "http://triage:8080/v1/sources/alertmanager"
    assert webhook["send_resolved"] is True
    secret = COMPOSE["services"]["alertmanager"]["secrets"][0]
    assert webhook["http_config"]["authorization"]["credentials_file"] == f"/run/secrets/{secret}"


def test_make_secrets_writes_every_secret_once(tmp_path: Path) -> None:
    command = ["make", "--silent", "--file", str(ROOT / "Makefile"), "PYTHON=python3", "TORCH=", "secrets"]
    (tmp_path / "pyproject.toml").touch()
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    first = {path.name: path.read_text() for path in (tmp_path / "deploy/secrets").iterdir()}
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert {path.name: path.read_text() for path in (tmp_path / "deploy/secrets").iterdir()} == first
    assert {f"deploy/secrets/{name}" for name in first} == {s["file"] for s in COMPOSE["secrets"].values()}
    assert len(first["bootstrap_token"]) == 64
    assert first["postgres_password"] in first["database_url"]
    assert "deploy/secrets/" in read(".gitignore").splitlines()


def test_an_old_python_is_refused_in_one_sentence(tmp_path: Path) -> None:
    old = tmp_path / "python-old"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    command = ["make", f"PYTHON={old}", f"VENV={tmp_path / 'venv'}", f"{tmp_path / 'venv'}/bin/python"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "needs Python 3.11 or newer" in done.stdout
    assert not (tmp_path / "venv").exists()


@pytest.mark.parametrize(
    ("made_for", "built"),
    [
        (None, True),
        ((FORMAT, FEATURE_VERSION), False),
        ((FORMAT - 1, FEATURE_VERSION), True),
        ((FORMAT, "f0"), True),
    ],
    ids=["none", "usable", "older format", "other features"],
)
def test_a_starter_bundle_is_built_where_none_can_be_used(
    tmp_path: Path, made_for: tuple[int, str] | None, built: bool
) -> None:
    binaries, models = tmp_path / "venv/bin", tmp_path / "models"
    binaries.mkdir(parents=True)
    (binaries / "python").write_text('#!/bin/sh\necho "$@"\n')
    (binaries / "python").chmod(0o755)
    (tmp_path / "venv/.installed").touch()
    if made_for is not None:
        (models / "one").mkdir(parents=True)
        manifest = {"feature_version": made_for[1], "format": made_for[0], "kind": "starter"}
        (models / "one/manifest.json").write_text(json.dumps(manifest, indent=1))
    command = ["make", "--silent", f"VENV={tmp_path / 'venv'}", f"MODELS={models}", "bundle"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == (f"-m training starter --models {models}\n" if built else "")


def test_the_continuous_build_runs_the_command_of_the_readme() -> None:
    script = ROOT / ".ci/run"
    assert script.stat().st_mode & 0o111
    assert "REQUIRE_ALL=1 make test" in script.read_text()
    assert "make test" in read("README.md")
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0


def test_every_decision_has_its_page_in_the_one_form() -> None:
    pages = sorted(path for path in (ROOT / "docs/decisions").glob("*.md") if path.name != "README.md")
    index = read("docs/decisions/README.md")
    for number, page in enumerate(pages, start=1):
        text = page.read_text(encoding="utf-8")
        assert page.name.startswith(f"{number:02d}-")
        assert re.match(rf"# {number}\. ", text)
        assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == ["Decision", "Why", "What follows"]
        assert f"({page.name})" in index


def test_nothing_tells_of_the_machine_it_was_written_on() -> None:
    homes = re.compile(r"(?<![\w.}])/(?:{})/".replace("{}", "|".join(("wor" + "k", "roo" + "t", "tmp/" + "w"))))
    hosts = re.compile(
        "|".join(
            re.escape(".".join(parts)) for parts in (("pypi", "org"), ("pythonhosted", "org"), ("pytorch", "org"))
        )
    )
    found = []
    for path in tracked():
        if path.suffix in {".gz", ".png", ".onnx"}:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [f"{path.relative_to(ROOT)}: {m[0]}" for p in (homes, hosts) for m in p.finditer(text)]
    assert found == []


def test_models_holds_bundles_and_no_code() -> None:
    assert [path for path in tracked() if path.is_relative_to(ROOT / "models") and path.suffix == ".py"] == []


def test_no_file_has_grown_out_of_sight() -> None:
    code = [path for path in tracked() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] != "tests"]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in code}
    assert {name: lines for name, lines in lengths.items() if lines > 400} == {}


def test_locks_of_different_things_are_different_locks() -> None:
    keys = re.compile(r"^\w+_LOCK = (7_041_776_\d+)$", flags=re.MULTILINE)
    found = [m[1] for path in (ROOT / "triage").rglob("*.py") for m in keys.finditer(path.read_text("utf-8"))]
    assert len(found) >= 9
    assert len(set(found)) == len(found)
