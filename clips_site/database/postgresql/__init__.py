"""PostgreSQL with metrics, deadlines, and connections that survive a restart of the server."""
