"""Listens: recording the reports of players, and adding up those that have ended."""
