"""Paths of the pages for the public. None ends with a slash."""

from django.urls import path, re_path
from django.views.generic import TemplateView

from library.pages.clip import ClipPage
from library.pages.documents import Redoc
from library.pages.embed import Embed
from library.pages.listing import Listing
from library.pages.oembed import OEmbed
from library.pages.report import ReportClip, ReportSent

CLIP = r"(?P<pk>[0-9]{1,18})"
page = TemplateView.as_view
urlpatterns = [
    path("", Listing.as_view(), name="listing"),
    re_path(rf"^clips/{CLIP}$", ClipPage.as_view(), name="clip-page"),
    re_path(rf"^clips/{CLIP}/report$", ReportClip.as_view(), name="clip-report"),
    re_path(rf"^clips/{CLIP}/report/sent$", ReportSent.as_view(), name="clip-report-sent"),
    re_path(rf"^embed/{CLIP}$", Embed.as_view(), name="embed"),
    path("oembed", OEmbed.as_view(), name="oembed"),
    path("docs", page(template_name="library/pages/docs.html"), name="docs"),
    path("docs/plays", page(template_name="library/pages/counting.html"), name="counting-rule"),
    path("redoc", Redoc.as_view(), name="redoc"),
]
