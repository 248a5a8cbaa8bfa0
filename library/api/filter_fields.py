"""Query parameters of filters: names, licences, times and ids."""

import re
from datetime import UTC, datetime, time
from typing import Any

from rest_framework import serializers

from library.licences import UnknownLicenceError, find_licences
from library.moments import MOMENT, parse_moment
from library.text import composed

MOST_IDS = 300  # of seven digits, with their commas as %2C, fit into a request target
MAX_REPEATED = 20
ID_LIST = f"[0-9]{{1,18}}( *, *[0-9]{{1,18}}){{0,{MOST_IDS - 1}}}"


class NamesParameter(serializers.ListField):
    """Names, one of which a clip must have: genres, or creators."""

    def __init__(self, noun: str, max_length: int, **options: Any) -> None:
        super().__init__(
            child=serializers.CharField(max_length=max_length),
            required=False,
            max_length=MAX_REPEATED,
            **options,
        )
        self._sentence = f"A {noun} must have 1 to {max_length} characters and no NUL."

    def to_internal_value(self, data: Any) -> list[str]:
        try:
            return [composed(name) for name in super().to_internal_value(data)]
        except serializers.ValidationError:
            raise serializers.ValidationError(self._sentence) from None


class LicencesParameter(serializers.ListField):
    """Licences or families of them, returned as SPDX identifiers without duplicates."""

    child = serializers.CharField()

    def to_internal_value(self, data: Any) -> list[str]:
        try:
            found = [find_licences(text) for text in data]
        except UnknownLicenceError as error:
            raise serializers.ValidationError(str(error)) from None
        return sorted({name for names in found for name in names})


class IdsParameter(serializers.CharField):
    """Ids of clips, separated by commas, returned in ascending order without duplicates."""

    def to_internal_value(self, data: Any) -> Any:
        text = super().to_internal_value(data)
        if text.count(",") >= MOST_IDS:
            raise serializers.ValidationError(f"At most {MOST_IDS} ids. Send several requests.")
        if not re.fullmatch(ID_LIST, text, re.ASCII):
            raise serializers.ValidationError("Must be ids separated by commas, such as 1,2,3.")
        return sorted({int(number) for number in text.split(",")})


class MomentParameter(serializers.CharField):
    """A date, which is its start in UTC, or an RFC 3339 date-time; UTC if it has no offset."""

    def to_internal_value(self, data: Any) -> Any:
        text = super().to_internal_value(data)
        try:
            found = parse_moment(text)
            if not isinstance(found, datetime):
                found = datetime.combine(found, time.min)
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            raise serializers.ValidationError(f"Must be {MOMENT}.") from None
