-- A challenger: a bundle that says what it would have decided, beside the one in force, and whom nobody follows. Which
-- one it is, is a pointer as the others are.
ALTER TABLE active DROP CONSTRAINT active_kind_check,
    ADD CONSTRAINT active_kind_check CHECK (kind IN ('bundle', 'catalogue', 'policy', 'challenger'));
ALTER TABLE activation DROP CONSTRAINT activation_kind_check,
    ADD CONSTRAINT activation_kind_check CHECK (kind IN ('bundle', 'catalogue', 'policy', 'challenger'));

-- `incumbent`: the bundle of the decision that opened the incident, which is what the answer is held against.
CREATE TABLE challenger_answer (
    bundle text NOT NULL,
    incident_id uuid NOT NULL REFERENCES incident ON DELETE CASCADE,
    incumbent text NOT NULL,
    opened_at timestamptz NOT NULL,
    priority text NOT NULL,
    team text NOT NULL,
    acts_priority boolean NOT NULL,
    acts_team boolean NOT NULL,
    PRIMARY KEY (bundle, incident_id)
);
CREATE INDEX challenger_answer_latest ON challenger_answer (bundle, opened_at);
CREATE INDEX challenger_answer_incident ON challenger_answer (incident_id);
