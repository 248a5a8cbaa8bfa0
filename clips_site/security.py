"""Security settings of the back office that an operator need not decide.

They follow the OWASP Cheat Sheets on authentication, sessions, password storage and headers.
Django's defaults do the rest: session cookies are HttpOnly and SameSite=Lax, a log-in makes a new
key, a new password ends all other sessions, and no page may be framed, except for the player that
other sites embed (library/pages/embed.py).
"""

_HOUR = 3600  # seconds

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",  # first: it rejects locked names and addresses
    "library.access.backend.EditorBackend",
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
# scrypt is in Python's standard library and memory-hard, which makes guessing passwords from stolen
# hashes expensive. Django replaces a hash of the second kind when its user logs in.
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
_VALIDATION = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"{_VALIDATION}.UserAttributeSimilarityValidator"},
    {"NAME": f"{_VALIDATION}.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": f"{_VALIDATION}.CommonPasswordValidator"},
    {"NAME": f"{_VALIDATION}.NumericPasswordValidator"},
]

SESSION_ENGINE = "library.access.sessions"
SESSION_COOKIE_AGE = 12 * _HOUR
CLIPS_SESSION_IDLE = 2 * _HOUR
SESSION_EXPIRE_AT_BROWSER_CLOSE = True  # the browser keeps no cookie on disk

# Limits on log-ins. settings.py reads how many failures lock, and for how long.
AXES_HANDLER = "library.access.logins.LoginLimits"
AXES_CLIENT_IP_CALLABLE = "library.access.logins.network_address"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"], "ip_address"]
AXES_LOCKOUT_CALLABLE = "library.access.logins.locked_out"
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # so that the time on the page stays true
AXES_ENABLE_ACCESS_FAILURE_LOG = True
AXES_ENABLE_ADMIN = False  # library/admin/people/logins.py has pages in the theme
AXES_VERBOSE = False
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "csrfmiddlewaretoken", "code"]  # masked

OTP_TOTP_ISSUER = "Clips Service"

# https://cheatsheetseries.owasp.org/cheatsheets/Content_Security_Policy_Cheat_Sheet.html
# All that public pages load is served here. None has an inline script or style.
PAGE_CSP = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "media-src": "'self' blob:",  # Swagger UI plays the audio that it has received
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
# The theme's Alpine.js compiles attributes to functions, which needs unsafe-eval. No page contains
# an inline script, and an injected one does not run.
BACK_OFFICE_CSP = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data:",
    "media-src": "'self' blob:",  # the preview of an upload
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}

SILENCED_SYSTEM_CHECKS = [
    # Only the domain's owner knows whether its other names will use HTTPS, for years to come.
    "security.W005",  # HSTS for subdomains
    "security.W021",  # HSTS preloading
]
