-- Every move of a pointer, for ever: what was in force when, who made it so, and why.

CREATE TABLE activation (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('bundle', 'catalogue', 'policy')),
    version text NOT NULL,
    previous text,
    changed_at timestamptz NOT NULL DEFAULT now(),
    changed_by text NOT NULL,
    reason text NOT NULL DEFAULT '',
    -- A rollback: the activation that it put in force again. Rolled back once more, it goes to the one before that.
    restores bigint REFERENCES activation
);

CREATE INDEX activation_newest ON activation (kind, id DESC);

CREATE TRIGGER activation_immutable BEFORE UPDATE OR DELETE ON activation
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER activation_not_truncated BEFORE TRUNCATE ON activation
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What the pointers still know of the time before this table.
INSERT INTO activation (kind, version, changed_at, changed_by, reason)
    SELECT kind, previous, changed_at, 'triage', 'in force before this history begins'
    FROM active WHERE previous IS NOT NULL ORDER BY kind;
INSERT INTO activation (kind, version, previous, changed_at, changed_by, reason)
    SELECT kind, version, previous, changed_at, changed_by, reason FROM active ORDER BY kind;
