-- What a person's look at an incident is worth, as its first decision says, and who looks at it now. `draw` is a
-- number in [0, 1) that its id gives, which has nothing to do with what anybody thinks of it: those below the rate
-- that is set are the sample. `suggested_*`: what the machine said first, which is judged; `acts`: whether it was
-- sure enough to act alone. `worth` follows from what a look `saves` and how much is `remaining` of it after words on
-- its pattern. Each pattern has one item that leads: the queue is made of these, so that a storm of one pattern hides
-- no other, and their worth alone is kept up. `why`: as what it was taken.
CREATE TABLE review_item (
    incident_id uuid PRIMARY KEY REFERENCES incident ON DELETE CASCADE,
    pattern_id uuid NOT NULL,
    decision_id uuid NOT NULL,
    opened_at timestamptz NOT NULL,
    worth real NOT NULL,
    lead boolean NOT NULL DEFAULT true,
    saves real NOT NULL,
    remaining real NOT NULL,
    reasons jsonb NOT NULL,
    draw real NOT NULL,
    suggested_priority text NOT NULL,
    suggested_team text NOT NULL,
    acts_priority boolean NOT NULL,
    acts_team boolean NOT NULL,
    taken_by text,
    taken_until timestamptz,
    why text,
    skipped text[] NOT NULL DEFAULT '{}',
    done_at timestamptz,
    done_by text,
    second_at timestamptz
);
CREATE INDEX review_item_worth ON review_item (worth DESC, opened_at DESC) WHERE done_at IS NULL AND lead;
CREATE INDEX review_item_saves ON review_item (saves DESC) WHERE done_at IS NULL;
CREATE INDEX review_item_sample ON review_item (draw) WHERE done_at IS NULL AND draw < 0.2;
CREATE INDEX review_item_counted ON review_item (opened_at) INCLUDE (acts_team, acts_priority);
CREATE INDEX review_item_said ON review_item (opened_at) WHERE done_at IS NOT NULL;
CREATE INDEX review_item_drawn ON review_item (opened_at) WHERE draw < 0.2;
CREATE INDEX review_item_pattern ON review_item (pattern_id, saves DESC, opened_at DESC) WHERE done_at IS NULL;
CREATE INDEX review_item_lead ON review_item (pattern_id) WHERE done_at IS NULL AND lead;
CREATE INDEX review_item_taken ON review_item (taken_by) WHERE taken_by IS NOT NULL;
CREATE INDEX review_item_second ON review_item (done_at) WHERE done_at IS NOT NULL AND second_at IS NULL;

-- One reviewer's word on what the machine said of one incident. `carried_*`: whether the word before it on the
-- pattern, of another incident, was the same; null where there was none, and for an answer in bulk.
CREATE TABLE assessment (
    id uuid PRIMARY KEY,
    incident_id uuid NOT NULL REFERENCES incident ON DELETE CASCADE,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL,
    priority text NOT NULL,
    team text NOT NULL,
    reason text NOT NULL DEFAULT '',
    second boolean NOT NULL DEFAULT false,
    override_id bigint,
    carried_priority boolean,
    carried_team boolean,
    settles boolean NOT NULL DEFAULT false,
    undone_by text,
    undone_at timestamptz
);
CREATE INDEX assessment_incident ON assessment (incident_id, made_at);
CREATE INDEX assessment_reviewer ON assessment (made_by, made_at DESC);
CREATE INDEX assessment_second ON assessment (made_at) WHERE second;
CREATE INDEX assessment_carried ON assessment (made_at) WHERE carried_team IS NOT NULL AND undone_at IS NULL;
CREATE TRIGGER assessment_audited AFTER INSERT ON assessment
    FOR EACH ROW EXECUTE FUNCTION audit_change('made_by', 'undone_by');
CREATE TRIGGER assessment_undone_audited AFTER UPDATE ON assessment
    FOR EACH ROW WHEN (OLD.undone_at IS DISTINCT FROM NEW.undone_at)
    EXECUTE FUNCTION audit_change('made_by', 'undone_by');

-- A person takes their word back: it is kept, and counts for nothing any more.
ALTER TABLE triage_override ADD COLUMN withdrawn_by text, ADD COLUMN withdrawn_at timestamptz;
