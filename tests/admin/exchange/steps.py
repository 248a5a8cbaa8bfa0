"""The steps of an import, and the content of its preview."""

import re
from html import unescape

from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

IMPORT = "/admin/library/clip/import/"
PROCESS = "/admin/library/clip/process_import/"


def _words(html: str) -> str:
    """Return the text of HTML."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


def person(name: str, *permissions: str) -> User:
    """Make a staff member with these permissions and without a password."""
    user = User.objects.create(username=name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


class Preview:
    """The preview of an import."""

    def __init__(self, client: Client, url: str) -> None:
        self._client = client
        self.url = url
        page = client.get(url).text
        _, _, content = page.partition('<div class="exchange">')
        self.text = _words(re.sub(r"</?(code|b)>", "", content))
        self.fields = dict(
            re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', content)
        )
        tabs = re.search(r"exchange-tabs.*?</nav>", content, re.DOTALL)
        labels = re.findall(r"<a [^>]*>([^<]*) <b>(\d+)", tabs[0]) if tabs else []
        self.counts = {label: int(count) for label, count in labels}
        self.rows = [_words(row) for row in re.findall(r"<li>(.*?)</li>", content, re.DOTALL)]
        self.may_be_confirmed = "Import:" in self.text

    def confirm(self, **more: str) -> str:
        """Press the button, and return the text of the next page."""
        answer = self._client.post(PROCESS, {**self.fields, **more})
        self.next = answer["Location"]
        return _words(self._client.get(self.next).text)

    def again(self) -> "Preview":
        """Return the preview shown after a confirmation that imported nothing."""
        return Preview(self._client, self.next)


class Importing:
    """The pages of the import."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def choose(self, text: str | bytes, name: str = "clips.csv", state: str = "draft") -> Preview:
        """Choose a file, and return its preview."""
        data = text.encode() if isinstance(text, str) else text
        form = {"file": SimpleUploadedFile(name, data), "state": state}
        answer = self.client.post(IMPORT, form)
        assert answer.status_code == 302, _words(answer.text)
        return self.look(answer["Location"])

    def look(self, url: str) -> Preview:
        """Return a page of a preview."""
        return Preview(self.client, url)
