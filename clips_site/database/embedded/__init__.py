"""PostgreSQL in the project folder, started by the first connection."""
