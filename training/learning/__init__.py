"""From labelled rows to a calibrated head with thresholds and guarantees."""
