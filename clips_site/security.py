"""Who gets into the back office, and for how long: what an operator need not decide.

After the OWASP Cheat Sheets on authentication, sessions, password storage and headers. Django's
own defaults do the rest: session cookies are HttpOnly and SameSite=Lax, a log-in makes a new key, a
new password ends all other sessions, no page may be framed.
"""

_HOUR = 3600  # seconds

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",  # first: what is locked is not even looked at
    "library.access.backend.EditorBackend",
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
# Memory-hard, so that guessing at stolen hashes is dear, and in Python's standard library. Those
# that Django made before are hashed anew when their owner logs in.
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

# Limits on log-ins: how many failures lock, and for how long, is in settings.py.
AXES_HANDLER = "library.access.logins.LoginLimits"
AXES_CLIENT_IP_CALLABLE = "library.access.logins.network_address"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"], "ip_address"]
AXES_LOCKOUT_CALLABLE = "library.access.lockout.locked_out"
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # the page says how long, and it is true
AXES_ENABLE_ACCESS_FAILURE_LOG = True
AXES_ENABLE_ADMIN = False  # library/admin/people/logins.py has pages in the theme
AXES_VERBOSE = False
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "csrfmiddlewaretoken", "code"]  # masked

OTP_TOTP_ISSUER = "Clips Service"

# https://cheatsheetseries.owasp.org/cheatsheets/Content_Security_Policy_Cheat_Sheet.html
# The theme's Alpine.js makes functions of what stands in attributes: that needs unsafe-eval. No
# script stands in a page, so one that somebody smuggled into one does not run.
BACK_OFFICE_CSP = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data:",
    "media-src": "'self' blob:",  # an upload is heard before it is sent
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}

SILENCED_SYSTEM_CHECKS = [
    # Whether other names under this domain speak https, now and for years, its owner knows.
    "security.W005",  # HSTS for subdomains
    "security.W021",  # HSTS preloading
]
