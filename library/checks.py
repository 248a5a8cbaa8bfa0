"""System checks, for `manage.py check` and every command that runs the checks first."""

from typing import Any

from django.conf import settings
from django.core import checks

from library.models import Clip
from library.models.fields import CLIP_FIELDS


@checks.register(checks.Tags.models)
def check_every_column_is_declared(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """Report columns of Clip without a declaration: form, API and import would ignore them."""
    declared = {field.name for field in CLIP_FIELDS}
    return [
        checks.Error(
            f"Clip.{column.name} is not declared.",
            hint="Add it to CLIP_FIELDS in library/models/fields.py.",
            obj=Clip,
            id="library.E001",
        )
        for column in Clip._meta.concrete_fields
        if column.name not in declared
    ]


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
