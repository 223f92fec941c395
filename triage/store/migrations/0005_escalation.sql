-- The running escalations: where each stands, what has happened to it since, and what it wants said.

-- One row per incident that was ever decided on here. ``state`` null: its first decision is still in the inbox.
-- ``advanced``: how often it was carried on, which numbers what it says. ``fault``: why the last try failed.
CREATE TABLE escalation (
    incident_id uuid PRIMARY KEY REFERENCES incident ON DELETE CASCADE,
    state jsonb,
    team text,
    due_at timestamptz,
    advanced integer NOT NULL DEFAULT 0,
    failures integer NOT NULL DEFAULT 0,
    fault text
);
CREATE INDEX escalation_due ON escalation (due_at) WHERE due_at IS NOT NULL;

-- The inbox: what people, sources and rules did to an incident, written in the transaction in which they did it and
-- taken out in the one that carries the escalation on. ``waits``: with an escalation that cannot be carried on now.
CREATE TABLE escalation_event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    incident_id uuid NOT NULL,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    actor text NOT NULL,
    decision_id uuid,
    detail jsonb NOT NULL DEFAULT '{}',
    waits boolean NOT NULL DEFAULT false
);
CREATE INDEX escalation_event_next ON escalation_event (id) WHERE NOT waits;
CREATE INDEX escalation_event_incident ON escalation_event (incident_id, id);

-- The outbox. ``key`` goes out with the message, so that a receiver can tell a repetition from a further one.
CREATE TABLE message (
    key text PRIMARY KEY,
    incident_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('page', 'post', 'vendor', 'approval', 'update', 'stand_down')),
    recipient text NOT NULL,
    detail jsonb NOT NULL,
    made_at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'dead', 'withdrawn')),
    due_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    sent_at timestamptz,
    fault text
);
CREATE INDEX message_due ON message (due_at) WHERE state = 'waiting';
CREATE INDEX message_incident ON message (incident_id, made_at);
CREATE INDEX message_page ON message (made_at) WHERE kind = 'page';

-- How often each round robin was taken.
CREATE TABLE turn (
    key text PRIMARY KEY,
    taken bigint NOT NULL
);

-- Cancelled swaps count for the time before they were cancelled.
DROP INDEX oncall_override_standing;
CREATE INDEX oncall_override_standing ON oncall_override (ends_at);
