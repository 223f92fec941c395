"""History files: an organisation's past incidents as its own systems wrote them, read row by row."""
