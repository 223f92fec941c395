"""What programs and people ask of the memory, and change of it: what reads alike, what burns nearby, patterns."""
