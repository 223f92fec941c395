"""One file per wire format: payload and headers in, a list of ``Incident`` events out."""
