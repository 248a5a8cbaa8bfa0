"""The filters of the list by time, which take what those of the API take."""

from django import forms
from django.contrib.admin.options import IncorrectLookupParameters
from django.http import HttpRequest
from rest_framework.serializers import ValidationError
from unfold.widgets import UnfoldAdminTextInputWidget

from library.admin.clips.filters import Clips, FormFilter
from library.api.filter_fields import MomentParameter


class TimeFilter(FormFilter):
    """A date field. A date is its start in UTC."""

    lookup: str  # of the model's field

    def field(self) -> forms.Field:
        return forms.CharField(
            label=self.title.capitalize(),
            required=False,
            widget=UnfoldAdminTextInputWidget({"type": "date"}),
        )

    def queryset(self, request: HttpRequest, queryset: Clips) -> Clips:
        value = (self.value() or "").strip()
        if not value:
            return queryset
        try:
            moment = MomentParameter().run_validation(value)
        except ValidationError:
            raise IncorrectLookupParameters from None
        return queryset.filter(**{self.lookup: moment})


class CreatedAfterFilter(TimeFilter):
    """Clips that were added on a day or later."""

    title = "added from"
    parameter_name = "created_after"
    lookup = "created_at__gte"


class CreatedBeforeFilter(TimeFilter):
    """Clips that were added before a day."""

    title = "added before"
    parameter_name = "created_before"
    lookup = "created_at__lt"


class UpdatedSinceFilter(TimeFilter):
    """Clips that were changed or added on a day or later."""

    title = "changed from"
    parameter_name = "updated_since"
    lookup = "updated_at__gte"
