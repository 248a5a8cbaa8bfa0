"""Query parameters of filters."""

import re
from typing import Any

from rest_framework import serializers

MOST_IDS = 500
ID_LIST = f"[0-9]{{1,18}}( *, *[0-9]{{1,18}}){{0,{MOST_IDS - 1}}}"


class IdsParameter(serializers.CharField):
    """Ids of clips, separated by commas, returned in ascending order without duplicates."""

    def to_internal_value(self, data: Any) -> Any:
        text = super().to_internal_value(data)
        if text.count(",") >= MOST_IDS:
            raise serializers.ValidationError(f"At most {MOST_IDS} ids. Send several requests.")
        if not re.fullmatch(ID_LIST, text, re.ASCII):
            raise serializers.ValidationError("Must be ids separated by commas, such as 1,2,3.")
        return sorted({int(number) for number in text.split(",")})
