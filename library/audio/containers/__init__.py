"""Audio formats: their types, codecs and durations by the bytes of untrusted files.

Each module knows one family of formats and reads it through `reader.Reader`, which bounds the work.
No module decodes sound or unpacks tags.
"""
