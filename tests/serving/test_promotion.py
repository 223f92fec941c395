"""Promotion by a running service: opened before it is pointed at, in force at once, and the old one let go."""

import gc
import shutil
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fixtures_store import CATALOGUE, POLICY
from triage.active import Active
from triage.errors import BundleRefused, Conflict, NotFound
from triage.memory.likeness import Likeness
from triage.prediction.manifest import MANIFEST_FILE
from triage.serving.activation import Activation
from triage.serving.metrics import Metrics
from triage.serving.promotion import Promotion
from triage.store.configurations import Configurations
from triage.store.database import Database

ANN = "person:ann"


class Replica:
    """One service's activation and promotion, as upkeep and the API drive them."""

    def __init__(self, home: Path, models: Path, database: Database) -> None:
        self.configurations = Configurations(database)
        self.activation = Activation(home, models, Metrics(), encoder_workers=2)
        self.promotion = Promotion(self.configurations, self.activation, models)
        self.activation.load_folder()
        self.activation.load_latest_bundle()
        self.activation.publish(self.configurations)
        self.refresh()

    def refresh(self) -> None:
        self.activation.refresh(self.configurations)

    @property
    def active(self) -> Active:
        assert self.activation.active is not None
        return self.activation.active

    @property
    def in_force(self) -> str:
        return self.active.decider.versions.bundle


@pytest.fixture
def models(tmp_path: Path, starter_bundle: Path, other_starter: Path) -> Path:
    """``starter_bundle`` and ``other_starter``, whose encoder has a version of its own."""
    for bundle in (starter_bundle, other_starter):
        shutil.copytree(bundle, tmp_path / "models" / bundle.name)
    return tmp_path / "models"


@pytest.fixture
def start(tmp_path: Path, models: Path, database: Database) -> Callable[[], Replica]:
    config = tmp_path / "config"
    config.mkdir()
    (config / "catalogue.yaml").write_text(CATALOGUE)
    (config / "escalation.yaml").write_text(POLICY)
    return lambda: Replica(config, models, database)


@pytest.fixture
def replica(start: Callable[[], Replica]) -> Replica:
    return start()


@pytest.fixture
def other(replica: Replica, models: Path) -> str:
    """The version that is not in force."""
    return next(folder.name for folder in models.iterdir() if folder.name != replica.in_force)


def test_a_promoted_bundle_is_in_force_at_once_here_and_at_the_next_refresh_elsewhere(
    start: Callable[[], Replica], replica: Replica, other: str
) -> None:
    elsewhere, first = start(), replica.in_force
    outcome = replica.promotion.promote(other, ANN, "better", expect=first)
    assert (outcome.changed, outcome.pointer.version, outcome.pointer.changed_by) == (True, other, ANN)
    assert (replica.in_force, elsewhere.in_force) == (other, first)
    elsewhere.refresh()
    assert elsewhere.in_force == other
    replica.refresh()
    assert replica.activation.faults == {}


def test_promoting_what_is_active_changes_nothing_and_says_so(replica: Replica) -> None:
    before = replica.active
    outcome = replica.promotion.promote(replica.in_force, ANN, "again", expect=None)
    assert not outcome.changed
    assert replica.active is before
    assert len(replica.promotion.look().moves) == 1


def test_a_rollback_goes_to_what_was_active_before_and_then_there_is_no_further(
    replica: Replica, other: str
) -> None:
    first = replica.in_force
    replica.promotion.promote(other, ANN, "better", None)
    outcome = replica.promotion.rollback("person:bob", "worse", expect=other)
    assert (outcome.pointer.version, outcome.pointer.reason) == (first, "worse")
    assert replica.in_force == first
    with pytest.raises(Conflict, match="nothing to go back to"):
        replica.promotion.rollback("person:bob", "worse still", None)
    newest = replica.promotion.look().moves[0]
    assert newest.restores is not None
    assert newest.changed_by == "person:bob"


def test_a_version_that_is_not_there_is_refused_with_those_that_are(replica: Replica, other: str) -> None:
    with pytest.raises(NotFound, match=other):
        replica.promotion.promote("no-such", ANN, "", None)


