"""Links from templates to lists of clips."""

from django import template

from library.pages.choices import url_of

register = template.Library()


@register.simple_tag
def list_url(**filters: str) -> str:
    """Return the path of the list with these filters: `{% list_url genre=clip.genre %}`."""
    return url_of(list(filters.items()))
