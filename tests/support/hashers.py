"""Password hashing for tests: the algorithm of the service with minimal cost."""

from django.contrib.auth.hashers import ScryptPasswordHasher


class CheapScrypt(ScryptPasswordHasher):
    """Each hash contains its parameters, so a running service can check it."""

    work_factor = 2
    parallelism = 1
