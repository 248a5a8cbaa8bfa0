"""Settings, read from the environment and `.env`. An invalid value stops start-up and is named.

docs/configuration.md lists every variable. `environment.py` reads them, and `setting_validators.py`
has their validators.
"""

import os
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import django_stubs_ext
from environs import validate

from clips_site import __version__
from clips_site import setting_validators as valid
from clips_site.back_office import UNFOLD as UNFOLD
from clips_site.environment import Environment
from clips_site.rest_api import *  # noqa: F403
from clips_site.security import *  # noqa: F403

django_stubs_ext.monkeypatch()  # makes `ModelAdmin[Clip]` and similar types valid at run time

VERSION = __version__
BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment(BASE_DIR / ".env")

# Data that this machine keeps between starts: the embedded database, uploads, the audio store.
LOCAL_DIR = env.directory("CLIPS_LOCAL_DIR", BASE_DIR / ".local", create=True).resolve()
STATIC_ROOT = env.directory("CLIPS_STATIC_ROOT", LOCAL_DIR / "static")

POSTGRES_SERVER = env.str("POSTGRES_SERVER", "")
POSTGRES_PORT = env.int("POSTGRES_PORT", 5432, validate=valid.PORT_NUMBER)
POSTGRES_USER = env.str("POSTGRES_USER", "postgres")
POSTGRES_PASSWORD = env.secret("POSTGRES_PASSWORD")
POSTGRES_DB = env.str("POSTGRES_DB", "clips_db", validate=validate.Length(min=1))
# Seconds that PostgreSQL may take for a statement of a request: far more than any needs.
POSTGRES_DEADLINE = env.float("POSTGRES_DEADLINE", 20.0, validate=valid.SECONDS)
# Seconds after which PostgreSQL ends a request's transaction that waits for its client.
POSTGRES_IDLE_IN_TRANSACTION = env.float(
    "POSTGRES_IDLE_IN_TRANSACTION", 5.0, validate=valid.SECONDS
)
# Whether a pooler, such as PgBouncer, gives each transaction to another session.
POSTGRES_POOLER = env.bool("POSTGRES_POOLER", False)

SECRET_KEY = env.secret("DJANGO_SECRET_KEY")
DEBUG = env.bool("DJANGO_DEBUG", False)
ALLOWED_HOSTS: list[str] = env.list("DJANGO_ALLOWED_HOSTS", [], validate=valid.EACH_HOST)
CSRF_TRUSTED_ORIGINS: list[str] = env.list(
    "DJANGO_CSRF_TRUSTED_ORIGINS", [], validate=valid.EACH_SITE
)

HOST = env.str("HOST", "127.0.0.1", validate=valid.ADDRESS)
PORT = env.int("PORT", 8000, validate=valid.PORT_NUMBER)
# Port of the metrics process on HOST; 0 disables the process.
CLIPS_METRICS_PORT = env.int("CLIPS_METRICS_PORT", 9464, validate=valid.PORT_OR_0)
ACCESS_LOG = env.bool("CLIPS_ACCESS_LOG", True)
LOG_FORMAT = env.str(
    "CLIPS_LOG_FORMAT", "auto", validate=validate.OneOf(("auto", "json", "console"))
)
LOG_LEVEL = env.str(
    "CLIPS_LOG_LEVEL", "INFO", validate=validate.OneOf(("DEBUG", "INFO", "WARNING", "ERROR"))
)
SENTRY_DSN = env.secret("SENTRY_DSN", validate=valid.DSN_OR_EMPTY)
SENTRY_ENVIRONMENT = env.str("SENTRY_ENVIRONMENT", "") or "production"
SENTRY_RELEASE = env.str("SENTRY_RELEASE", "") or f"clips-service@{VERSION}"
SENTRY_SAMPLE_RATE = env.float("SENTRY_SAMPLE_RATE", 1.0, validate=valid.SHARE)
# OpenTelemetry's own variables. Its SDK reads these and others from the environment itself.
_TRACES_TO: list[str] = []
_HEADERS: list[str] = []
for _name in ("OTEL_EXPORTER_OTLP", "OTEL_EXPORTER_OTLP_TRACES"):
    _TRACES_TO.append(env.str(f"{_name}_ENDPOINT", "", validate=valid.URL_OR_EMPTY))
    _HEADERS.append(env.secret(f"{_name}_HEADERS"))
    env.str(f"{_name}_PROTOCOL", "", validate=validate.OneOf(("", "http/protobuf")))
