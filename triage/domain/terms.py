"""What the words of a text are stored as: numbers, under the version of the road from text to numbers."""

LEXICAL_VERSION = "lx1"
"""Terms of another version cannot be compared with these."""

TERMS = 1_000_000_000
"""Terms are numbers in [1, TERMS], the dimensions of PostgreSQL's ``sparsevec`` at most."""
