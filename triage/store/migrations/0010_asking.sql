-- Rules that read a clock are asked again while an incident is open. Null: there is nothing to ask, or it is over.
ALTER TABLE escalation ADD COLUMN ask_at timestamptz;
CREATE INDEX escalation_ask ON escalation (ask_at) WHERE ask_at IS NOT NULL;
UPDATE escalation SET ask_at = now() WHERE state ->> 'phase' IN ('calling', 'acknowledged');
