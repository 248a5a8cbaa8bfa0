"""What metrics and logging cost a request: `python -m benchmarks.instrumentation`."""
