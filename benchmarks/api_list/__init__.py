"""What the list of clips costs: `python -m benchmarks.api_list`."""
