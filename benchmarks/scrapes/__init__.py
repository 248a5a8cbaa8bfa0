"""How long scrapes take: `python -m benchmarks.scrapes`."""
