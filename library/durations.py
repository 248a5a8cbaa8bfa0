"""Durations as players show them."""


def minutes_and_seconds(duration: float) -> str:
    """Return a duration in seconds as text, such as `3:07`."""
    minutes, seconds = divmod(int(duration + 0.5), 60)
    return f"{minutes}:{seconds:02d}"
