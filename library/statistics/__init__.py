"""Statistics of plays: totals, series, windows, audience, ranks.

They are read from the tallies only. So they cost the same at a hundred and at ten million plays,
and stay correct when old play events are pruned.
"""
