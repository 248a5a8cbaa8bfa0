"""Passwords of tests: hashed as the service hashes them, at next to no cost."""

from django.contrib.auth.hashers import ScryptPasswordHasher


class CheapScrypt(ScryptPasswordHasher):
    """A hash tells how it was made, so a running service checks it by its own means."""

    work_factor = 2
    parallelism = 1
