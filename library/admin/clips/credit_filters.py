"""The filters of the list by creator, licence and what the licence permits."""

from django.db.models import Q, Value
from django.db.models.functions import Lower

from library.admin.clips.filters import ChoiceFilter, Clips, WordFilter
from library.licences import FAMILIES, licence_choices, licences_that_allow
from library.text import composed


class CreatorFilter(WordFilter):
    """Clips of a creator, regardless of case; it uses the index on the lower-case creator."""

    title = parameter_name = words = "creator"

    def with_word(self, queryset: Clips, value: str) -> Clips:
        creator = Lower(Value(composed(value)))
        return queryset.alias(lower_creator=Lower("creator")).filter(lower_creator=creator)


class LicenceFilter(ChoiceFilter):
    """Clips under a licence, under any of its versions, or without a licence."""

    title = parameter_name = "licence"
    CHOICES = (
        {"none": ("None", Q(licence=None))}
        | {
            family: (f"{family.replace('-', ' ', 1)}, any version", Q(licence__in=names))
            for family, names in FAMILIES.items()
            if len(names) > 1
        }
        | {name: (title, Q(licence=name)) for name, title in licence_choices()}
    )


class CommercialUseFilter(ChoiceFilter):
    """Clips whose licence permits commercial use, or does not."""

    title = "commercial use"
    parameter_name = "commercial_use"
    CHOICES = {
        "true": ("Permitted", Q(licence__in=licences_that_allow(commercial_use=True))),
        "false": ("Not permitted", Q(licence__in=licences_that_allow(commercial_use=False))),
    }


class DerivativesFilter(ChoiceFilter):
    """Clips whose licence permits sharing changed versions, or does not."""

    title = parameter_name = "derivatives"
    CHOICES = {
        "true": ("Permitted", Q(licence__in=licences_that_allow(derivatives=True))),
        "false": ("Not permitted", Q(licence__in=licences_that_allow(derivatives=False))),
    }
