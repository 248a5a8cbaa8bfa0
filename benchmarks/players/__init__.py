"""Real players against the real service: `make players`."""
