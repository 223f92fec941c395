"""An organisation's past incidents: read, cleaned, and told apart by pattern."""
