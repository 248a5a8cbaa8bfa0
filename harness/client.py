"""Requests to a running service that several benchmarks make."""

import re

import requests


def new_session() -> requests.Session:
    """Return a session that ignores the environment's proxies."""
    session = requests.Session()
    session.trust_env = False
    return session


def add_clip(url: str, title: str, audio_url: str) -> int:
    """Add a clip through the API; return its ID."""
    clip = {"title": title, "genre": "ambient", "duration": 28.5, "audio_url": audio_url}
    with new_session() as session:
        answer = session.post(f"{url}/api/v1/clips", json=clip, timeout=20)
        answer.raise_for_status()
        added: int = answer.json()["id"]
        return added


def log_in(url: str) -> requests.Session:
    """Return a session of the back office, as the first editor (`prepare --first-accounts`)."""
    session = new_session()
    page = session.get(f"{url}/admin/login/", timeout=30).text
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    form = {"username": "editor", "password": "editor", "csrfmiddlewaretoken": token and token[1]}
    session.post(f"{url}/admin/login/?next=/admin/", data=form, timeout=30).raise_for_status()
    return session
