"""The kinds of string that the incident JSON is made of, checked inside pydantic-core."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from triage.domain.incident import MAX_LABEL_NAME, MAX_LABEL_VALUE, MAX_WORD, storable

MAX_HREF = 2_048
# Years outside are mistakes (milliseconds read as seconds, "never" written as 9999) and overflow in arithmetic.
MOMENT = r"^(19[7-9]\d|20\d\d|21\d\d)-\d\d-\d\d[Tt ]\d\d:\d\d"
ADDRESS = r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s]+"


@dataclass(frozen=True, slots=True)
class Text:
    """A string whose unstorable characters are replaced. JSON bytes come ``mended``, so there it is pure core;
    only values that were parsed elsewhere pass through Python."""

    max_length: int
    min_length: int = 0
    strip: bool = False
    pattern: str | None = None

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        text = core_schema.str_schema(
            min_length=self.min_length or None,
            max_length=self.max_length,
            strip_whitespace=self.strip,
            pattern=self.pattern,
        )
        cleaned = core_schema.no_info_before_validator_function(_storable_if_text, text)
        return core_schema.json_or_python_schema(json_schema=text, python_schema=cleaned)


@dataclass(frozen=True, slots=True)
class MomentText:
    """RFC 3339 as a string only: numbers (seconds? milliseconds?) are refused. Naive means UTC."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        text = core_schema.str_schema(pattern=MOMENT, max_length=64, strip_whitespace=True)
        return core_schema.chain_schema([text, core_schema.datetime_schema()])

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "format": "date-time"}


def _storable_if_text(value: object) -> object:
    return storable(value) if isinstance(value, str) else value


Word = Annotated[str, Text(MAX_WORD, strip=True)]
Moment = Annotated[datetime, MomentText()]
Address = Annotated[str, Text(MAX_HREF, strip=True, pattern=ADDRESS)]
LabelName = Annotated[str, Text(MAX_LABEL_NAME, min_length=1)]
LabelValue = Annotated[str, Text(MAX_LABEL_VALUE)]