# Headers of requests to the collector, which may have its token.
TRACES_HEADERS = _HEADERS[1] or _HEADERS[0]
OTEL_DISABLED = env.str("OTEL_SDK_DISABLED", "", validate=valid.TRUE_FALSE_OR_EMPTY)
TRACING = any(_TRACES_TO) and OTEL_DISABLED.lower() != "true"
WEB_CONCURRENCY = env.int("WEB_CONCURRENCY", os.cpu_count() or 1, validate=valid.AT_LEAST_1)
# Threads of a process in which Django runs, half of them for the API and half for pages.
# Clients hold none of them.
WEB_THREADS = env.int("WEB_THREADS", 8, validate=validate.Range(min=2))
CLIPS_WORKER_CONCURRENCY = env.int(  # tasks that a worker of tasks executes at a time
    "CLIPS_WORKER_CONCURRENCY", 3, validate=valid.AT_LEAST_1
)
CLIPS_MAX_STREAMS = env.int("CLIPS_MAX_STREAMS", 10_000, validate=valid.AT_LEAST_1)  # of a process
# Seconds after which a client that takes no byte is disconnected.
CLIPS_STALL_TIMEOUT = env.float("CLIPS_STALL_TIMEOUT", 60.0, validate=valid.SECONDS)
# Seconds within which the whole head of a request must arrive, and between two requests.
CLIPS_HEAD_TIMEOUT = env.float("CLIPS_HEAD_TIMEOUT", 20.0, validate=valid.SECONDS)
CLIPS_KEEPALIVE_TIMEOUT = env.float("CLIPS_KEEPALIVE_TIMEOUT", 5.0, validate=valid.SECONDS)
# Seconds for a whole body; bytes a second that it must average after the seconds of grace.
CLIPS_BODY_TIMEOUT = env.float("CLIPS_BODY_TIMEOUT", 600.0, validate=valid.SECONDS)
CLIPS_BODY_MINIMUM_RATE = env.float("CLIPS_BODY_MINIMUM_RATE", 1000.0, validate=valid.RATE)
CLIPS_BODY_GRACE = env.float("CLIPS_BODY_GRACE", 20.0, validate=valid.NOT_NEGATIVE)
# Connections of a client, or its requests in progress if CLIPS_TRUSTED_PROXIES; 0: any number.
CLIPS_CLIENT_CONNECTIONS = env.int(
    "CLIPS_CLIENT_CONNECTIONS", 1000, validate=validate.Range(min=0, max=65_535)
)
CLIPS_API_WRITES = env.str(
    "CLIPS_API_WRITES", "open", validate=validate.OneOf(("open", "authenticated"))
)
CLIPS_API_MODERATE = env.bool("CLIPS_API_MODERATE", False)
CLIPS_THROTTLE = env.bool("CLIPS_THROTTLE", True)
CLIPS_THROTTLE_RATES = {  # requests per client and minute
    "reads": env.int("CLIPS_THROTTLE_READS", 1200, validate=valid.AT_LEAST_1),
    "writes": env.int("CLIPS_THROTTLE_WRITES", 60, validate=valid.AT_LEAST_1),
    "bulk": env.int("CLIPS_THROTTLE_BULK", 10, validate=valid.AT_LEAST_1),
    "listens": env.int("CLIPS_THROTTLE_LISTENS", 1200, validate=valid.AT_LEAST_1),
    "reports": env.int("CLIPS_THROTTLE_REPORTS", 5, validate=valid.AT_LEAST_1),
}
# Values of Idempotency-Key that are stored for a client, each for 24 hours.
CLIPS_IDEMPOTENCY_KEYS = env.int("CLIPS_IDEMPOTENCY_KEYS", 10_000, validate=valid.AT_LEAST_1)
CLIENT_LIMIT = CLIPS_CLIENT_CONNECTIONS if CLIPS_THROTTLE else 0
CLIPS_STREAM_CACHE_CONTROL = env.str(
    "CLIPS_STREAM_CACHE_CONTROL", "private, no-cache", validate=valid.HEADER_VALUE
)
# Proxies in front. Each appends the address of its client to X-Forwarded-For.
CLIPS_TRUSTED_PROXIES = env.int("CLIPS_TRUSTED_PROXIES", 0, validate=valid.NOT_NEGATIVE)
CLIPS_HTTPS = env.bool("CLIPS_HTTPS", False)
CLIPS_TWO_FACTOR = env.str(
    "CLIPS_TWO_FACTOR", "optional", validate=validate.OneOf(("off", "optional", "required"))
)
AXES_FAILURE_LIMIT = env.int("CLIPS_LOGIN_ATTEMPTS", 5, validate=valid.AT_LEAST_1)
CLIPS_LOGIN_COOL_OFF = env.int("CLIPS_LOGIN_COOL_OFF", 15, validate=valid.MINUTES)
CLIPS_LOGIN_LOG_DAYS = env.int("CLIPS_LOGIN_LOG_DAYS", 30, validate=valid.DAYS)
CLIPS_ACCEL_LOCATION = env.str("CLIPS_ACCEL_LOCATION", "", validate=valid.LOCATION_OR_EMPTY)
CLIPS_AUDIO_MAX_BYTES = env.int("CLIPS_AUDIO_MAX_BYTES", 20_000_000, validate=valid.AT_LEAST_1)
CLIPS_ORIGIN_ALLOW: list[str] = env.list("CLIPS_ORIGIN_ALLOW", [], validate=valid.EACH_ORIGIN)
# User-Agent sent to origins. An address in it lets their operators contact yours.
CLIPS_ORIGIN_USER_AGENT = env.str(
    "CLIPS_ORIGIN_USER_AGENT",
    f"ClipsService/{VERSION.rpartition('.')[0]}",
    validate=valid.HEADER_VALUE,
)
CLIPS_ORIGIN_CONNECT_TIMEOUT = env.float(
    "CLIPS_ORIGIN_CONNECT_TIMEOUT", 3.0, validate=valid.SECONDS
)
CLIPS_ORIGIN_READ_TIMEOUT = env.float("CLIPS_ORIGIN_READ_TIMEOUT", 10.0, validate=valid.SECONDS)
CLIPS_ORIGIN_TOTAL_TIMEOUT = env.float("CLIPS_ORIGIN_TOTAL_TIMEOUT", 60.0, validate=valid.SECONDS)
CLIPS_ORIGIN_DOWNLOADS = env.int("CLIPS_ORIGIN_DOWNLOADS", 4, validate=valid.AT_LEAST_1)
CLIPS_ORIGIN_TURN_TIMEOUT = env.float("CLIPS_ORIGIN_TURN_TIMEOUT", 10.0, validate=valid.SECONDS)
CLIPS_ORIGIN_FAILURE_SECONDS = env.float(
    "CLIPS_ORIGIN_FAILURE_SECONDS", 5.0, validate=valid.SECONDS
)
# Seconds that the receiver of a webhook has to respond.
CLIPS_WEBHOOK_TIMEOUT = env.float("CLIPS_WEBHOOK_TIMEOUT", 15.0, validate=valid.SECONDS)
CLIPS_AUDIO_STORE_BYTES = env.int(
    "CLIPS_AUDIO_STORE_BYTES", 2_000_000_000, validate=valid.AT_LEAST_1
)
CLIPS_AUDIO_FRESH_MIN = env.int("CLIPS_AUDIO_FRESH_MIN", 60, validate=valid.NOT_NEGATIVE)
CLIPS_AUDIO_FRESH_MAX = env.int("CLIPS_AUDIO_FRESH_MAX", 86_400, validate=valid.NOT_NEGATIVE)
CLIPS_AUDIO_FRESH_DEFAULT = env.int("CLIPS_AUDIO_FRESH_DEFAULT", 3_600, validate=valid.NOT_NEGATIVE)
CLIPS_AUDIO_STALE_WHILE_REVALIDATE = env.int(
    "CLIPS_AUDIO_STALE_WHILE_REVALIDATE", 86_400, validate=valid.NOT_NEGATIVE
)
# What the public can play: everything, or only previews.
CLIPS_PUBLISH = env.str("CLIPS_PUBLISH", "whole", validate=validate.OneOf(("whole", "preview")))
# Renditions that are made in advance; all others when they are first requested.
CLIPS_RENDITIONS: list[str] = env.list(
    "CLIPS_RENDITIONS", ["preview-mp3-high"], validate=valid.EACH_RENDITION
)
CLIPS_RENDITION_LOUDNESS = env.str(  # LUFS
    "CLIPS_RENDITION_LOUDNESS", "off", validate=validate.OneOf(("off", "-14", "-18"))
)
# Renditions that clients request: how many may wait, and how many bytes those not made in advance
# may take.
CLIPS_RENDITION_QUEUE = env.int("CLIPS_RENDITION_QUEUE", 100, validate=valid.NOT_NEGATIVE)
CLIPS_RENDITION_BYTES = env.int(
    "CLIPS_RENDITION_BYTES", 10_000_000_000, validate=valid.NOT_NEGATIVE
)
CLIPS_READY_DISK_FREE_BYTES = env.int(
    "CLIPS_READY_DISK_FREE_BYTES", 100_000_000, validate=valid.NOT_NEGATIVE
)
CLIPS_READY_IGNORE: list[str] = env.list(
    "CLIPS_READY_IGNORE", [], validate=validate.ContainsOnly(("writes", "store", "disk"))
)

