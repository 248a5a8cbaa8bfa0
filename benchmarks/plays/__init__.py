"""How fast plays are recorded: `make bench-plays`."""
