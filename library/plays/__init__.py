"""What counts as a play, and recording each exactly once, with its tallies."""
