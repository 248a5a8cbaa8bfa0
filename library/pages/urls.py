"""Paths of the pages for the public. None ends with a slash."""

from django.urls import path, re_path
from django.views.generic import TemplateView

from library.pages import sitemaps
from library.pages.clip import ClipPage
from library.pages.delivery import View, public
from library.pages.documents import Redoc, favicon
from library.pages.embed import Embed
from library.pages.feeds import Feed
from library.pages.limits import limited
from library.pages.listing import Listing
from library.pages.oembed import OEmbed
from library.pages.report import ReportClip, ReportSent

CLIP = r"(?P<pk>[0-9]{1,18})"
page = TemplateView.as_view
TEXT = "text/plain; charset=utf-8"


def text(name: str) -> View:
    """Return the view of a text for programs."""
    return public(page(template_name=f"library/pages/{name}", content_type=TEXT))


urlpatterns = [
    path("", limited(public(Listing.as_view())), name="listing"),
    re_path(rf"^clips/{CLIP}$", public(ClipPage.as_view()), name="clip-page"),
    re_path(rf"^clips/{CLIP}/report$", ReportClip.as_view(), name="clip-report"),
    re_path(rf"^clips/{CLIP}/report/sent$", ReportSent.as_view(), name="clip-report-sent"),
    re_path(rf"^embed/{CLIP}$", public(Embed.as_view()), name="embed"),
    path("oembed", OEmbed.as_view(), name="oembed"),
    path("docs", public(page(template_name="library/pages/docs.html")), name="docs"),
    path(
        "docs/plays",
        public(page(template_name="library/pages/counting.html")),
        name="counting-rule",
    ),
    path("redoc", Redoc.as_view(), name="redoc"),
    path("feed.xml", Feed.as_view(), name="feed"),
    path("feed.json", Feed.as_view(format_name="jsonfeed"), name="json-feed"),
    path("sitemap.xml", public(sitemaps.index), name="sitemap"),
    path("sitemap-pages.xml", public(sitemaps.pages), name="sitemap-pages"),
    re_path(
        r"^sitemap-(?P<number>[1-9][0-9]{0,13})\.xml$",
        public(sitemaps.clips),
        name="sitemap-clips",
    ),
    path("robots.txt", text("robots.txt"), name="robots"),
    path("llms.txt", text("llms.txt"), name="llms"),
    path("favicon.ico", favicon, name="favicon"),
]
