-- A shift swap: somebody answers for a schedule in somebody else's place. It is cancelled and never deleted, so that
-- who was on call at a time that is past can be told.
CREATE TABLE oncall_override (
    id uuid PRIMARY KEY,
    schedule text NOT NULL,
    person text NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    reason text NOT NULL DEFAULT '',
    made_by text NOT NULL,
    made_at timestamptz NOT NULL,
    cancelled_by text,
    cancelled_at timestamptz,
    CHECK (starts_at < ends_at),
    CHECK ((cancelled_by IS NULL) = (cancelled_at IS NULL))
);
CREATE INDEX oncall_override_standing ON oncall_override (ends_at) WHERE cancelled_at IS NULL;

-- Since when an incident is in its status; null: since it was opened.
ALTER TABLE incident ADD COLUMN status_since timestamptz;
