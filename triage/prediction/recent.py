"""What was worked out lately, kept by key: the same text or the same alert again costs a look."""

import threading
from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """At most ``size`` values, those used last. Safe to use from several threads."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._held: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, keys: Sequence[K]) -> dict[K, V]:
        found = {}
        with self._lock:
            for key in keys:
                value = self._held.get(key)
                if value is not None:
                    self._held.move_to_end(key)
                    found[key] = value
        return found

    def keep(self, values: Mapping[K, V]) -> None:
        with self._lock:
            self._held.update(values)
            while len(self._held) > self._size:
                self._held.popitem(last=False)
