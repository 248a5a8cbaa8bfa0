"""The second factor of staff: codes of an authenticator app (RFC 6238), and recovery codes.

Users who have enrolled must enter a code in each session before the back office opens. A recovery
code can take its place once. `CLIPS_TWO_FACTOR` decides whether staff must enrol (`required`), can
enrol (`optional`), or can't (`off`).
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

VERIFIED = "second_factor"  # in a session: the id of the authenticator that was used
RECOVERY_CODES = 10
RECOVERY_CODE_BYTES = 10  # 80 bits: too many to guess, so a fast hash is enough
OFFERED_FOR = timedelta(minutes=15)

# In a query of users: the id of the enrolled authenticator, or null.
AUTHENTICATOR = Subquery(
    TOTPDevice.objects.filter(user=OuterRef("pk"), confirmed=True).order_by("pk").values("pk")[:1]
)


class Step(Enum):
    """A step that a session lacks before the back office opens."""

    SHOW = "show a code"
    ENROL = "enrol an authenticator"


class CodeRefusedError(Exception):
    """A code is wrong or follows wrong ones too soon; wait `seconds` before the next attempt."""

    def __init__(self, checked: bool, seconds: int) -> None:
        self.checked = checked
        self.seconds = seconds
        super().__init__()


def step(user: User | AnonymousUser, session: SessionBase) -> Step | None:
    """Return the step that the session still lacks, or None if it is complete."""
    if settings.CLIPS_TWO_FACTOR == "off" or not isinstance(user, User):
        return None
    enrolled = authenticator_of(user)
    if enrolled is None:
        return Step.ENROL if settings.CLIPS_TWO_FACTOR == "required" else None
    return None if session.get(VERIFIED) == enrolled else Step.SHOW


def authenticator_of(user: User) -> int | None:
    """Return the id of the user's enrolled authenticator."""
    if not hasattr(user, "authenticator"):  # the backend did not read the user
        user.authenticator = User.objects.values_list(AUTHENTICATOR, flat=True).get(pk=user.pk)  # type: ignore[attr-defined]
    enrolled: int | None = user.authenticator  # type: ignore[attr-defined]
    return enrolled


def mark_verified(user: User, session: SessionBase) -> None:
    """Mark the session as verified, and change its key as after any log-in."""
    session.cycle_key()
    session[VERIFIED] = authenticator_of(user)


def verify(user: User, code: str) -> None:
    """Accept the authenticator's current code, or a recovery code, which is then used up.

    Raises CodeRefusedError. After wrong codes the next attempt must wait for 1 s, then 2, 4, 8 and
    so on, separately for the authenticator and for recovery codes.
    """
    code = re.sub(r"[\s-]", "", code).lower()
    if re.fullmatch(r"[0-9]{6}", code):
        _try(TOTPDevice.objects.filter(user=user, confirmed=True), code)
    else:
        _try(StaticDevice.objects.filter(user=user), _digest(code))


def offer(user: User) -> TOTPDevice:
    """Return an authenticator to enrol. It stays the same for a while, so pages can be reloaded.

    Later calls return a new one, because a secret that was shown but not used may have been seen.
    """
    offered = TOTPDevice.objects.filter(user=user, confirmed=False)
    offered.filter(created_at__lt=timezone.now() - OFFERED_FOR).delete()
    return offered.order_by("pk").first() or TOTPDevice.objects.create(
        user=user, name="Authenticator", confirmed=False
    )


def enrol(user: User, code: str) -> list[str]:
    """Enrol the offered authenticator with its code, and return new recovery codes.

    It replaces the current authenticator. Raises CodeRefusedError.
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
    """Replace the recovery codes and return ten new ones. Only their hashes are stored."""
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
    """Return the number of unused recovery codes."""
    count: int = StaticToken.objects.filter(device__user=user).count()
    return count


def remove(user: User) -> bool:
    """Remove the user's authenticator and recovery codes; return whether there was one."""
    with transaction.atomic():
        removed = TOTPDevice.objects.filter(user=user, confirmed=True).delete()[0]
        TOTPDevice.objects.filter(user=user).delete()
        StaticDevice.objects.filter(user=user).delete()
    user.authenticator = None  # type: ignore[attr-defined]
    return bool(removed)


def _try(devices: Any, code: str) -> None:
    """Verify the code. Raises CodeRefusedError once the failure is counted and committed."""
    with transaction.atomic():
        device = devices.select_for_update().first()  # guesses are checked one after another
        checked = device is None or device.verify_is_allowed()[0]
        if device is not None and checked and device.verify_token(code):
            return
        _, why = device.verify_is_allowed() if device is not None else (True, None)
    until = why["locked_until"] - timezone.now() if why else timedelta()
    raise CodeRefusedError(checked, max(0, ceil(until.total_seconds())))


def _digest(code: str) -> str:
    return b32encode(sha256(code.encode()).digest()).decode()[:16].lower()
