"""What we mean: facts and rules in plain Python, without I/O, clock or third-party package."""
