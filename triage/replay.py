"""A stored decision derived again from its record, and every difference shown."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triage.decider import Case, Decider
from triage.domain.decision import Decision
from triage.errors import NotFound
from triage.prediction.cold_start import ColdStart
from triage.prediction.predictor import Predictor
from triage.rules.configuration import Configuration, configuration_from_texts
from triage.store.configurations import NOTHING, Configurations
from triage.store.incidents import Incidents
from triage.store.records import decision_to_json

TOLERANCE = 1e-6
"""Largest difference of a number that still counts as the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """``at``: path in the decision's JSON; ``stored`` and ``derived``: its values."""

    at: str
    stored: Any
    derived: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    stored: Decision
    derived: Decision
    differences: tuple[Difference, ...]


class Deciders:
    """What decisions name: configurations by content, bundles by version. ``workers``: threads of an encoder."""

    def __init__(self, configurations: Configurations, models_dir: Path, workers: int | None = None) -> None:
        self._configurations = configurations
        self._models_dir = models_dir
        self._workers = workers
        self._read: dict[tuple[str, str], Configuration] = {}
        self._opened: dict[str, Predictor] = {}
        self._made: dict[tuple[str, str, str], Decider] = {}

    def get(self, catalogue: str, policy: str, bundle: str) -> Decider:
        """Raises NotFound, BundleError, ConfigurationError, StoreUnavailable."""
        wanted = (catalogue, policy, bundle)
        if wanted not in self._made:
            configuration = self._configuration(catalogue, policy)
            predictor = self.predictor(bundle)
            words = ColdStart(configuration.catalogue, predictor.encoder) if predictor else None
            self._made[wanted] = Decider(configuration, predictor, words)
        return self._made[wanted]

    def predictor(self, version: str) -> Predictor | None:
        """Raises NotFound, BundleError."""
        if version == NOTHING:
            return None
        if version not in self._opened:
            folder = self._models_dir / version
            if not folder.is_dir():
                raise NotFound(f"the bundle {version} is not in {self._models_dir}; it is needed")
            self._opened[version] = Predictor.open(folder, self._workers)
        return self._opened[version]

    def close(self) -> None:
        for predictor in self._opened.values():
            predictor.close()

    def _configuration(self, catalogue: str, policy: str) -> Configuration:
        if (catalogue, policy) not in self._read:
            texts = self._configurations.get_content(catalogue), self._configurations.get_content(policy)
            self._read[catalogue, policy] = configuration_from_texts(*texts)
        return self._read[catalogue, policy]


class Replayer:
    def __init__(self, incidents: Incidents, configurations: Configurations, models_dir: Path) -> None:
        self._incidents = incidents
        self._deciders = Deciders(configurations, models_dir)

    def replay(self, decision_id: str) -> Replay:
        """Raises NotFound for an unknown decision or a bundle that is gone, BundleError, ConfigurationError."""
        recorded = self._incidents.get_decision(decision_id)
        stored = recorded.decision
        case = Case(
            inputs=recorded.inputs,
            embedding=recorded.embedding,
            decision_id=stored.decision_id,
            incident_id=stored.incident_id,
        )
        versions = stored.versions
        decider = self._deciders.get(versions.catalogue, versions.policy, versions.bundle)
        derived = decider.decide([case])[0]
        found = tuple(differences(decision_to_json(stored), decision_to_json(derived)))
        return Replay(stored=stored, derived=derived, differences=found)


def differences(stored: Any, derived: Any, at: str = "") -> Iterator[Difference]:
    """Where two JSON values differ. Numbers within TOLERANCE are the same; the code's version may differ."""
    if at == "versions.code":
        return
    if isinstance(stored, dict) and isinstance(derived, dict):
        for key in sorted(stored.keys() | derived.keys()):
            yield from differences(stored.get(key), derived.get(key), f"{at}.{key}" if at else key)
    elif isinstance(stored, list) and isinstance(derived, list) and len(stored) == len(derived):
        for place, (one, other) in enumerate(zip(stored, derived, strict=True)):
            yield from differences(one, other, f"{at}.{place}")
    elif isinstance(stored, float | int) and isinstance(derived, float | int):
        if not math.isclose(stored, derived, rel_tol=0.0, abs_tol=TOLERANCE):
            yield Difference(at=at, stored=stored, derived=derived)
    elif stored != derived:
        yield Difference(at=at, stored=stored, derived=derived)
