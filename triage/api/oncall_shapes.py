"""What on-call requests ask and answer."""

from datetime import datetime
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from triage.api.examples import Examples
from triage.sources.fields import Moment

SWAPS: Final[Examples] = {
    "tonight": {
        "summary": "Somebody takes over for two hours of the night",
        "value": {
            "schedule": "payments",
            "person": "tobias",
            "starts_at": "2027-02-01T01:00:00Z",
            "ends_at": "2027-02-01T03:00:00Z",
            "reason": "Ines is ill",
        },
    },
    "swap": {
        "summary": "Two people swap a day each",
        "value": {
            "schedule": "payments",
            "person": "tobias",
            "starts_at": "2027-02-01T08:00:00Z",
            "ends_at": "2027-02-02T08:00:00Z",
            "in_return": {"starts_at": "2027-02-10T08:00:00Z", "ends_at": "2027-02-11T08:00:00Z"},
        },
    },
}


class SpanBody(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    starts_at: Moment
    ends_at: Moment


class SwapBody(SpanBody):
    """``person``, an id, answers for ``schedule``. With ``in_return`` whoever is relieved answers then in their
    place."""

    schedule: Annotated[str, Field(min_length=1, max_length=64)]
    person: Annotated[str, Field(min_length=1, max_length=64)]
    reason: Annotated[str, Field(max_length=2_000)] = ""
    in_return: SpanBody | None = None


class WhoView(BaseModel):
    id: str
    name: str


class ShiftView(BaseModel):
    """``person`` null: nobody is on call."""

    schedule: str
    person: WhoView | None
    starts_at: datetime
    ends_at: datetime
    layer: str | None
    override: str | None = Field(description="The id of the swap that it comes from")
    relieves: WhoView | None = Field(description="Who would be on call but for a swap or a limit of nights")


class DutyView(ShiftView):
    next: WhoView | None = Field(description="Who answers where the person cannot")


class OnCallView(BaseModel):
    at: datetime
    schedules: list[DutyView]


class ShiftsView(BaseModel):
    shifts: list[ShiftView]


class OverrideView(BaseModel):
    id: str
    schedule: str
    person: WhoView
    starts_at: datetime
    ends_at: datetime
    reason: str
    made_by: str
    made_at: datetime
    cancelled_by: str | None
    cancelled_at: datetime | None


class OverridesView(BaseModel):
    overrides: list[OverrideView]
