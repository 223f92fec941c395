"""What is in force, and that nothing bad ever replaces something good."""

import shutil
from pathlib import Path

import pytest

from tests.fixtures_store import CATALOGUE, POLICY
from triage.serving.activation import Activation
from triage.serving.metrics import Metrics
from triage.store.configurations import Configurations
from triage.store.database import Database


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    config = tmp_path / "config"
    config.mkdir()
    (config / "catalogue.yaml").write_text(CATALOGUE)
    (config / "escalation.yaml").write_text(POLICY)
    return config


@pytest.fixture
def models(tmp_path: Path) -> Path:
    empty = tmp_path / "models"
    empty.mkdir()
    return empty


def started(folder: Path, models: Path, configurations: Configurations | None = None) -> Activation:
    activation = Activation(folder, models, Metrics())
    activation.load_folder()
    activation.load_latest_bundle()
    if configurations is not None:
        activation.publish(configurations)
        activation.refresh(configurations)
    return activation


def policy_of(activation: Activation) -> str:
    assert activation.active is not None
    return activation.active.decider.versions.policy


def test_without_a_bundle_the_rules_are_in_force_and_the_bundle_is_missed(folder: Path, models: Path) -> None:
    activation = started(folder, models)
    assert activation.active is not None
    assert activation.active.encoder is None
    assert list(activation.active.degraded) == ["bundle"]
    assert "training starter" in activation.faults["bundle"]


def test_a_broken_file_leaves_the_good_configuration_in_force_and_is_named(
    folder: Path, models: Path, database: Database
) -> None:
    configurations = Configurations(database)
    activation = started(folder, models, configurations)
    good = policy_of(activation)
    (folder / "escalation.yaml").write_text(POLICY.replace("rules:", "rulse:"))
    assert activation.folder_changed()
    activation.load_folder()
    activation.publish(configurations)
    activation.refresh(configurations)
    assert policy_of(activation) == good
    assert activation.faults["configuration"].startswith("escalation.yaml:")
    (folder / "escalation.yaml").write_text(POLICY)
    activation.load_folder()
    assert "configuration" not in activation.faults


def test_a_restart_on_a_broken_file_runs_the_last_good_one(folder: Path, models: Path, database: Database) -> None:
    configurations = Configurations(database)
    good = policy_of(started(folder, models, configurations))
    (folder / "catalogue.yaml").write_text("nonsense: true")
    restarted = started(folder, models, configurations)
    assert policy_of(restarted) == good
    assert "configuration" in restarted.faults


def test_a_first_start_on_a_broken_file_has_nothing_in_force(
    folder: Path, models: Path, database: Database
) -> None:
    (folder / "catalogue.yaml").write_text("nonsense: true")
    assert started(folder, models, Configurations(database)).active is None


def test_replicas_agree_on_what_was_published_last(folder: Path, models: Path, database: Database) -> None:
    configurations = Configurations(database)
    first = started(folder, models, configurations)
    (folder / "escalation.yaml").write_text(POLICY.replace("5m", "7m"))
    second = started(folder, models, configurations)
    assert policy_of(first) != policy_of(second)
    first.refresh(configurations)
    assert policy_of(first) == policy_of(second)


def test_the_first_trained_bundle_takes_over_from_a_starter(
    folder: Path, models: Path, database: Database, starter_bundle: Path, trained_bundle: Path
) -> None:
    configurations = Configurations(database)
    shutil.copytree(starter_bundle, models / starter_bundle.name)
    activation = started(folder, models, configurations)
    assert configurations.read_pointers()["bundle"].version == starter_bundle.name
    shutil.copytree(trained_bundle, models / trained_bundle.name)
    activation.refresh(configurations)
    assert activation.active is not None
    assert activation.active.decider.versions.bundle == trained_bundle.name
    assert configurations.read_pointers()["bundle"].previous == starter_bundle.name
    configurations.point("bundle", starter_bundle.name, "person:ann", "the trained one is worse")
    activation.refresh(configurations)
    assert activation.active.decider.versions.bundle == starter_bundle.name
    assert configurations.read_pointers()["bundle"].version == starter_bundle.name


