"""What Prometheus is told: the instruments of all processes, what PostgreSQL counts, the store.

It needs Django's settings, but no model and no app: the metrics process stays small.
"""
