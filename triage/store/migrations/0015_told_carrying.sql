-- How often, of the latest imported incidents, the one before of the same pattern had the same label: what is expected
-- of a person's word before anybody has looked at two incidents of one pattern. One row, or none before an import.
CREATE TABLE told_carrying (
    one_row boolean PRIMARY KEY DEFAULT true CHECK (one_row),
    priority_looks bigint NOT NULL,
    priority_same bigint NOT NULL,
    team_looks bigint NOT NULL,
    team_same bigint NOT NULL
);
