"""Each alert provoked by a real fault: `make alerts-proof`."""
