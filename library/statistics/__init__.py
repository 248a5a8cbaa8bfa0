"""The questions asked of plays: totals, series, windows, audience, ranks.

All are answered from the tallies, so they cost the same at a hundred and at ten million plays, and
go on being right when old play events are pruned.
"""
