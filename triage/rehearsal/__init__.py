"""Rehearsal: policies checked, simulated and tested on a history, with the rules and the machine that will run
them."""
