"""GET and POST /clips/{id}/report: anyone can report a clip, without an account."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.generic import FormView, TemplateView

from library.api.throttles import MINUTE, count_report
from library.client_address import request_network
from library.models import Clip, Report
from library.pages.report_form import ReportForm
from library.pages.visible import GONE, gone, visible_clip
from library.plays.listener import current_keys, reporter_hash


@method_decorator(never_cache, "dispatch")
class ReportClip(FormView[ReportForm]):
    """GET /clips/{id}/report shows the form, and POST stores the report."""

    template_name = "library/pages/report.html"
    form_class = ReportForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Respond with 404 or 410 unless the public has the clip."""
        try:
            self.clip = visible_clip(kwargs["pk"])
        except GONE as error:
            return gone(request, error)
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(clip=self.clip, **kwargs)

    def form_invalid(self, form: ReportForm) -> HttpResponse:
        form.mark_first_error()
        return self.render_to_response(
            self.get_context_data(form=form), status=HTTPStatus.BAD_REQUEST
        )

    def form_valid(self, form: ReportForm) -> HttpResponse:
        """Store the report unless the client has sent too many, and redirect to the next page."""
        if seconds := count_report(self.request):
            return self._refuse(form, seconds)
        client = _hash_of_client(self.request)
        if Report.objects.receive(self.clip.pk, **form.cleaned_data, client=client) is None:
            return redirect(self.request.path)  # it was withdrawn meanwhile: the page says why
        return redirect("clip-report-sent", pk=self.clip.pk)

    def _refuse(self, form: ReportForm, seconds: int) -> HttpResponse:
        """Show the form with all that was entered, and when to send it."""
        context = self.get_context_data(form=form, wait=seconds, minute=MINUTE)
        response = self.render_to_response(context, status=HTTPStatus.TOO_MANY_REQUESTS)
        response["Retry-After"] = str(seconds)
        return response


@method_decorator(never_cache, "dispatch")
class ReportSent(TemplateView):
    """GET /clips/{id}/report/sent: what happens next."""

    template_name = "library/pages/report_sent.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        clip = Clip.objects.available().filter(pk=kwargs["pk"]).only("title").first()
        return super().get_context_data(clip=clip, **kwargs)


def _hash_of_client(request: HttpRequest) -> UUID | None:
    """Return the client's hash of today, or None if its address is unknown.

    Raises django.db.Error.
    """
    network = request_network(request)
    return reporter_hash(current_keys(), network) if network else None