EMBEDDED = not POSTGRES_SERVER
# A service that only this machine can reach may make up its secret key and host names.
LOOPBACK = HOST in ("127.0.0.1", "::1", "localhost")
ON_THIS_MACHINE = EMBEDDED or LOOPBACK

if SECRET_KEY == valid.GENERATE or (not SECRET_KEY and ON_THIS_MACHINE):
    SECRET_KEY = env.local_secret("CLIPS_LOCAL_DIR", LOCAL_DIR)
elif not SECRET_KEY:
    env.refuse("DJANGO_SECRET_KEY", "Must be set to serve other machines.")
elif not (EMBEDDED and LOOPBACK) and not valid.is_strong_key(SECRET_KEY):
    env.refuse("DJANGO_SECRET_KEY", valid.WEAK_KEY)
if not ALLOWED_HOSTS and not ON_THIS_MACHINE:
    env.refuse("DJANGO_ALLOWED_HOSTS", "Must be set to serve other machines.")
env.refuse_disorder("CLIPS_AUDIO_FRESH_MIN", "CLIPS_AUDIO_FRESH_DEFAULT", "CLIPS_AUDIO_FRESH_MAX")
env.refuse_disorder("CLIPS_AUDIO_MAX_BYTES", "CLIPS_AUDIO_STORE_BYTES")
for _part, _whole in (
    ("CLIPS_ORIGIN_CONNECT_TIMEOUT", "CLIPS_ORIGIN_TOTAL_TIMEOUT"),
    ("CLIPS_ORIGIN_READ_TIMEOUT", "CLIPS_ORIGIN_TOTAL_TIMEOUT"),
    ("CLIPS_BODY_GRACE", "CLIPS_BODY_TIMEOUT"),
):
    if os.environ.get(_part):  # its default contradicts nothing: the whole ends first
        env.refuse_disorder(_part, _whole)
