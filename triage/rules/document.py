"""YAML text → plain values that remember their lines.

A strict subset: one document of mappings with text keys, lists and scalars. Anchors, aliases and tags are refused
(they are how a small file grows into a large one, or builds objects), and so are duplicate keys. Plain scalars
follow YAML 1.2: only ``true`` and ``false`` are booleans, and ``17:00`` or ``2027-01-31`` are texts.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches

import yaml

from triage.errors import ConfigurationError

MAX_BYTES = 8 * 1024 * 1024
"""Ten thousand rules with their descriptions."""
MAX_DEPTH = 24
SHOWN = 12
"""Known words that a message lists."""

Value = None | bool | int | float | str | list["Value"] | dict[str, "Value"]
Path = tuple[str | int, ...]

_INTEGER = re.compile(r"[-+]?\d{1,15}")
_FLOAT = re.compile(r"[-+]?(\d+\.\d*|\.\d+)([eE][-+]?\d+)?")
_ENTRIES = {"rules": "rule", "policies": "policy"}
_WORDS: dict[str, bool | None] = {"": None, "~": None, "null": None, "true": True, "false": False}


@dataclass(slots=True)
class Document:
    """``values`` of a file, and the line of every one of them; faults found are collected, then raised once.
    ``ids``: what the mapping at a path calls itself."""

    file: str
    values: dict[str, Value] = field(default_factory=dict)
    lines: dict[Path, int] = field(default_factory=dict)
    block_lines: dict[Path, int] = field(default_factory=dict)
    ids: dict[Path, str] = field(default_factory=dict)
    faults: list[tuple[int | None, str]] = field(default_factory=list)

    def line_of(self, path: Path) -> int | None:
        """The line of ``path``, or of the nearest thing around it that is in the file."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.lines:
                return self.lines[path[:end]]
        return None

    def entry_of(self, path: Path) -> str:
        """``rule 'night'`` or ``policy 'standard'``: whose part ``path`` is; else nothing."""
        kind = _ENTRIES.get(str(path[0])) if len(path) > 1 else None
        if kind is None:
            return ""
        if isinstance(path[1], int):
            return f"{kind} {self.ids[path[:2]]!r}" if path[:2] in self.ids else f"{kind} number {path[1] + 1}"
        return f"{kind} {path[1]!r}"

    def fault(self, path: Path, message: str) -> None:
        self.faults.append((self.line_of(path), self.named(path, message)))

    def fault_in_text(self, path: Path, message: str, text_line: int) -> None:
        """A fault in line ``text_line`` (from 1) of a text; exact for block texts, else the text's own line."""
        first = self.block_lines.get(path)
        line = first + text_line - 1 if first else self.line_of(path)
        self.faults.append((line, self.named(path, message)))

    def named(self, path: Path, message: str) -> str:
        """``message``, after the rule or policy that it is about."""
        entry = self.entry_of(path)
        return f"{entry}: {message}" if entry else message

    def raise_faults(self) -> None:
        """Raise the first fault in file order as ``ConfigurationError``, saying how many more there are."""
        if not self.faults:
            return
        ordered = sorted(self.faults, key=lambda fault: fault[0] or 0)
        line, message = ordered[0]
        more = f" (+{len(ordered) - 1} more)" if len(ordered) > 1 else ""
        raise ConfigurationError(message + more, self.file, line)


def closest(word: str, known: Iterator[str] | list[str] | tuple[str, ...]) -> str:
    """``; did you mean 'x'?`` when a known word is close, whatever its case, else nothing."""
    folded = {one.casefold(): one for one in known}
    near = get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return f"; did you mean {folded[near[0]]!r}?" if near else ""


def near_or_known(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` when a known word is close, else which words there are."""
    words = list(known)
    more = f" … ({len(words)} of them)" if len(words) > SHOWN else ""
    listed = f"; expected one of {', '.join(words[:SHOWN])}{more}" if words else "; the catalogue has none"
    return closest(word, words) or listed


def read_document(text: str, file: str) -> Document:
    """Raises ``ConfigurationError`` for what is not such a document; duplicate keys are collected as faults."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise ConfigurationError(f"not text at character {error.start}", file) from None
    if size > MAX_BYTES:
        raise ConfigurationError(f"the file has {size} bytes, at most {MAX_BYTES} are read", file)
    document = Document(file)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    reader = _Reader(document, yaml.parse(text, Loader=loader))
    try:
        values = reader.read()
    except yaml.MarkedYAMLError as error:
        # Of a quote that is never closed the place where it opens is worth more than the end of the file.
        unclosed = error.context is not None and "quoted scalar" in error.context
        mark = error.context_mark if unclosed else error.problem_mark
        mend = "close the quote" if unclosed else "check the indentation, and quote a text that holds ': ' or ' #'"
        message = document.named(reader.at, f"not valid YAML: {error.problem}; {mend}")
        raise ConfigurationError(message, file, mark.line + 1 if mark else None) from None
    except yaml.YAMLError:
        raise ConfigurationError("not valid YAML: a control character or a broken encoding", file) from None
    if not isinstance(values, dict):
        raise ConfigurationError("expected a mapping of keys at the top of the file", file, 1)
    document.values = values
    return document


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


class _Reader:
    """Builds values from parser events, so that nothing is expanded or constructed on the way. ``at``: how far it
    came."""

    def __init__(self, document: Document, events: Iterator[yaml.Event]) -> None:
        self._document = document
        self._events = events
        self.at: Path = ()

    def read(self) -> Value:
        value: Value = None
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._refusal("a second document ('---'); a file holds one", event)
            elif isinstance(event, yaml.NodeEvent):
                value = self._value(event, (), 0)
        return value

    def _refusal(self, message: str, event: yaml.Event) -> ConfigurationError:
        return ConfigurationError(self._document.named(self.at, message), self._document.file, _line(event))

    def _value(self, event: yaml.Event, path: Path, depth: int) -> Value:
        self.at = path
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise self._refusal("anchors and aliases ('&', '*') are not read; write the value out", event)
        if getattr(event, "tag", None):
            raise self._refusal("tags ('!') are not read; write a plain value", event)
        if depth > MAX_DEPTH:
            raise self._refusal(f"nested more than {MAX_DEPTH} levels deep", event)
        self._document.lines.setdefault(path, _line(event))
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path, depth)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path, depth)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path)
        raise self._refusal("expected a value", event)

    def _mapping(self, path: Path, depth: int) -> dict[str, Value]:
        found: dict[str, Value] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise self._refusal("expected a text as key", event)
            key, line = event.value, _line(event)
            here = (*path, key)
            if key in found:
                first = self._document.lines[here]
                message = f"duplicate key {key!r}, first given in line {first}; keep one of them"
                self._document.faults.append((line, self._document.named(here, message)))
                here = (*path, f"{key} (again)")
            self._document.lines[here] = line
            value = found.setdefault(key, self._value(next(self._events), here, depth + 1))
            if key == "id" and isinstance(value, str):
                self._document.ids[path] = value
        return found

    def _sequence(self, path: Path, depth: int) -> list[Value]:
        found: list[Value] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            found.append(self._value(event, (*path, len(found)), depth + 1))
        return found

    def _scalar(self, event: yaml.ScalarEvent, path: Path) -> Value:
        text: str = event.value
        if not event.implicit[0]:
            if event.style == "|":
                self._document.block_lines[path] = _line(event) + 1
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.fullmatch(text):
            return int(text)
        return float(text) if _FLOAT.fullmatch(text) else text
