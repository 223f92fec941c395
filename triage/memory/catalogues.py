"""The stored catalogues: an incident of the past is judged by the teams of its own time."""

from triage.domain.catalogue import Catalogue
from triage.errors import ConfigurationError, NotFound
from triage.rules.catalogue import load_catalogue
from triage.store.configurations import Configurations


class Catalogues:
    """By version, each read once."""

    def __init__(self, configurations: Configurations) -> None:
        self._configurations = configurations
        self._known: dict[str, Catalogue | None] = {}

    def find(self, version: str | None) -> Catalogue | None:
        """None for a version that is not stored, or that cannot be read any more."""
        if version is None:
            return None
        if version not in self._known:
            try:
                self._known[version] = load_catalogue(self._configurations.get_content(version))
            except (NotFound, ConfigurationError):
                self._known[version] = None
        return self._known[version]

    @property
    def unknown(self) -> list[str]:
        """Versions that were asked for in vain."""
        return sorted(version for version, catalogue in self._known.items() if catalogue is None)
