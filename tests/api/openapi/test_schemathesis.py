"""Schemathesis sends valid and invalid requests and compares the responses with the description.

It generates single requests and sequences: a clip that it has added is read, changed, played and
deleted. It checks status, type, headers and schema of every response, that valid input is accepted
and invalid input is not. Longer, and with another seed:
SCHEMATHESIS_SEED=2 SCHEMATHESIS_EXAMPLES=100 pytest tests/api/openapi/test_schemathesis.py
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

from harness.origin import Origin, answer
from harness.service import ROOT, Server
from library.api.fields import CANONICAL
from library.licences import LICENCES
from library.models import Clip
from library.models.fields import CLIP_FIELDS
from tests.support.analyses import analysed
from tests.support.editors import bearer, editor

CONFIGURATION = "tests/api/openapi/schemathesis.toml"
# Valid texts of the fields that accept several spellings; each is a format of its own.
TEXTS = {field.name: [field.example] for field in CLIP_FIELDS if field.name in CANONICAL} | {
    "licence": sorted(LICENCES)
}
SEED = os.environ.get("SCHEMATHESIS_SEED", "1")
EXAMPLES = os.environ.get("SCHEMATHESIS_EXAMPLES", "5")  # of each operation


@pytest.mark.timeout(300)
def test_schemathesis_finds_no_failures(server: Server, origin: Origin, mp3: bytes) -> None:
    call_command("loaddata", "clips", verbosity=0)
    for clip in Clip.objects.all():
        analysed(clip, mp3)
    token = bearer(editor())["Authorization"]
    command = [
        *(
            str(Path(sys.executable).with_name("st")),
            "--config-file",
            CONFIGURATION,
        ),
        *("run", f"{server.url}/openapi.json", "--seed", SEED, "--max-examples", EXAMPLES),
        *("--header", f"Authorization: {token}", "--continue-on-failure"),
        *("--no-color", "--generation-database", "none"),
    ]
    run = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ
        | {
            "PYTHONPATH": str(ROOT),
            "SCHEMATHESIS_HOOKS": "tests.api.openapi.schemathesis_hooks",
            "SCHEMATHESIS_TEXTS": json.dumps(TEXTS),
            "SCHEMATHESIS_AUDIO_URL": origin.on("/audio", answer(mp3)),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "Tested: 14" in run.stdout
