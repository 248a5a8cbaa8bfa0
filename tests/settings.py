"""The settings of the site for tests, which keep their files apart from `make run`."""

import os
from pathlib import Path

# Tests run in several processes. Each has its own database and folder; they share static files.
LOCAL = Path(__file__).parent.parent / ".local" / os.environ.get("PYTEST_XDIST_WORKER", "test")
os.environ["CLIPS_LOCAL_DIR"] = str(LOCAL)
os.environ["CLIPS_STATIC_ROOT"] = str(LOCAL.with_name("test") / "static")
os.environ.setdefault("DJANGO_ALLOWED_HOSTS", "localhost,127.0.0.1,testserver")
os.environ["CLIPS_ORIGIN_ALLOW"] = "127.0.0.1,localhost"  # the origins of the tests
os.environ["CLIPS_ORIGIN_CONNECT_TIMEOUT"] = "1"
os.environ["CLIPS_ORIGIN_READ_TIMEOUT"] = "2"
os.environ["CLIPS_ORIGIN_TOTAL_TIMEOUT"] = "4"
os.environ["CLIPS_ORIGIN_FAILURE_SECONDS"] = "0.05"
os.environ["CLIPS_THROTTLE"] = "off"  # except in its own tests

from clips_site.settings import *  # noqa: E402, F403

# Without this, the client of each test lists all static files, which takes longer than most tests.
WHITENOISE_AUTOREFRESH = True
PASSWORD_HASHERS = ["tests.support.hashers.CheapScrypt"]
