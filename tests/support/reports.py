"""Reports of clips, as the public sends them and as the database has them."""

from typing import Any

from django.test import Client

from library.models import Clip, Report

RIGHTS = {
    "reason": "rights",
    "details": "It is “Rain”, and it is mine.",
    "contact": "a@example.com",
}


def send_report(client: Client, clip: Clip, **fields: str) -> Any:
    """Send the form; by default the reason is spam."""
    return client.post(f"/clips/{clip.pk}/report", {"reason": "spam", **fields})


def make_report(clip: Clip, reason: str = "spam", **text: str) -> Report:
    """Store a report, as the form does."""
    report = Report.objects.receive(clip.pk, reason, **text)  # type: ignore[arg-type]
    assert report is not None
    return Report.objects.get(pk=report.pk)
