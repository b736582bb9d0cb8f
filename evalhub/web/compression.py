"""Pages are sent compressed."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.gzip import GZipMiddleware

FROM_BYTES = 1_400  # what fits into one packet anyway is left as it is


class CompressedPages(GZipMiddleware):
    """Compress HTML, with some random bytes, so that its length gives no secret away.

    Short replies to scripts are not worth the time, and large ones of the REST interface are
    left to a proxy, like static files, which browsers keep.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if not isinstance(response, HttpResponse) or len(response.content) < FROM_BYTES:
            return response
        if not response.headers.get("Content-Type", "").startswith("text/html"):
            return response
        return super().process_response(request, response)
