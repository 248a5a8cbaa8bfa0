"""The second factor of staff: codes of an authenticator app (RFC 6238), and codes for its loss.

Whoever has enrolled shows a code in each session, or nothing of the back office opens. A recovery
code is worth one. `CLIPS_TWO_FACTOR` says whether all of the staff must enrol (`required`), may
(`optional`), or are not asked (`off`).
"""

import re
import secrets
from base64 import b32encode
from datetime import timedelta
from enum import Enum
from hashlib import sha256
from math import ceil
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.utils import timezone
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

SHOWN = "second_factor"  # in a session: the id of the authenticator whose code was shown
RECOVERY_CODES = 10
RECOVERY_CODE_BYTES = 10  # 80 bits: so many cannot be guessed, so a quick hash may keep them
OFFERED_FOR = timedelta(minutes=15)

# Of a user in a query: the id of the authenticator that they have enrolled, or null.
AUTHENTICATOR = Subquery(
    TOTPDevice.objects.filter(user=OuterRef("pk"), confirmed=True).order_by("pk").values("pk")[:1]
)


class Step(Enum):
    """What is to be done before the back office opens."""

    SHOW = "show a code"
    ENROL = "enrol an authenticator"


class CodeRefusedError(Exception):
    """A code is wrong, or comes too soon after wrong ones; `seconds` until one is looked at."""

    def __init__(self, looked_at: bool, seconds: int) -> None:
        self.looked_at = looked_at
        self.seconds = seconds
        super().__init__()


def step(user: User | AnonymousUser, session: SessionBase) -> Step | None:
    """What the user's session still lacks; None if it opens what the user may do."""
    if settings.CLIPS_TWO_FACTOR == "off" or not isinstance(user, User):
        return None
    enrolled = authenticator_of(user)
    if enrolled is None:
        return Step.ENROL if settings.CLIPS_TWO_FACTOR == "required" else None
    return None if session.get(SHOWN) == enrolled else Step.SHOW


def authenticator_of(user: User) -> int | None:
    """The id of the authenticator that the user has enrolled."""
    if not hasattr(user, "authenticator"):  # it was not read for a session
        user.authenticator = User.objects.values_list(AUTHENTICATOR, flat=True).get(pk=user.pk)  # type: ignore[attr-defined]
    enrolled: int | None = user.authenticator  # type: ignore[attr-defined]
    return enrolled


def note_shown(user: User, session: SessionBase) -> None:
    """From now on the session opens the back office; under another key, as after any log-in."""
    session.cycle_key()
    session[SHOWN] = authenticator_of(user)


def verify(user: User, code: str) -> None:
    """Return if it is the authenticator's code of now, or a recovery code, which is used up.

    Raises CodeRefusedError. Wrong ones make the next wait: 1 s, then 2, 4, 8 and so on, for the
    authenticator and for recovery codes apart.
    """
    code = re.sub(r"[\s-]", "", code).lower()
    if re.fullmatch(r"[0-9]{6}", code):
        _try(TOTPDevice.objects.filter(user=user, confirmed=True), code)
    else:
        _try(StaticDevice.objects.filter(user=user), _digest(code))


def offer(user: User) -> TOTPDevice:
    """An authenticator that the user may enrol: the same for a while, so a page may come again.

    Later another, for what was shown and never used may have been seen.
    """
    offered = TOTPDevice.objects.filter(user=user, confirmed=False)
    offered.filter(created_at__lt=timezone.now() - OFFERED_FOR).delete()
    return offered.order_by("pk").first() or TOTPDevice.objects.create(
        user=user, name="Authenticator", confirmed=False
    )


def enrol(user: User, code: str) -> list[str]:
    """Enrol the offered authenticator, which has made this code; returns new recovery codes.

    It takes the place of another. Raises CodeRefusedError.
    """
    offered = offer(user)
    _try(TOTPDevice.objects.filter(pk=offered.pk), code)
    with transaction.atomic():
        TOTPDevice.objects.filter(user=user).exclude(pk=offered.pk).delete()
        TOTPDevice.objects.filter(pk=offered.pk).update(confirmed=True)
        codes = renew_recovery_codes(user)
    user.authenticator = offered.pk  # type: ignore[attr-defined]
    return codes


def renew_recovery_codes(user: User) -> list[str]:
    """Ten new codes, which are kept as hashes and told here alone; those before are void."""
    codes = [
        b32encode(secrets.token_bytes(RECOVERY_CODE_BYTES)).decode().lower()
        for _ in range(RECOVERY_CODES)
    ]
    with transaction.atomic():
        StaticDevice.objects.filter(user=user).delete()
        device = StaticDevice.objects.create(user=user, name="Recovery codes")
        StaticToken.objects.bulk_create(
            [StaticToken(device=device, token=_digest(code)) for code in codes]
        )
    return ["-".join(re.findall("....", code)) for code in codes]


def recovery_codes_left(user: User) -> int:
    """How many are not used up."""
    count: int = StaticToken.objects.filter(device__user=user).count()
    return count


def remove(user: User) -> bool:
    """Take away what the user has enrolled; returns whether there was anything."""
    with transaction.atomic():
        removed = TOTPDevice.objects.filter(user=user, confirmed=True).delete()[0]
        TOTPDevice.objects.filter(user=user).delete()
        StaticDevice.objects.filter(user=user).delete()
    user.authenticator = None  # type: ignore[attr-defined]
    return bool(removed)


def _try(devices: Any, code: str) -> None:
    """Return if the device accepts it. Raises CodeRefusedError, after its count is committed."""
    with transaction.atomic():
        device = devices.select_for_update().first()  # one guess after another
        looked_at = device is None or device.verify_is_allowed()[0]
        if device is not None and looked_at and device.verify_token(code):
            return
        _, why = device.verify_is_allowed() if device is not None else (True, None)
    until = why["locked_until"] - timezone.now() if why else timedelta()
    raise CodeRefusedError(looked_at, max(0, ceil(until.total_seconds())))


def _digest(code: str) -> str:
    return b32encode(sha256(code.encode()).digest()).decode()[:16].lower()
