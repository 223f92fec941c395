-- Who watches the watchers.

-- What is done once in a while, by whichever replica comes first.
CREATE TABLE duty (
    name text PRIMARY KEY,
    done_at timestamptz NOT NULL
);

-- Signs of life of each source: how many events came in five minutes, written a few times a minute and beside requests.
CREATE TABLE source_beat (
    source text NOT NULL,
    at timestamptz NOT NULL,
    events bigint NOT NULL,
    PRIMARY KEY (source, at)
);

-- Drills: what was practised, and how it went.
CREATE TABLE drill (
    id uuid PRIMARY KEY,
    policy text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('virtual', 'real')),
    incident_id uuid,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL,
    report jsonb NOT NULL
);
CREATE INDEX drill_policy ON drill (policy, made_at DESC);
CREATE TRIGGER drill_audited AFTER INSERT ON drill
    FOR EACH ROW EXECUTE FUNCTION audit_change('made_by', 'made_by');
