"""A running service: listening, opened, kept up and watched, and what it does with a payload."""
