"""The back office: where editors live.

Importing it registers its pages with Django's admin, as Django's autodiscovery does.
"""

from library.admin import clips, dashboard, people, plays

__all__ = ["clips", "dashboard", "people", "plays"]
