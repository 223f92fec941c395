-- The audit log: a row for everything that happens, written by triggers in the transaction in which it happens, and
-- chained by hashes afterwards, in batches, by one sealer. Whoever writes waits for no chain.

-- ``source`` and ``key`` name the row that tells the whole; ``digest`` is of that row, where it never changes;
-- ``content`` holds what was written to rows that do.
CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    actor text NOT NULL,
    incident_id uuid,
    source text NOT NULL,
    key text NOT NULL,
    digest bytea,
    content jsonb
);
CREATE INDEX audit_incident ON audit (incident_id, id) WHERE incident_id IS NOT NULL;

-- ``leaves``: 32 bytes for each of ``ids``; ``digest``: of the one before and of these. ``upto``: the highest id that
-- was looked at.
CREATE TABLE audit_seal (
    number bigint PRIMARY KEY,
    sealed_at timestamptz NOT NULL,
    upto bigint NOT NULL,
    ids bigint[] NOT NULL,
    leaves bytea NOT NULL,
    digest bytea NOT NULL
);

-- Ids below ``upto`` that no row had yet: of transactions that were not over, or that never came to their end.
CREATE TABLE audit_gap (
    id bigint PRIMARY KEY,
    noticed_at timestamptz NOT NULL
);

CREATE TRIGGER audit_immutable BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_not_truncated BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_seal_immutable BEFORE UPDATE OR DELETE ON audit_seal
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_seal_not_truncated BEFORE TRUNCATE ON audit_seal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER timeline_immutable BEFORE UPDATE OR DELETE ON timeline
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER timeline_not_truncated BEFORE TRUNCATE ON timeline
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION audit_digest(VARIADIC parts text[]) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT sha256(convert_to(array_to_string(parts, E'\x1f', E'\x1e'), 'UTF8'))
$$;

CREATE FUNCTION digest_of(t timeline) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT audit_digest(t.id::text, t.incident_id::text, extract(epoch FROM t.at)::text, t.kind, t.actor, t.detail::text)
$$;
CREATE FUNCTION digest_of(d decision) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT audit_digest(d.id::text, d.incident_id::text, extract(epoch FROM d.decided_at)::text, d.inputs::text,
        d.record::text)
$$;
CREATE FUNCTION digest_of(a activation) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT audit_digest(a.id::text, a.kind, a.version, a.previous, extract(epoch FROM a.changed_at)::text, a.changed_by,
        a.reason, a.restores::text)
$$;

CREATE FUNCTION audit_timeline() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit (at, kind, actor, incident_id, source, key, digest)
    SELECT t.at, t.kind, t.actor, t.incident_id, 'timeline', t.id::text, digest_of(t.*::timeline)
    FROM added AS t ORDER BY t.id;
    RETURN NULL;
END $$;
CREATE TRIGGER timeline_audited AFTER INSERT ON timeline REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION audit_timeline();

CREATE FUNCTION audit_decision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit (at, kind, actor, incident_id, source, key, digest)
    SELECT d.decided_at, 'decision', 'triage', d.incident_id, 'decision', d.id::text, digest_of(d.*::decision)
    FROM added AS d ORDER BY d.decided_at, d.id;
    RETURN NULL;
END $$;
CREATE TRIGGER decision_audited AFTER INSERT ON decision REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION audit_decision();

CREATE FUNCTION audit_activation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit (at, kind, actor, source, key, digest)
    SELECT a.changed_at, a.kind || '_activated', a.changed_by, 'activation', a.id::text, digest_of(a.*::activation)
    FROM added AS a ORDER BY a.id;
    RETURN NULL;
END $$;
CREATE TRIGGER activation_audited AFTER INSERT ON activation REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION audit_activation();

CREATE FUNCTION audit_message() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit (at, kind, actor, incident_id, source, key, content)
    SELECT coalesce(m.sent_at, now()), 'message_' || m.state, 'triage', m.incident_id, 'message', m.key,
        jsonb_build_object('kind', m.kind, 'recipient', m.recipient, 'attempts', m.attempts, 'fault', m.fault,
            'sent_with', m.sent_with)
    FROM changed AS m JOIN before ON before.key = m.key
    WHERE m.state <> before.state AND m.state <> 'waiting' ORDER BY m.key;
    RETURN NULL;
END $$;
CREATE TRIGGER message_audited AFTER UPDATE ON message REFERENCING NEW TABLE AS changed OLD TABLE AS before
    FOR EACH STATEMENT EXECUTE FUNCTION audit_message();

-- Rows that change a few times in their life. The trigger names the column of who did it, and the one that says so
-- when it ended.
CREATE FUNCTION audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    row jsonb := to_jsonb(NEW) - 'digest';
    ended boolean := TG_OP = 'UPDATE';
BEGIN
    INSERT INTO audit (at, kind, actor, incident_id, source, key, content)
    VALUES (
        CASE WHEN ended THEN now() ELSE coalesce((row ->> 'made_at')::timestamptz, now()) END,
        TG_TABLE_NAME || CASE WHEN ended THEN '_changed' ELSE '_made' END,
        coalesce(row ->> CASE WHEN ended THEN TG_ARGV[1] ELSE TG_ARGV[0] END, 'unknown'),
        (row ->> 'incident_id')::uuid, TG_TABLE_NAME, coalesce(row ->> 'id', row ->> 'incident_id'), row
    );
    RETURN NULL;
END $$;
CREATE TRIGGER silence_audited AFTER INSERT ON silence
    FOR EACH ROW EXECUTE FUNCTION audit_change('made_by', 'ended_by');
CREATE TRIGGER silence_end_audited AFTER UPDATE ON silence
    FOR EACH ROW WHEN (OLD.ended_at IS DISTINCT FROM NEW.ended_at) EXECUTE FUNCTION audit_change('made_by', 'ended_by');
CREATE TRIGGER pattern_change_audited AFTER INSERT ON pattern_change
    FOR EACH ROW EXECUTE FUNCTION audit_change('made_by', 'undone_by');
CREATE TRIGGER pattern_change_end_audited AFTER UPDATE ON pattern_change
    FOR EACH ROW WHEN (OLD.undone_at IS DISTINCT FROM NEW.undone_at)
    EXECUTE FUNCTION audit_change('made_by', 'undone_by');
CREATE TRIGGER oncall_override_audited AFTER INSERT ON oncall_override
    FOR EACH ROW EXECUTE FUNCTION audit_change('made_by', 'cancelled_by');
CREATE TRIGGER oncall_override_end_audited AFTER UPDATE ON oncall_override
    FOR EACH ROW WHEN (OLD.cancelled_at IS DISTINCT FROM NEW.cancelled_at)
    EXECUTE FUNCTION audit_change('made_by', 'cancelled_by');
CREATE TRIGGER token_audited AFTER INSERT ON token
    FOR EACH ROW EXECUTE FUNCTION audit_change('owner', 'owner');
CREATE TRIGGER token_end_audited AFTER UPDATE ON token
    FOR EACH ROW WHEN (OLD.revoked_at IS DISTINCT FROM NEW.revoked_at)
    EXECUTE FUNCTION audit_change('owner', 'owner');
