"""A separate database for a benchmark that runs the service's code in its process."""

import os
from typing import Any

from django.db import connection
from psycopg import connect
from psycopg.sql import SQL, Identifier


def configure(**environment: str) -> None:
    """Set the environment for a new embedded database; call it before Django is set up."""
    os.environ |= {
        "DJANGO_ALLOWED_HOSTS": "localhost,testserver",
        "DJANGO_SETTINGS_MODULE": "clips_site.settings",
        "POSTGRES_DB": f"clips_benchmark_{os.getpid()}",
        "POSTGRES_SERVER": "",
        **environment,
    }


def drop() -> None:
    """Drop that database."""
    wrapper: Any = connection
    name = wrapper.settings_dict["NAME"]
    parameters: dict[str, Any] = wrapper.get_connection_params()
    wrapper.close()
    with connect(
        host=parameters["host"], user=parameters["user"], dbname="postgres", autocommit=True
    ) as postgres:
        postgres.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))
