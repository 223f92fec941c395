"""What a validation found wrong, in words for the sender and without any of what was sent."""

from collections.abc import Mapping

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from triage.domain.incident import storable
from triage.errors import FieldFault
from triage.sources.fields import ADDRESS

MAX_FAULTS = 32
_MAX_PATH_PART = 64
# Where a rule that spans fields is at home, since pydantic reports it for the whole body.
_AT_FIELD: Mapping[str, str] = {
    "title_required": "title",
    "dedup_key_required": "dedup_key",
    "evidence_empty": "evidence",
}


def faults_of(error: ValidationError, at: str = "") -> tuple[FieldFault, ...]:
    """What a validation found, as field faults without any of the input; at most 32 of them."""
    details = error.errors(include_url=False, include_context=True, include_input=False)
    return tuple(_fault(detail, at) for detail in details[:MAX_FAULTS])


def _fault(detail: ErrorDetails, at: str) -> FieldFault:
    parts = [at] if at else []
    parts += [storable(str(part))[:_MAX_PATH_PART] for part in detail["loc"]]
    message = _message(detail)
    if detail["type"] in _AT_FIELD:
        parts.append(_AT_FIELD[detail["type"]])
    elif parts and parts[-1] == "[key]":
        del parts[-2:]
        message = f"a name in it {message}"
    return FieldFault(at=".".join(parts), message=message)


def _message(detail: ErrorDetails) -> str:
    """Our words where pydantic's would show a regular expression or a Python type."""
    kind = detail["type"]
    if kind == "extra_forbidden":
        return "is not a field that is known here"
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return "must be a JSON object"
    if kind == "string_pattern_mismatch":
        if detail.get("ctx", {}).get("pattern") == ADDRESS:
            return "must be an http or https address"
        return "must be an RFC 3339 date and time between 1970 and 2199, like 2026-11-23T06:55:36Z"
    if kind.startswith("datetime"):
        return "is not a date and time that exists, or not in RFC 3339 form (2026-11-23T06:55:36Z)"
    if kind in ("string_type", "string_unicode"):
        return "must be a string"
    if kind in ("bool_type", "bool_parsing"):
        return "must be true or false"
    if kind == "string_too_short":
        return "must not be empty"
    if kind == "string_too_long":
        return f"must be at most {detail['ctx']['max_length']:,} characters long"
    if kind == "too_long":
        return f"must have at most {detail['ctx']['max_length']:,} entries"
    return detail["msg"]