def test_a_bundle_that_cannot_be_opened_here_is_refused_and_the_pointer_stays(
    replica: Replica, models: Path, other: str
) -> None:
    first = replica.in_force
    (models / other / MANIFEST_FILE).write_text("{}")
    with pytest.raises(BundleRefused, match=r"manifest\.json: expected"):
        replica.promotion.promote(other, ANN, "", None)
    assert replica.in_force == first
    assert replica.configurations.read_pointers()["bundle"].version == first
    assert replica.activation.faults == {}


@pytest.mark.parametrize(
    ("ruin", "why"),
    [
        (shutil.rmtree, "is gone: no bundle"),
        (lambda folder: (folder / "card.md").unlink(), "refused: card.md: expected a file"),
    ],
    ids=["gone", "damaged"],
)
def test_a_rollback_to_a_bundle_that_is_gone_or_bad_is_refused(
    replica: Replica, models: Path, other: str, ruin: Callable[[Path], None], why: str
) -> None:
    first = replica.in_force
    replica.promotion.promote(other, ANN, "", None)
    ruin(models / first)
    with pytest.raises(BundleRefused, match=why):
        replica.promotion.rollback(ANN, "", None)
    assert replica.in_force == other


def test_whoever_expects_another_version_is_refused(replica: Replica, other: str) -> None:
    first = replica.in_force
    replica.promotion.promote(other, ANN, "", None)
    with pytest.raises(Conflict, match=f"active bundle is {other} and not {first}"):
        replica.promotion.promote(first, "person:bob", "", expect=first)
    with pytest.raises(Conflict, match=f"active bundle is {other} and not {first}"):
        replica.promotion.rollback("person:bob", "", expect=first)
    assert replica.in_force == other


def test_a_replica_that_lacks_the_bundle_keeps_what_it_has_and_says_why(
    start: Callable[[], Replica], replica: Replica, other: str, models: Path
) -> None:
    first, elsewhere = replica.in_force, start()
    replica.promotion.promote(other, ANN, "", None)
    shutil.rmtree(models / other)
    elsewhere.refresh()
    overview = elsewhere.promotion.look()
    assert overview.pointer is not None
    assert (overview.pointer.version, overview.in_force) == (other, first)
    assert "manifest.json" in str(overview.fault)


def test_a_replica_that_would_move_the_pointer_by_itself_yields_to_a_person(
    replica: Replica, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when it read the pointer a moment before somebody promoted."""
    before = replica.configurations.read_pointers()
    replica.configurations.point("bundle", other, ANN, "meanwhile")
    monkeypatch.setattr(replica.activation, "_takes_over", lambda *_: True)
    with monkeypatch.context() as patched:
        patched.setattr(replica.configurations, "read_pointers", lambda: before)
        replica.refresh()
    assert replica.configurations.read_pointers()["bundle"].version == other
    monkeypatch.undo()
    replica.refresh()
    assert replica.in_force == other


@pytest.fixture
def no_collector() -> Iterator[None]:
    """What is let go must end by itself: the collector of circles comes when it likes."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def encoder_threads() -> int:
    return sum(thread.name.startswith("encoder") for thread in threading.enumerate())


def search_as_it_decides(replica: Replica) -> None:
    assert replica.active.encoder is not None
    replica.activation.search_with(replica.active.encoder, Likeness(), None)


@pytest.mark.usefixtures("no_collector")
def test_the_bundle_that_was_replaced_ends_with_its_threads_once_nobody_uses_it(
    replica: Replica, other: str
) -> None:
    first, in_use = replica.in_force, replica.active
    texts = {bytes([n]): f"Text {n} of a batch that is under way" for n in range(8)}
    in_use.encode(texts)
    assert in_use.encoder is not None
    gone = weakref.ref(in_use.encoder)
    before = encoder_threads()
    replica.promotion.promote(other, ANN, "", None)
    assert len(in_use.encode(texts)) == 8
    del in_use
    assert gone() is not None, "the memory is searched with it until another is whole"
    search_as_it_decides(replica)
    assert gone() is None
    for version in (first, other) * 3:
        replica.promotion.promote(version, ANN, "", None)
        replica.active.encode(texts)
    search_as_it_decides(replica)
    deadline = time.monotonic() + 10
    while encoder_threads() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert encoder_threads() <= before
