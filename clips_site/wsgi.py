"""The WSGI application that gunicorn serves."""

import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clips_site.settings")

application = get_wsgi_application()

# Django would import the URLs with the first request. Its listener would wait, and until then
# Prometheus would miss the series that start at 0.
import_module(settings.ROOT_URLCONF)
