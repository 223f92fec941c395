"""How bundles are made: an organisation's history in, a verified artefact out."""