def test_a_bad_bundle_is_refused_by_name_and_the_last_good_one_stays(
    folder: Path, models: Path, database: Database, starter_bundle: Path, trained_bundle: Path
) -> None:
    configurations = Configurations(database)
    shutil.copytree(starter_bundle, models / starter_bundle.name)
    activation = started(folder, models, configurations)
    bad = shutil.copytree(trained_bundle, models / trained_bundle.name)
    changed = bytearray((bad / "encoder" / "model.onnx").read_bytes())
    changed[1000] ^= 1
    (bad / "encoder" / "model.onnx").write_bytes(changed)
    activation.refresh(configurations)
    assert activation.active is not None
    assert activation.active.decider.versions.bundle == starter_bundle.name
    assert "encoder/model.onnx: expected" in activation.faults["bundle"]
    configurations.point("bundle", bad.name, "test", "in spite of it")
    activation.refresh(configurations)
    assert activation.active.decider.versions.bundle == starter_bundle.name
    assert "bundle" in activation.active.degraded
    configurations.point("bundle", starter_bundle.name, "test", "back")
    activation.refresh(configurations)
    assert activation.faults == {}
    assert activation.active.degraded == {}


def test_a_start_on_a_bad_bundle_uses_the_best_good_one_and_says_why(
    folder: Path, models: Path, database: Database, starter_bundle: Path, trained_bundle: Path
) -> None:
    configurations = Configurations(database)
    shutil.copytree(starter_bundle, models / starter_bundle.name)
    bad = shutil.copytree(trained_bundle, models / trained_bundle.name)
    (bad / "card.md").unlink()
    configurations.point("bundle", bad.name, "test", "promoted, then damaged")
    activation = started(folder, models, configurations)
    assert activation.active is not None
    assert activation.active.decider.versions.bundle == starter_bundle.name
    assert activation.faults["bundle"] == "card.md: expected a file, found nothing"
    assert "bundle" in activation.active.degraded


def test_a_repaired_copy_of_a_refused_bundle_is_used(
    folder: Path, models: Path, database: Database, starter_bundle: Path
) -> None:
    configurations = Configurations(database)
    bad = shutil.copytree(starter_bundle, models / starter_bundle.name)
    model = bad / "encoder" / "model.onnx"
    good = model.read_bytes()
    changed = bytearray(good)
    changed[1000] ^= 1
    model.write_bytes(changed)
    activation = started(folder, models, configurations)
    assert "encoder/model.onnx: expected" in activation.faults["bundle"]
    model.write_bytes(good)
    activation.refresh(configurations)
    assert activation.faults == {}
    assert activation.active is not None
    assert activation.active.decider.versions.bundle == starter_bundle.name


def test_a_refused_bundle_is_not_read_again_while_nothing_of_it_changes(
    folder: Path,
    models: Path,
    database: Database,
    starter_bundle: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configurations = Configurations(database)
    bad = shutil.copytree(starter_bundle, models / starter_bundle.name)
    (bad / "card.md").unlink()
    activation = started(folder, models, configurations)
    monkeypatch.setattr("triage.serving.activation.Predictor.open", None)
    activation.refresh(configurations)
    assert activation.faults["bundle"] == "card.md: expected a file, found nothing"


def test_a_replica_started_again_on_an_older_folder_follows_what_is_in_force_and_says_so(
    folder: Path, models: Path, database: Database
) -> None:
    configurations = Configurations(database)
    started(folder, models, configurations)
    older = shutil.copytree(folder, folder.parent / "older")
    (folder / "escalation.yaml").write_text(POLICY.replace("5m", "7m"))
    newer = policy_of(started(folder, models, configurations))
    restarted = started(older, models, configurations)
    assert policy_of(restarted) == newer
    assert configurations.read_pointers()["policy"].version == newer
    assert "older version than the one in force" in restarted.faults["configuration"]


def test_an_older_version_is_put_in_force_by_an_explicit_reload(
    folder: Path, models: Path, database: Database
) -> None:
    configurations = Configurations(database)
    first = policy_of(started(folder, models, configurations))
    older = shutil.copytree(folder, folder.parent / "older")
    (folder / "escalation.yaml").write_text(POLICY.replace("5m", "7m"))
    newer = started(folder, models, configurations)
    restarted = started(older, models, configurations)
    restarted.load_folder()
    restarted.publish(configurations)
    for replica in (restarted, newer):
        replica.refresh(configurations)
        assert policy_of(replica) == first
    assert "configuration" not in restarted.faults


def test_an_older_folder_is_no_fault_any_more_once_its_version_is_in_force_again(
    folder: Path, models: Path, database: Database
) -> None:
    configurations = Configurations(database)
    started(folder, models, configurations)
    older = shutil.copytree(folder, folder.parent / "older")
    (folder / "escalation.yaml").write_text(POLICY.replace("5m", "7m"))
    other = started(folder, models, configurations)
    restarted = started(older, models, configurations)
    (folder / "escalation.yaml").write_text(POLICY)
    other.load_folder()
    other.publish(configurations)
    restarted.refresh(configurations)
    assert policy_of(restarted) == policy_of(other)
    assert "configuration" not in restarted.faults
