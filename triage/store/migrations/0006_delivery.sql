-- Delivery: messages are taken out of the outbox for a while, sent, and marked.

-- ``incident_id`` null: about the service itself. ``held_until``: whoever took it out last is sending it until then;
-- later it may be taken again. ``attempts`` counts the taking out, and says whose result is recorded.
-- ``sent_with``: key of the message that it went out in, being the same.
ALTER TABLE message ALTER COLUMN incident_id DROP NOT NULL;
ALTER TABLE message DROP CONSTRAINT message_kind_check;
ALTER TABLE message ADD CONSTRAINT message_kind_check
    CHECK (kind IN ('page', 'post', 'vendor', 'approval', 'update', 'stand_down', 'alarm'));
ALTER TABLE message ADD COLUMN held_until timestamptz;
ALTER TABLE message ADD COLUMN sent_with text;
CREATE INDEX message_sent ON message (recipient, sent_at) WHERE state = 'sent';
CREATE INDEX message_dead ON message (made_at) WHERE state = 'dead';
CREATE INDEX message_together ON message (sent_with) WHERE sent_with IS NOT NULL;

-- What links in messages are signed with, made by whoever needs it first.
CREATE TABLE secret (
    name text PRIMARY KEY,
    value bytea NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now()
);

-- Links that were used: each works once.
CREATE TABLE used_link (
    digest bytea PRIMARY KEY,
    used_at timestamptz NOT NULL,
    used_by text NOT NULL
);
