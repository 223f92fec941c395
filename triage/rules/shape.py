"""What every configuration shape shares: field types, and faults told in the words of the file."""

import re
from datetime import date, timedelta
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationError, WithJsonSchema
from pydantic_core import ErrorDetails

from triage.rules.document import Document, Path, closest

MAX_DURATION = timedelta(days=366)
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_PARTS = re.compile(r"(?:(\d{1,4})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?(?:(\d{1,8})s)?")
_ISO = re.compile(r"P(?:(\d{1,4})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,8})S)?)?")
_PLAIN = "expected a length of time such as '15m', '1h30m', '2d' or 'PT15M'"


def read_duration(value: object) -> timedelta:
    """``15m``, ``1h30m``, ``2d`` or ISO 8601 ``PT15M``, from zero to 366 days. Raises ``ValueError``."""
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise ValueError(_PLAIN)
    match = _PARTS.fullmatch(value.strip()) or _ISO.fullmatch(value.strip())
    if match is None or not any(match.groups()):
        raise ValueError(_PLAIN)
    found = timedelta(**{_UNITS[unit]: int(part or 0) for unit, part in zip("dhms", match.groups(), strict=True)})
    if found > MAX_DURATION:
        raise ValueError(f"at most {MAX_DURATION.days} days")
    return found


def _read_date(value: object) -> date:
    if isinstance(value, date):
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise ValueError("expected a date such as '2027-03-31'")


_DURATION_SCHEMA = {
    "type": "string",
    "pattern": r"^(?=.*\d)((\d+d)?(\d+h)?(\d+m)?(\d+s)?|P(\d+D)?(T(\d+H)?(\d+M)?(\d+S)?)?)$",
    "examples": ["15m", "1h30m", "2d", "PT15M"],
}
Duration = Annotated[timedelta, BeforeValidator(read_duration), WithJsonSchema(_DURATION_SCHEMA)]
Day = Annotated[date, BeforeValidator(_read_date), WithJsonSchema({"type": "string", "format": "date"})]
Clock = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=512)]
_PATTERNS = {
    r"^([01]\d|2[0-3]):[0-5]\d$": "a time of day such as '17:00'",
    r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$": "up to 64 letters, digits, '.', '_' and '-', a letter or digit first",
}
_EXPECTED = {
    "string_type": "a text",
    "string_too_short": "{min_length} or more characters",
    "string_too_long": "at most {max_length} characters",
    "list_type": "a list",
    "too_short": "{min_length} or more entries",
    "too_long": "at most {max_length} entries",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "greater_than_equal": "{ge} or more",
    "less_than_equal": "{le} or less",
}
"""What pydantic says in words of its own, in words of the file."""
Prose = Annotated[str, StringConstraints(strip_whitespace=True, max_length=8192)]


class Shape(BaseModel):
    """A mapping of the file: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


AnyShape = TypeVar("AnyShape", bound=Shape)


def read_shape(shape: type[AnyShape], document: Document) -> AnyShape:
    """The document as ``shape``. Raises ``ConfigurationError`` with the line of the first fault."""
    try:
        found = shape.model_validate(document.values)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        misspelt = {_meant(shape, fault["loc"]) for fault in faults if fault["type"] == "extra_forbidden"}
        for fault in faults:
            if fault["type"] == "missing" and fault["loc"] in misspelt:
                continue
            path = tuple(part for part in fault["loc"] if part != "[key]")
            document.fault(path, _told(shape, document, path, fault))
        document.raise_faults()
        raise
    return found


def _told(shape: type[Shape], document: Document, path: Path, fault: ErrorDetails) -> str:
    # The rule or policy is named before the message.
    where = ".".join(str(part) for part in (path[2:] if document.entry_of(path) else path))
    kind, found = fault["type"], fault["input"]
    if kind == "extra_forbidden":
        keys = _keys_at(shape, path[:-1])
        return f"unknown key {where!r}; expected one of {', '.join(keys)}{closest(str(path[-1]), keys)}"
    if kind == "missing":
        return f"missing key {where!r}; add it{_described(shape, path)}"
    message = fault["msg"].removeprefix("Value error, ")
    if kind == "value_error" and isinstance(found, dict):
        return f"{where}: {message}" if where else message
    if kind in _EXPECTED:
        message = _EXPECTED[kind].format(**fault.get("ctx", {}))
        if kind == "string_type" and isinstance(found, (bool, int, float)):
            message += ", so write it in quotes"
    elif kind == "string_pattern_mismatch":
        pattern = fault["ctx"]["pattern"]
        message = _PATTERNS.get(pattern, f"a text that matches {pattern}")
    message = message.removeprefix("Input should be ").removeprefix("expected ")
    near = closest(str(found), re.findall("'([^']*)'", message)) if kind == "enum" else ""
    return f"{where + ': ' if where else ''}found {_shown(path, found)}; expected {message}{near}"


def _meant(shape: type[Shape], loc: tuple[int | str, ...]) -> tuple[int | str, ...] | None:
    """The key that an unknown one seems to be a misspelling of."""
    near = get_close_matches(str(loc[-1]), _keys_at(shape, loc[:-1]), n=1)
    return (*loc[:-1], near[0]) if near else None


def _shown(path: Path, found: object) -> str:
    """What was found, short, and never the value of an address: it may be somebody's telephone or a secret."""
    if "address" in path or "contact" in path:
        return "another value"
    if found is None:
        return "nothing"
    if isinstance(found, dict):
        return "a mapping"
    if isinstance(found, list):
        return "a list" if found else "a list without entries"
    kind = {bool: "yes or no", int: "a number", float: "a number"}.get(type(found))
    shown = repr(found if len(str(found)) <= 60 else f"{str(found)[:60]}…")
    return f"{shown} ({kind})" if kind else shown


def _keys_at(shape: type[Shape], path: Path) -> list[str]:
    """The keys that the mapping at ``path`` may have."""
    model = _model_at(shape, path)
    return list(model.model_fields) if model is not None else []


def _described(shape: type[Shape], path: Path) -> str:
    """``: what the key is for``, where that is written down."""
    model = _model_at(shape, path[:-1])
    field = model.model_fields.get(str(path[-1])) if model is not None else None
    said = field.description if field is not None else None
    return f": {said[0].lower()}{said[1:].rstrip('.')}" if said else ""


def _model_at(shape: type[Shape], path: Path) -> type[BaseModel] | None:
    current: Any = shape
    for part in path:
        current = _inner(current)
        if isinstance(current, type) and issubclass(current, BaseModel):
            field = current.model_fields.get(str(part))
            current = field.annotation if field else None
        else:
            current = get_args(current)[-1] if get_origin(current) is dict else next(iter(get_args(current)), None)
    current = _inner(current)
    return current if isinstance(current, type) and issubclass(current, BaseModel) else None


def _inner(annotation: Any) -> Any:
    """``annotation`` without ``Annotated`` and without ``None``."""
    if get_origin(annotation) is Annotated:
        return _inner(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return _inner(next(argument for argument in get_args(annotation) if argument is not type(None)))
    return annotation
