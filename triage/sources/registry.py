"""Which wire format a source's name stands for.

A parser takes a body and its headers (names in lower case) and gives a ``SourceBatch``. It does no I/O and
raises nothing: what cannot be read is in ``SourceBatch.rejected``.
"""

from collections.abc import Mapping
from types import MappingProxyType

from triage.sources.alertmanager import parse_alertmanager
from triage.sources.batch import Parser

PARSERS: Mapping[str, Parser] = MappingProxyType({"alertmanager": parse_alertmanager})
