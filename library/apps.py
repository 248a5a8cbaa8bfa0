"""The configuration of the app `library`."""

from django.apps import AppConfig


class LibraryConfig(AppConfig):
    """The app of clips, their audio and their plays."""

    name = "library"

    def ready(self) -> None:
        from library import checks  # noqa: F401
