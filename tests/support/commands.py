"""Management commands in processes of their own."""

import os
import subprocess
import sys

from harness.service import ROOT


def manage(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Start a management command with the site's settings; its output can be read from stdout."""
    return subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "clips_site.settings", **environment},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
