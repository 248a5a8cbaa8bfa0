"""The programs start from a shell, which has no settings of Django."""

import os
import subprocess
import sys

import pytest

from harness.service import ROOT

PROGRAMS = ("alerts", "instrumentation", "pages", "players", "plays", "scale", "scrapes", "speed")


@pytest.mark.processes
def test_programs_need_no_settings() -> None:
    code = f"for name in {PROGRAMS}: __import__(f'benchmarks.{{name}}.__main__')"
    environment = {key: os.environ[key] for key in os.environ if key != "DJANGO_SETTINGS_MODULE"}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True)
