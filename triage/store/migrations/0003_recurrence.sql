-- Recurrence: families of patterns and what people changed of them, counts that do not grow with what is counted,
-- words to search by, silences, storms, and incidents of the time before.

-- Where a pattern counts: itself, or the pattern that a person merged it into. What was written under a merged
-- pattern stays there, so that a merge is undone by one pointer.
ALTER TABLE pattern
    ADD COLUMN root uuid REFERENCES pattern,
    ADD COLUMN name text,
    ADD COLUMN known_fix text,
    ADD COLUMN known_fix_by text,
    ADD COLUMN known_fix_at timestamptz;
UPDATE pattern SET root = id;
ALTER TABLE pattern ALTER COLUMN root SET NOT NULL;
CREATE INDEX pattern_family ON pattern (root);
CREATE INDEX pattern_merged ON pattern (root) WHERE root <> id;
CREATE INDEX pattern_latest ON pattern (last_seen_at DESC, id DESC) WHERE root = id;
CREATE INDEX pattern_most ON pattern (occurrences DESC, id DESC) WHERE root = id;

-- A template under which a person found different problems recognises nothing by itself any more.
ALTER TABLE pattern_key ADD COLUMN refused boolean NOT NULL DEFAULT false;
CREATE INDEX pattern_key_pattern ON pattern_key (pattern_id);

-- Texts of one template that belong to another pattern since a person split it: those with all of these words.
CREATE TABLE pattern_split (
    template_key text NOT NULL,
    words text[] NOT NULL,
    pattern_id uuid NOT NULL REFERENCES pattern,
    PRIMARY KEY (template_key, words)
);

-- Two patterns that a person told apart; the smaller identifier first.
CREATE TABLE pattern_difference (
    one uuid NOT NULL REFERENCES pattern,
    other uuid NOT NULL REFERENCES pattern,
    change_id bigint NOT NULL,
    PRIMARY KEY (one, other),
    CHECK (one < other)
);
CREATE INDEX pattern_difference_other ON pattern_difference (other);

-- What people did to patterns, for ever. ``detail`` holds what undoing it needs.
CREATE TABLE pattern_change (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('merge', 'split', 'difference', 'name', 'known_fix')),
    pattern_id uuid NOT NULL REFERENCES pattern,
    other_id uuid REFERENCES pattern,
    detail jsonb NOT NULL DEFAULT '{}',
    reason text NOT NULL DEFAULT '',
    made_by text NOT NULL,
    made_at timestamptz NOT NULL,
    undone_by text,
    undone_at timestamptz
);
CREATE INDEX pattern_change_pattern ON pattern_change (pattern_id, id DESC);
CREATE INDEX pattern_change_other ON pattern_change (other_id, id DESC) WHERE other_id IS NOT NULL;

-- How often a pattern occurred in each five minutes, so that a million occurrences are counted without reading them.
CREATE TABLE pattern_beat (
    pattern_id uuid NOT NULL,
    at timestamptz NOT NULL,
    occurrences integer NOT NULL,
    PRIMARY KEY (pattern_id, at)
);
INSERT INTO pattern_beat (pattern_id, at, occurrences)
    SELECT pattern_id, date_bin('5 minutes', occurred_at, 'epoch'), count(*) FROM occurrence GROUP BY 1, 2;

-- Alerts of a pattern that tell nobody for a while, if they are no more urgent than ``priority``.
CREATE TABLE silence (
    id uuid PRIMARY KEY,
    pattern_id uuid NOT NULL REFERENCES pattern,
    priority text NOT NULL CHECK (priority IN ('P1', 'P2', 'P3', 'P4', 'P5')),
    reason text NOT NULL CHECK (reason <> ''),
    made_by text NOT NULL,
    made_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL CHECK (ends_at > made_at),
    ended_by text,
    ended_at timestamptz,
    suppressed bigint NOT NULL DEFAULT 0,
    suppressed_at timestamptz
);
CREATE INDEX silence_pattern ON silence (pattern_id, ends_at DESC) WHERE ended_at IS NULL;
CREATE INDEX silence_newest ON silence (made_at DESC);

-- Incidents of one storm: each of them names the first one.
ALTER TABLE incident ADD COLUMN parent_id uuid REFERENCES incident;
CREATE INDEX incident_children ON incident (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX incident_open_service ON incident (service, opened_at DESC) WHERE state <> 'resolved';

-- Further texts that a source gave an open incident under its key; it keeps the one that it opened with.
CREATE TABLE incident_wording (
    incident_id uuid NOT NULL REFERENCES incident ON DELETE CASCADE,
    text_key bytea NOT NULL,
    title text NOT NULL,
    description text NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (incident_id, text_key)
);
CREATE INDEX incident_wording_text ON incident_wording (text_key);

-- Incidents of a history were decided by somebody else. ``history_id`` is theirs; labels are in their own words.
ALTER TABLE incident ALTER COLUMN decision_id DROP NOT NULL;
CREATE TABLE imported (
    incident_id uuid PRIMARY KEY REFERENCES incident ON DELETE CASCADE,
    history_id text NOT NULL,
    priority text,
    team text,
    label_source text,
    duplicate_of text,
    imported_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX imported_duplicate ON imported (duplicate_of) WHERE duplicate_of IS NOT NULL;
CREATE INDEX imported_history ON imported (history_id);

-- By which words a text is found: one row per distinct text, under the version of what a word is.
CREATE TABLE text_terms (
    version text NOT NULL,
    text_key bytea NOT NULL,
    terms integer[] NOT NULL,
    weights sparsevec NOT NULL,
    PRIMARY KEY (version, text_key)
) WITH (toast_tuple_target = 8160);
-- A search reads hundreds of rows: what lies in the row is read ten times as fast as what is kept beside it.
ALTER TABLE text_terms ALTER COLUMN terms SET STORAGE MAIN, ALTER COLUMN weights SET STORAGE MAIN;
-- Without a list of pending entries, which every search would have to read through.
CREATE INDEX text_terms_terms ON text_terms USING gin (terms) WITH (fastupdate = off);

-- In how many texts a word stands, as of the last count; one that is not there is rarer than any. Word 0 counts the
-- texts.
CREATE TABLE term (
    version text NOT NULL,
    term integer NOT NULL,
    texts integer NOT NULL,
    PRIMARY KEY (version, term)
);

-- How likeness is weighed and from where on it is said, for texts of one encoder; the newest row is in force.
CREATE TABLE likeness (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    encoder text NOT NULL,
    weights jsonb NOT NULL,
    threshold double precision NOT NULL CHECK (threshold BETWEEN 0 AND 1),
    measured jsonb NOT NULL DEFAULT '{}',
    reason text NOT NULL DEFAULT '',
    made_by text NOT NULL,
    made_at timestamptz NOT NULL
);
CREATE INDEX likeness_newest ON likeness (encoder, id DESC);

-- With which encoder's embeddings the memory is searched, and a bundle that has it. After a promotion of another
-- encoder this stays what it was until every remembered text is embedded anew.
CREATE TABLE memory_encoder (
    one_row boolean PRIMARY KEY DEFAULT true CHECK (one_row),
    encoder text NOT NULL,
    bundle text NOT NULL,
    switched_at timestamptz NOT NULL DEFAULT now()
);
