"""Is the service alive, is it ready: for load balancers and orchestrators."""

from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

NO_STORE = {"Cache-Control": "no-store"}


def livez(request: HttpRequest) -> JsonResponse:
    """200 while the process answers; it asks nobody else."""
    return JsonResponse({"status": "alive"}, headers=NO_STORE)


def readyz(request: HttpRequest) -> JsonResponse:
    """200 if requests can be served; 503 with what is wrong."""
    problems = _problems()
    status = "unavailable" if problems else "ready"
    return JsonResponse(
        {"status": status, "problems": problems}, status=503 if problems else 200, headers=NO_STORE
    )


def _problems() -> list[str]:
    try:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return ["migrations are not applied"]
    except Error:
        return ["the database does not answer"]
    return []
