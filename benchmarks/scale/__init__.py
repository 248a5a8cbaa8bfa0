"""How response times grow from a hundred to ten million plays: `make bench-scale`."""
