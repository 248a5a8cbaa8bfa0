"""All paths. Only those of the back office end with a slash."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from library.admin import dashboard_parts
from library.api.document import Document
from library.api.index import Index
from library.probes import health, metrics_view

urlpatterns = [
    path("", include("library.pages.urls")),
    path("api/v1", Index.as_view(), name="api-index"),
    path("api/v1/", include("library.api.urls")),
    path("openapi.json", Document.as_view(), name="schema"),
    path("openapi-lean.json", Document.as_view(lean=True), name="lean-schema"),
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics_view.metrics, name="metrics"),
    path("admin", RedirectView.as_view(url="/admin/")),
    *dashboard_parts.urls,
    path("admin/two-factor/", include("library.access.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "library.api.handlers.bad_request"
handler404 = "library.api.handlers.not_found"
handler500 = "library.api.handlers.server_error"
