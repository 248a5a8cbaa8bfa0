"""System checks of the settings for `manage.py check --deploy`."""

from typing import Any

from django.conf import settings
from django.core import checks


@checks.register(checks.Tags.security, deploy=True)
def check_writes_are_authenticated(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """Warn if anyone may add clips."""
    if settings.CLIPS_API_WRITES != "open":
        return []
    return [
        checks.Warning(
            "Anyone may add clips, because CLIPS_API_WRITES is 'open'.",
            hint="Set CLIPS_API_WRITES=authenticated. Create tokens for programs with "
            "manage.py api_token create.",
            id="library.W001",
        )
    ]
