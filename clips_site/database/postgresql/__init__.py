"""PostgreSQL with metrics, and with a pool that recovers when the server is restarted."""
