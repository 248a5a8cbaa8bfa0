"""All paths. Only those of the back office end with a slash."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView, TemplateView

from library.admin import dashboard_parts
from library.api.document import Document
from library.pages import Listen, Redoc
from library.probes import health, metrics_view

page = TemplateView.as_view
urlpatterns = [
    path("", Listen.as_view(), name="listen"),
    path("api/v1/", include("library.api.urls")),
    path("openapi.json", Document.as_view(), name="schema"),
    path("openapi-lean.json", Document.as_view(lean=True), name="lean-schema"),
    path("docs", page(template_name="library/pages/docs.html"), name="docs"),
    path("docs/plays", page(template_name="library/pages/counting.html"), name="counting-rule"),
    path("redoc", Redoc.as_view(), name="redoc"),
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
