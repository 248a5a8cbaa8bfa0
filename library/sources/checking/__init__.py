"""Checking the sources of clips: whether each still serves its audio.

A command does it, over and over; what it finds is kept in each clip's `health` and the columns
beside it. Nothing that a listener asks for waits for it.
"""
