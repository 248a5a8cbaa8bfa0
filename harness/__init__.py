"""The running service and the programs around it, shared by tests, benchmarks and screenshots.

- `service.Server` starts the service under gunicorn on an existing database, such as the tests'.
- `installation.Installation` prepares a new service with its data in a folder, then starts it.
- `postgres.Postgres` starts a PostgreSQL server that can be stopped, paused and started again.
- `origin.Origin` serves audio: good, slow, failing, or whatever bytes a test sends.
- `client` adds clips and logs in; `traffic.Traffic` keeps a service busy.
- `chromium`, `nginx` and `prometheus` start those programs; `waiting.until` polls a condition.
"""
