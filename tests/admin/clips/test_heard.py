"""What was heard, on the page of a clip."""

from django.test import Client

from tests.support import recipes
from tests.support.listens import Player


def test_page_shows_what_was_heard(admin_client: Client) -> None:
    clip = recipes.make_clip(duration=1000)
    path = f"/admin/library/clip/{clip.pk}/change/"
    assert "no reports" in admin_client.get(path).content.decode()
    player = Player(clip)
    player.report(0)
    player.report(250, "paused", after=250)
    shown = admin_client.get(path).content.decode()
    assert "1 listen · 250 seconds · half of them 25 % or more" in shown
