"""The cost of metrics and logging per request: `python -m benchmarks.instrumentation`."""
