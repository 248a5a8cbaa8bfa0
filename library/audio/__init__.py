"""Audio files: the origin client, the store, byte ranges, media types. Independent of Django."""
