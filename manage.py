#!/usr/bin/env python
"""Django's command line for Clips Service."""

import os
import sys

from django.core.management import execute_from_command_line

from clips_site.environment import InvalidSettingsError
from clips_site.server.logs.formatting import log_uncaught

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clips_site.settings")
    log_uncaught()
    try:
        execute_from_command_line(sys.argv)
    except InvalidSettingsError as error:
        sys.exit(str(error))
