"""Check whether the origins of clips still serve their audio.

The command `check_sources` runs the checks and stores the results in `Clip.health` and the columns
beside it. No listener waits for a check.
"""
