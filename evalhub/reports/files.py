"""A comparison in a format that somebody asked for: over REST, by its page, by command."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from rest_framework.utils.encoders import JSONEncoder

from evalhub.reports import gated, selectors
from evalhub.reports.models import Comparison
from evalhub.reports.pages import page_of
from evalhub.reports.rendering import as_csv, as_html, as_json, as_junit, as_markdown
from evalhub.reports.rendering.html_file import html_answer
from evalhub.reports.rendering.names import file_name

MOST_CASES: Final = 200  # of critical examples in JUnit; one more counts the others


def answer_in(form: str, comparison: Comparison, *, origin: str) -> HttpResponse:
    """Return a comparison in one of the `FORMATS`; HTML of ours is kept, and never shown here.

    Links lead to `origin` (scheme and host).
    """
    answer = _ANSWERS[form](comparison, origin)
    return as_file(answer, comparison, form) if form == "html" else answer


def origin_of(request: HttpRequest) -> str:
    """Return the scheme and host that a request came to."""
    return request.build_absolute_uri("/").removesuffix("/")


def as_file(answer: HttpResponse, comparison: Comparison, form: str) -> HttpResponse:
    """Have an answer kept under the comparison's name."""
    name = file_name(comparison, _ENDINGS.get(form, form))
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _json(comparison: Comparison, _: str) -> HttpResponse:
    findings = selectors.findings_of(comparison)
    content = as_json(
        comparison,
        findings,
        gated.about(comparison),
        critical=selectors.critical_keys(comparison),
    )
    how = {"allow_nan": False, "ensure_ascii": False}
    return JsonResponse(content, encoder=JSONEncoder, json_dumps_params=how)


def _markdown(comparison: Comparison, origin: str) -> HttpResponse:
    address = reverse("reports:detail", args=[comparison.public_id])
    text = as_markdown(
        comparison,
        selectors.findings_of(comparison),
        gated.about(comparison),
        url=f"{origin}{address}",
    )
    return HttpResponse(text, content_type="text/markdown; charset=utf-8")


def _junit(comparison: Comparison, _: str) -> HttpResponse:
    findings = selectors.findings_of(comparison)
    text = as_junit(
        comparison,
        findings,
        gated.about(comparison),
        critical=selectors.critical_keys(comparison, limit=MOST_CASES),
    )
    return HttpResponse(text, content_type="application/xml; charset=utf-8")


def _csv(comparison: Comparison, _: str) -> HttpResponse:
    text = as_csv(comparison, selectors.findings_of(comparison))
    return HttpResponse(text, content_type="text/csv; charset=utf-8")


def _html(comparison: Comparison, origin: str) -> HttpResponse:
    return html_answer(as_html(page_of(comparison), origin=origin))


_ANSWERS: Final[dict[str, Callable[[Comparison, str], HttpResponse]]] = {
    "json": _json,
    "markdown": _markdown,
    "junit": _junit,
    "csv": _csv,
    "html": _html,
}
_ENDINGS: Final = {"markdown": "md", "junit": "xml"}
FORMATS: Final = tuple(_ANSWERS)
