"""Real players and browsers on the service's streams: `make players`."""
