"""Plays: which requests count, recording each exactly once with its tallies, and recounting."""
