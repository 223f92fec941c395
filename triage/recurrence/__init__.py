"""What we remember: fingerprint, template, similarity and the statistics of a pattern."""
