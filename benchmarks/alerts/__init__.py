"""Each alert provoked for real: `make alerts-proof`."""
