"""Settings of the API: Django REST framework, CORS, and the OpenAPI description."""

from pathlib import Path

from clips_site import __version__

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["library.api.json_bodies.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "library.api.negotiation.Negotiation",
    "DEFAULT_PARSER_CLASSES": ["library.api.json_bodies.JSONBodyParser"],
    "URL_FORMAT_OVERRIDE": None,  # `format` is a query parameter like any other
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "library.api.authentication.BearerAuthentication",
        "library.api.authentication.EditorSession",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["library.api.authentication.ReadOrEdit"],
    "DEFAULT_THROTTLE_CLASSES": ["library.api.throttles.ClientThrottle"],
    "LIST_SERIALIZER_ERRORS_AS_DICT": True,
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_METADATA_CLASS": "library.api.options.AllowedMethods",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "library.api.handlers.exception_handler",
}
# Pages of any site may play audio and use the API, but never with their visitors' cookies: an
# editor's session works only on this site's own pages. Another site's page needs a token.
CORS_ALLOW_ALL_ORIGINS = True
CORS_ALLOW_CREDENTIALS = False
CORS_URLS_REGEX = r"/(api/|openapi(-lean)?\.json$|feed\.(xml|json)$)"
CORS_ALLOW_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
CORS_ALLOW_HEADERS = [
    *("Authorization", "Content-Type", "Content-Digest", "Idempotency-Key"),
    *("X-Request-ID", "traceparent", "tracestate"),
    *("Range", "If-Range", "If-Match", "If-None-Match"),
    *("If-Modified-Since", "If-Unmodified-Since"),
]
CORS_EXPOSE_HEADERS = [
    *(
        "Link",
        "X-Total-Count",
        "X-Did-You-Mean",
        "ETag",
        "Location",
        "Content-Location",
        "Retry-After",
        "X-Request-ID",
    ),
    *("RateLimit", "RateLimit-Policy", "Content-Length", "Content-Range", "Accept-Ranges"),
    *("Content-Disposition", "Content-Location", "Idempotent-Replayed"),
]
SPECTACULAR_SETTINGS = {
    "TITLE": "Clips Service",
    "VERSION": __version__,
    "DESCRIPTION": (Path(__file__).parents[1] / "library/api/openapi/description.md").read_text(),
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,  # the values need no explanation
    "ENUM_NAME_OVERRIDES": {
        "HealthStatus": "library.models.Health",
        "ClipState": "library.models.State",
        "DuplicateKind": "library.models.DuplicateKind",
        "ChangeKind": "library.api.webhook_bodies.KINDS",
        "DeliveryKind": "library.models.DeliveryKind",
        "DeliveryCode": "library.api.webhook_bodies.CODES",
        "PauseReason": "library.models.PauseReason",
        "WebhookState": "library.api.webhook_bodies.STATES",
        "ClientFamily": "library.api.openapi.statistics_answers.CLIENTS",
        "Audience": "library.api.openapi.statistics_answers.AUDIENCES",
        "MissingReason": "library.statistics.clips.REASONS",
        "Interval": "library.api.openapi.statistics_answers.INTERVALS",
        "TopWindow": "library.statistics.library.TOP_WINDOWS",
    },
    "SORT_OPERATION_PARAMETERS": False,  # their order in the code helps readers
    "COMPONENT_SPLIT_REQUEST": True,  # clients validate both requests and responses
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "library.api.openapi.hooks.complete",
    ],
    "WEBHOOKS": ["library.api.openapi.webhooks.CHANGES"],
    "LICENSE": {"name": "MIT License", "identifier": "MIT"},
    "SERVERS": [{"url": "/", "description": "This service."}],
    "TAGS": [
        {"name": "clips", "description": "Clips and their audio."},
        {"name": "changes", "description": "Everything that happened to public clips, in order."},
        {"name": "statistics", "description": "Plays over time, listeners and top clips."},
        {"name": "webhooks", "description": "Changes of clips, sent to the URLs of editors."},
    ],
}
