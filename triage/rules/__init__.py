"""How we choose: the catalogue and policy files, their conditions, and the path they lead to."""
