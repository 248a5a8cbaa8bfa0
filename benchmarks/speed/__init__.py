"""Every call of the service next to FastAPI peers: `make bench`."""
