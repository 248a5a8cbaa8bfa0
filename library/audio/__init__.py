"""Where a clip's audio comes from: the guarded origin client, the store, ranges, types.

Nothing in here knows of Django's models or the database.
"""
