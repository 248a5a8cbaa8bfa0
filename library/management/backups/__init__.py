"""Backups of a whole installation in one file: `manage.py backup` and `manage.py restore`."""
