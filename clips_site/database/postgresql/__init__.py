"""PostgreSQL as Django's database, with a pool that recovers when the server was restarted."""
