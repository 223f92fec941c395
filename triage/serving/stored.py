"""The catalogue in force, for a process that has no configuration folder of its own."""

import threading

from triage.domain.catalogue import Catalogue
from triage.errors import Unavailable
from triage.rules.catalogue import load_catalogue
from triage.rules.configuration import CATALOGUE_FILE
from triage.store.configurations import Configurations


class StoredCatalogue:
    """Read once per version: the pointer says at each call which one is in force."""

    def __init__(self, configurations: Configurations) -> None:
        self._configurations = configurations
        self._lock = threading.Lock()
        self._known: Catalogue | None = None

    def __call__(self) -> Catalogue:
        """Raises Unavailable while none is in force, StoreUnavailable, and ConfigurationError for one that this
        version of the service cannot read."""
        pointer = self._configurations.read_pointers().get("catalogue")
        if pointer is None:
            raise Unavailable("no catalogue is in force yet", retry_after=1)
        with self._lock:
            if self._known is None or self._known.version != pointer.version:
                self._known = load_catalogue(self._configurations.get_content(pointer.version), CATALOGUE_FILE)
            return self._known
