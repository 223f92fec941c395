-- Finding what mended something before, by words of the incident or of how it was resolved. Partial: most incidents
-- say nothing of it, and one that is still open is written often.
CREATE INDEX incident_resolution ON incident
    USING gin (to_tsvector('simple', title || ' ' || resolution)) WHERE resolution <> '';

-- Known fixes are few, so that their words need no index, which every occurrence of their pattern would write.
CREATE INDEX pattern_fixed ON pattern (id) WHERE known_fix IS NOT NULL;
