"""How we guess: text and metadata in, a calibrated suggestion or an abstention out."""
