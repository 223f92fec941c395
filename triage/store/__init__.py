"""PostgreSQL: tables, queries, migrations, the embedded server, and the spool for when it is away."""