if CLIPS_METRICS_PORT and CLIPS_METRICS_PORT == PORT:
    env.refuse("CLIPS_METRICS_PORT", "Must differ from PORT.")
if CLIPS_PUBLISH == "preview" and "preview-" not in ",".join(CLIPS_RENDITIONS or ()).lower():
    env.refuse("CLIPS_RENDITIONS", "Must contain a preview if CLIPS_PUBLISH is preview.")
env.finish()

CLIPS_RENDITIONS = [name.strip().lower() for name in CLIPS_RENDITIONS if name.strip()]
ALLOWED_HOSTS = ALLOWED_HOSTS or ["localhost", "127.0.0.1", "[::1]"]
AXES_COOLOFF_TIME = timedelta(minutes=CLIPS_LOGIN_COOL_OFF)

# Each thread keeps its connection. Django checks it before a request uses it, which costs no round
# trip (clips_site/database/postgresql/base.py), so requests survive a restart of PostgreSQL.
_DATABASE: dict[str, Any] = {
    "NAME": POSTGRES_DB,
    "CONN_MAX_AGE": None,
    "CONN_HEALTH_CHECKS": True,
    "OPTIONS": {
        "connect_timeout": 5,  # seconds
        # The statements of Django's cursors are never prepared. Those that ask for it are, unless
        # this is None, as by default.
        "prepare_threshold": 5,
    },
}
if EMBEDDED:
    _DATABASE["ENGINE"] = "clips_site.database.embedded"
    _DATABASE["OPTIONS"]["cluster"] = LOCAL_DIR / "postgres"
else:
    _DATABASE |= {
        "ENGINE": "clips_site.database.postgresql",
        "HOST": POSTGRES_SERVER,
        "PORT": POSTGRES_PORT,
        "USER": POSTGRES_USER,
        "PASSWORD": POSTGRES_PASSWORD,
    }
    # Gives up after some ten seconds if the server's machine or network fails. By default that
    # takes hours, during which the thread that writes its process's plays would wait.
    _DATABASE["OPTIONS"] |= {
        "keepalives_idle": 5,  # seconds, like the next
        "keepalives_interval": 5,
        "keepalives_count": 2,
        "tcp_user_timeout": 10_000,  # milliseconds
    }
DATABASES = {"default": _DATABASE}

# This service's name in requests to origins, the same on all its machines. It refuses a stream
# requested under its own name, so that a clip whose source is its own stream cannot loop.
CLIPS_VIA = "clips-" + sha256(f"via {SECRET_KEY}".encode()).hexdigest()[:12]

