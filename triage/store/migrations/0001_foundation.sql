-- The foundation: configuration by content, one active pointer, memory, incidents, immutable decisions.

CREATE TABLE configuration (
    version text PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('catalogue', 'policy')),
    content text NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE active (
    kind text PRIMARY KEY CHECK (kind IN ('bundle', 'catalogue', 'policy')),
    version text NOT NULL,
    previous text,
    changed_at timestamptz NOT NULL DEFAULT now(),
    changed_by text NOT NULL,
    reason text NOT NULL DEFAULT ''
);

-- One row per distinct text and encoder. The encoder rounds to half precision, so a halfvec holds it exactly.
CREATE TABLE text_embedding (
    encoder text NOT NULL,
    text_key bytea NOT NULL,
    embedding halfvec NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (encoder, text_key)
);

CREATE TABLE pattern (
    id uuid PRIMARY KEY,
    scope text NOT NULL,
    template text NOT NULL,
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    occurrences bigint NOT NULL DEFAULT 0
);

CREATE TABLE pattern_key (
    digest text PRIMARY KEY,
    pattern_id uuid NOT NULL REFERENCES pattern
);

CREATE TABLE incident (
    id uuid PRIMARY KEY,
    pattern_id uuid NOT NULL REFERENCES pattern,
    source text NOT NULL,
    scope text NOT NULL,
    service text,
    environment text,
    title text NOT NULL,
    event jsonb NOT NULL,
    text_key bytea NOT NULL,
    state text NOT NULL CHECK (state IN ('triggered', 'acknowledged', 'resolved')),
    status text NOT NULL CHECK (status IN ('new', 'triaging', 'investigating', 'mitigating', 'resolved')),
    priority text NOT NULL CHECK (priority IN ('P1', 'P2', 'P3', 'P4', 'P5')),
    team text NOT NULL,
    decision_id uuid NOT NULL,
    occurrences integer NOT NULL,
    deliveries integer NOT NULL,
    opened_at timestamptz NOT NULL,
    last_occurred_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    closes_at timestamptz,
    acknowledged_at timestamptz,
    acknowledged_by text,
    resolved_at timestamptz,
    resolved_by text,
    resolution text,
    needs_review boolean NOT NULL DEFAULT false,
    search tsvector GENERATED ALWAYS AS (to_tsvector('simple', title)) STORED
);

CREATE INDEX incident_newest ON incident (opened_at DESC, id DESC);
CREATE INDEX incident_open_pattern ON incident (pattern_id) WHERE state <> 'resolved';
CREATE INDEX incident_pattern ON incident (pattern_id, opened_at DESC);
CREATE INDEX incident_text ON incident (text_key, opened_at DESC);
CREATE INDEX incident_team ON incident (team, opened_at DESC);
CREATE INDEX incident_closing ON incident (closes_at) WHERE state <> 'resolved' AND closes_at IS NOT NULL;
CREATE INDEX incident_search ON incident USING gin (search);

-- The keys under which sources speak of an incident. It is over when the last of them is.
CREATE TABLE incident_key (
    source text NOT NULL,
    dedup_key text NOT NULL,
    incident_id uuid NOT NULL REFERENCES incident ON DELETE CASCADE,
    scope text NOT NULL,
    started_at timestamptz,
    opened_at timestamptz NOT NULL,
    resolved_at timestamptz,
    PRIMARY KEY (incident_id, source, dedup_key)
);

CREATE INDEX incident_key_newest ON incident_key (source, dedup_key, opened_at DESC);

CREATE TABLE occurrence (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    incident_id uuid NOT NULL REFERENCES incident ON DELETE CASCADE,
    pattern_id uuid NOT NULL REFERENCES pattern,
    source text NOT NULL,
    dedup_key text,
    scope text NOT NULL,
    started_at timestamptz,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    deliveries integer NOT NULL DEFAULT 1
);

CREATE UNIQUE INDEX occurrence_once ON occurrence (source, dedup_key, scope, started_at)
    WHERE dedup_key IS NOT NULL AND started_at IS NOT NULL;
CREATE INDEX occurrence_pattern ON occurrence (pattern_id, occurred_at DESC);

CREATE TABLE decision (
    id uuid PRIMARY KEY,
    incident_id uuid,
    decided_at timestamptz NOT NULL,
    encoder text,
    text_key bytea,
    inputs jsonb NOT NULL,
    record jsonb NOT NULL
);

CREATE INDEX decision_incident ON decision (incident_id, decided_at DESC);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a % is never changed or removed', TG_TABLE_NAME;
END $$;

CREATE TRIGGER decision_immutable BEFORE UPDATE OR DELETE ON decision
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER decision_not_truncated BEFORE TRUNCATE ON decision
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE timeline (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    incident_id uuid NOT NULL,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    actor text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}'
);

CREATE INDEX timeline_incident ON timeline (incident_id, id);

CREATE TABLE triage_override (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    incident_id uuid NOT NULL,
    pattern_id uuid NOT NULL,
    priority text CHECK (priority IN ('P1', 'P2', 'P3', 'P4', 'P5')),
    team text,
    reason text NOT NULL DEFAULT '',
    made_by text NOT NULL,
    made_at timestamptz NOT NULL
);

CREATE INDEX triage_override_pattern ON triage_override (pattern_id, id DESC);
CREATE INDEX triage_override_incident ON triage_override (incident_id, id DESC);

-- What became of each delivery that a sender marked with a key, so that repeating it changes nothing.
CREATE TABLE delivery (
    principal text NOT NULL,
    delivery_key text NOT NULL,
    digest bytea NOT NULL,
    results jsonb NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (principal, delivery_key)
);

CREATE INDEX delivery_oldest ON delivery (received_at);

CREATE TABLE token (
    id text PRIMARY KEY,
    digest bytea NOT NULL UNIQUE,
    role text NOT NULL CHECK (role IN ('source', 'responder', 'reviewer', 'engineer', 'admin')),
    owner text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz
);

-- What a source sent and cannot be used, once per content, so that a body that comes back for ever stays one row.
CREATE TABLE dead_letter (
    digest bytea PRIMARY KEY,
    source text NOT NULL,
    reason text NOT NULL,
    body bytea NOT NULL,
    times bigint NOT NULL DEFAULT 1,
    first_at timestamptz NOT NULL DEFAULT now(),
    last_at timestamptz NOT NULL DEFAULT now()
);
