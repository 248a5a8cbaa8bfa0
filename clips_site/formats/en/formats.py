"""Date formats of the back office, which readers of every country understand alike.

Records (plays, log-ins, the audit log) show seconds as well: see `library.admin.base`.
"""

DATE_FORMAT = SHORT_DATE_FORMAT = "j M Y"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "j M Y, H:i"
TIME_FORMAT = "H:i"