# With HTTPS, cookies are never sent over HTTP, and HTTP requests are redirected.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = CLIPS_HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if CLIPS_HTTPS else 0
SECURE_REDIRECT_EXEMPT = [r"^(livez|readyz|metrics)$"]  # requested inside, past the proxy
if CLIPS_HTTPS:
    SESSION_COOKIE_NAME = "__Host-sessionid"  # other names of this domain cannot set it
if CLIPS_TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",  # before the admin, whose templates it replaces
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "clips_site.apps.BackOfficeConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "clips_site.apps.LoginsConfig",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "corsheaders",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "procrastinate.contrib.django",
    "library",
]

# No GZipMiddleware: it corrupts a 206 and prevents sendfile.
MIDDLEWARE = [
    "clips_site.server.logs.access_lines.AccessMiddleware",
    "library.telemetry.http_requests.RequestMetricsMiddleware",
    "clips_site.middleware.BeaconMiddleware",
    "corsheaders.middleware.CorsMiddleware",  # this early, to cover redirects and errors
    "django.middleware.security.SecurityMiddleware",
    "clips_site.middleware.PageHeadersMiddleware",
    "clips_site.middleware.ProbeMiddleware",
    "clips_site.middleware.BodyLimitMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "clips_site.middleware.NoTrailingSlashMiddleware",
    "clips_site.middleware.MethodMiddleware",
    "clips_site.page_middleware.SessionMiddleware",
    "clips_site.page_middleware.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "clips_site.page_middleware.AuthenticationMiddleware",
    "clips_site.page_middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

# The modules that declare tasks, imported by the first process that needs them.
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = None
PROCRASTINATE_IMPORT_PATHS = [
    "library.tasks.analyses",
    "library.tasks.declared",
    "library.tasks.renditions",
    "library.tasks.webhooks",
]

ROOT_URLCONF = "clips_site.urls"
WSGI_APPLICATION = "clips_site.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "clips_site" / "templates"],  # before those of the theme
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SECURE_CONTENT_TYPE_NOSNIFF = True

LANGUAGE_CODE = "en"
FORMAT_MODULE_PATH = ["clips_site.formats"]
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
MEDIA_ROOT = LOCAL_DIR / "media"
FIXTURE_DIRS = [BASE_DIR / "fixtures"]
SAMPLES_DIR = BASE_DIR / "fixtures" / "audio"
AUDIO_STORE_DIR = LOCAL_DIR / "audio-store"
STORAGES = {
    "default": {"BACKEND": "library.sources.storage.AudioFileStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_000_000  # bytes: 1,000 clips at once, of 2,000 bytes each
CLIPS_IMPORT_MAX_BYTES = 10_000_000
CLIPS_LISTEN_MAX_BYTES = 1_000  # a report of a player
CLIPS_REPORT_MAX_BYTES = 50_000  # the form that reports a clip: 2,000 encoded characters

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "clips_site.server.logs.formatting.line_formatter", "style": LOG_FORMAT}
    },
    "filters": {
        "unexpected": {"()": "clips_site.server.logs.formatting.UnexpectedErrors"},
    },
    "handlers": {
        "lines": {"class": "logging.StreamHandler", "formatter": "line"},
        "nowhere": {"class": "logging.NullHandler"},
    },
    "root": {"handlers": ["lines"], "level": LOG_LEVEL},
    "loggers": {
        # Django's own handlers would write a second line in another format.
        "django": {"handlers": [], "level": "NOTSET"},
        "django.server": {"handlers": [], "level": "NOTSET"},
        # Only unhandled errors: 4xx, 502 and 503 are in the access log.
        "django.request": {"filters": ["unexpected"]},
        # Requests that Django refuses, such as for their Host: the access log has the reason, and
        # these lines would quote the client.
        "django.security": {"handlers": ["nowhere"], "propagate": False},
        "django.security.csrf": {"handlers": ["lines"]},
        # While the collector is down, log each lost batch, but not each attempt.
        "opentelemetry.exporter": {"level": "ERROR"},
        "axes": {"level": "WARNING"},  # its table already records each log-in
        # The worker logs each task and each loss of the database itself, in one line.
        "procrastinate": {"level": "CRITICAL"},
        "psycopg.pool": {"level": "ERROR"},
    },
}
if SENTRY_DSN:
    LOGGING["handlers"]["sentry"] = {"()": "clips_site.server.sentry.handler"}
    LOGGING["root"]["handlers"].append("sentry")
