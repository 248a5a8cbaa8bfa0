"""Audio files: the origin client, the audio store, byte ranges and media types.

This package does not import Django.
"""
