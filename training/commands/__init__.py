"""The commands of ``python -m training``: they read options, call one function each, and print."""
