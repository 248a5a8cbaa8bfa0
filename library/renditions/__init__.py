"""Renditions of a clip's audio: which exist, how each is made, stored, published and deleted."""
