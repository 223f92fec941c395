-- What people say of an incident once it is over, and what they mean to do about it.

CREATE TABLE incident_review (
    incident_id uuid PRIMARY KEY REFERENCES incident ON DELETE CASCADE,
    summary text NOT NULL DEFAULT '',
    satisfaction smallint CHECK (satisfaction BETWEEN 1 AND 5),
    made_by text NOT NULL,
    made_at timestamptz NOT NULL,
    changed_by text,
    changed_at timestamptz
);

-- ``reminders``: how often somebody was reminded since it was due, each time somebody further up.
CREATE TABLE follow_up (
    id uuid PRIMARY KEY,
    incident_id uuid NOT NULL REFERENCES incident ON DELETE CASCADE,
    what text NOT NULL,
    owner text NOT NULL,
    due_at timestamptz NOT NULL,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL,
    done_by text,
    done_at timestamptz,
    reminders integer NOT NULL DEFAULT 0,
    remind_at timestamptz,
    CHECK ((done_by IS NULL) = (done_at IS NULL))
);
CREATE INDEX follow_up_incident ON follow_up (incident_id);
CREATE INDEX follow_up_due ON follow_up (remind_at) WHERE done_at IS NULL AND remind_at IS NOT NULL;

ALTER TABLE message DROP CONSTRAINT message_kind_check;
ALTER TABLE message ADD CONSTRAINT message_kind_check CHECK (
    kind IN ('page', 'post', 'vendor', 'approval', 'update', 'stand_down', 'alarm', 'reminder', 'summary')
);

CREATE TRIGGER incident_review_audited AFTER INSERT ON incident_review
    FOR EACH ROW EXECUTE FUNCTION audit_change('made_by', 'changed_by');
CREATE TRIGGER incident_review_change_audited AFTER UPDATE ON incident_review
    FOR EACH ROW EXECUTE FUNCTION audit_change('made_by', 'changed_by');
CREATE TRIGGER follow_up_audited AFTER INSERT ON follow_up
    FOR EACH ROW EXECUTE FUNCTION audit_change('made_by', 'done_by');
CREATE TRIGGER follow_up_end_audited AFTER UPDATE ON follow_up
    FOR EACH ROW WHEN (OLD.done_at IS DISTINCT FROM NEW.done_at) EXECUTE FUNCTION audit_change('made_by', 'done_by');
