"""How the back office writes dates: so that readers everywhere take the same day from them.

Records (plays, log-ins, the audit log) tell the second instead: `library.admin.base`.
"""

DATE_FORMAT = SHORT_DATE_FORMAT = "j M Y"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "j M Y, H:i"
TIME_FORMAT = "H:i"
