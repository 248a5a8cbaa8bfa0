"""The header fields that Django's middleware adds to every answer of the API.

The front adds them to the answers that do not pass through Django.
"""

from functools import lru_cache

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from clips_site.server.front.exchange import Exchange, scheme
from clips_site.server.logs.request_ids import HEADER

Headers = tuple[tuple[str, str], ...]

_ALWAYS: Headers = (
    ("X-Frame-Options", "DENY"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", settings.SECURE_REFERRER_POLICY or ""),
    ("Cross-Origin-Opener-Policy", settings.SECURE_CROSS_ORIGIN_OPENER_POLICY or ""),
)
_SECURE: Headers = (("Strict-Transport-Security", f"max-age={settings.SECURE_HSTS_SECONDS}"),)
_OF_OTHER_SITES: Headers = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Expose-Headers", ", ".join(settings.CORS_EXPOSE_HEADERS)),
)


def site_headers(exchange: Exchange) -> Headers:
    """Return the fields for the answer to this request, with its id."""
    headers = (*_ALWAYS, ("Vary", "origin"), (HEADER, exchange.request_id))
    if "Origin" in exchange.request.headers:
        headers = (*headers, *_OF_OTHER_SITES)
    if settings.SECURE_HSTS_SECONDS and scheme(exchange.request) == "https":
        headers = (*headers, *_SECURE)
    return headers


def of_any_site(exchange: Exchange) -> Headers:
    """Return the fields with which a page may send its cookies, which are ignored."""
    origin = exchange.request.headers.get("Origin")
    if origin is None:
        return ()
    return (
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Allow-Credentials", "true"),
    )


def is_served_here(exchange: Exchange) -> bool:
    """Return whether Django would neither refuse this request's host nor redirect it to HTTPS."""
    if settings.SECURE_SSL_REDIRECT and scheme(exchange.request) != "https":
        return False
    return is_allowed(exchange.host)


@lru_cache(maxsize=256)
def is_allowed(host: str) -> bool:
    """Return whether DJANGO_ALLOWED_HOSTS lists a host, with or without a port."""
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)
