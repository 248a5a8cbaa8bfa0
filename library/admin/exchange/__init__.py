"""Clips to and from files: the import and the export of the back office."""
