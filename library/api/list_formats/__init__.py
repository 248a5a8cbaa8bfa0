"""The formats of the list besides JSON: playlists, feeds and tables."""
