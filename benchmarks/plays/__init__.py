"""How fast plays are recorded: `python -m benchmarks.plays`."""
