"""The WSGI application that gunicorn serves."""

import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clips_site.settings")

application = get_wsgi_application()

# Django does this with the first request: its listener would wait, and until then Prometheus would
# see nothing of the series that are to read 0 from the start.
import_module(settings.ROOT_URLCONF)
