"""What all pages of the back office are made of."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the theme has no types; its class is Django's with another face
    from django.contrib.admin import ModelAdmin as ModelAdmin
else:
    from unfold.admin import ModelAdmin as ModelAdmin
