"""The cost of the list of clips: `python -m benchmarks.api_list`."""
