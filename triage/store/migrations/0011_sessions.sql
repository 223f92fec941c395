-- Who is signed in at the console. `digest` is of the cookie, which is kept nowhere; `token_digest` of the token that
-- opened it, whose end ends the session too.
CREATE TABLE session (
    digest bytea PRIMARY KEY,
    token_digest bytea NOT NULL,
    owner text NOT NULL,
    made_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    ended_at timestamptz
);
CREATE INDEX session_ending ON session (ends_at);

CREATE FUNCTION audit_session() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit (at, kind, actor, source, key, content)
    VALUES (
        CASE WHEN TG_OP = 'UPDATE' THEN NEW.ended_at ELSE NEW.made_at END,
        CASE WHEN TG_OP = 'UPDATE' THEN 'signed_out' ELSE 'signed_in' END,
        regexp_replace(NEW.owner, '^person:', ''), 'session', encode(substring(sha256(NEW.digest) FOR 8), 'hex'),
        jsonb_build_object('owner', NEW.owner, 'ends_at', NEW.ends_at)
    );
    RETURN NULL;
END $$;
CREATE TRIGGER session_audited AFTER INSERT ON session FOR EACH ROW EXECUTE FUNCTION audit_session();
CREATE TRIGGER session_end_audited AFTER UPDATE ON session
    FOR EACH ROW WHEN (OLD.ended_at IS DISTINCT FROM NEW.ended_at) EXECUTE FUNCTION audit_session();

-- What is open, the most urgent first; and lists by priority, source and whoever took it.
CREATE INDEX incident_open_urgency ON incident (priority, opened_at DESC, id DESC) WHERE state <> 'resolved';
CREATE INDEX incident_priority ON incident (priority, opened_at DESC, id DESC);
CREATE INDEX incident_taken ON incident (acknowledged_by, opened_at DESC) WHERE acknowledged_by IS NOT NULL;
CREATE INDEX message_paged ON message (recipient, made_at DESC) WHERE kind = 'page';
