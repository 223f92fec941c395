"""An organisation's past incidents: cleaned, and told apart by pattern."""
