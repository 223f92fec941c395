"""A bundle that is not whole is refused by name: the last good one stays, or rules decide without prediction."""

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import joblib
import pytest

from tests.fixtures_service import Service, StartService, event_body
from triage.prediction.bundle import MANIFEST_FILE, list_files
from triage.prediction.manifest import manifest_bytes, read_manifest


def change_a_byte(bundle: Path) -> None:
    file = bundle / "encoder" / "model.onnx"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def change_an_array(bundle: Path) -> None:
    """The digests agree with what is there, as after somebody's hand, and the head answers something else."""
    content = joblib.load(bundle / "heads" / "team.joblib")
    content["intercept"][0] += 1
    joblib.dump(content, bundle / "heads" / "team.joblib")
    manifest = replace(read_manifest(bundle), files=list_files(bundle))
    (bundle / MANIFEST_FILE).write_bytes(manifest_bytes(manifest))


def lose_a_file(bundle: Path) -> None:
    (bundle / "heads" / "team.joblib").unlink()


DAMAGES = pytest.mark.parametrize(
    ("damage", "why"),
    [
        (change_a_byte, r"encoder/model\.onnx: expected sha256 \w+, found sha256 \w+"),
        (change_an_array, r"probe of team: expected probabilities within 1e-06, found \d"),
        (lose_a_file, r"heads/team\.joblib: expected a file, found nothing"),
    ],
    ids=["a changed byte", "a changed head", "a missing file"],
)
Damage = Callable[[Path], None]


def bundle_of(service: Service) -> str | None:
    found: str | None = service.get("/version").json()["bundle"]
    return found


@DAMAGES
def test_a_bad_bundle_never_replaces_the_one_that_runs(
    start_service: StartService, starter_bundle: Path, trained_bundle: Path, damage: Damage, why: str
) -> None:
    service = start_service(started=False)
    shutil.copytree(starter_bundle, service.models / starter_bundle.name)
    service.start()
    assert service.degraded == {}
    damage(shutil.copytree(trained_bundle, service.home / "new" / trained_bundle.name))
    (service.home / "new" / trained_bundle.name).rename(service.models / trained_bundle.name)
    service.wait_until(lambda: "bundle" in service.degraded, "refused")
    assert re.search(why, service.degraded["bundle"])
    assert bundle_of(service) == starter_bundle.name
    assert service.metric("triage_degraded", part="bundle") == 1
    decision = service.fire(title="Refunds fail at the acquirer", service=None)["decision"]
    assert decision["versions"]["bundle"] == starter_bundle.name
    assert (decision["team"]["value"], decision["team"]["source"]) == ("payments", "catalogue")
    service.stop()
    service.start()
    assert bundle_of(service) == starter_bundle.name


@DAMAGES
def test_with_only_a_bad_bundle_prediction_abstains_and_rules_still_find_someone(
    start_service: StartService, trained_bundle: Path, damage: Damage, why: str
) -> None:
    service = start_service(started=False)
    damage(shutil.copytree(trained_bundle, service.models / trained_bundle.name))
    service.start()
    assert re.search(why, service.degraded["bundle"])
    assert service.readyz().status_code == 200
    assert bundle_of(service) == "none"
    assert service.metric("triage_degraded", part="bundle") == 1
    decision = service.fire(severity="critical")["decision"]
    assert decision["degraded"] == ["bundle"]
    assert "decided without bundle" in decision["review"]["reasons"]
    assert decision["priority"]["value"] == "P1"
    assert (decision["team"]["value"], decision["team"]["source"]) == ("databases", "catalogue")
    assert decision["escalation"]["policy"] == "fast"
    assert decision["escalation"]["steps"][0]["forecast"] == ["bob"]
    lost = service.post("/v1/predict", event_body(title="???", service=None, severity=None)).json()
    assert lost["team"]["source"] == "fallback"
    assert lost["escalation"]["steps"][0]["forecast"] == ["ann"]


def test_a_bundle_that_was_damaged_after_its_promotion_gives_way_to_the_good_one_beside_it(
    start_service: StartService, starter_bundle: Path, trained_bundle: Path
) -> None:
    service = start_service(started=False)
    for bundle in (starter_bundle, trained_bundle):
        shutil.copytree(bundle, service.models / bundle.name)
    service.start()
    assert bundle_of(service) == trained_bundle.name
    service.stop()
    lose_a_file(service.models / trained_bundle.name)
    service.start()
    assert bundle_of(service) == starter_bundle.name
    assert "heads/team.joblib: expected a file, found nothing" in service.degraded["bundle"]
    assert service.fire()["decision"]["degraded"] == ["bundle"]
