"""The Django project: settings, URLs and middleware of Clips Service, and how it is served."""

__version__ = "1.0.0"
