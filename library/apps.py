"""The app `library`: clips, their audio, their plays."""

from django.apps import AppConfig


class LibraryConfig(AppConfig):
    """Clips and plays."""

    name = "library"

    def ready(self) -> None:
        """Register the checks."""
        from library import checks  # noqa: F401
