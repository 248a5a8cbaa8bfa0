"""Health checks and metrics: workers' instruments, totals in PostgreSQL, the audio store.

The metrics process imports this package. To stay small, it has Django's settings but no models or
apps.
"""
