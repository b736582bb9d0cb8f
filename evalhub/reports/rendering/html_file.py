"""A comparison as one HTML file that stands alone: styles inside, no script, no request.

It is the report's own page in another shell, so that nothing the page says is missing here. A
browser that shows it is told that it may load nothing: by the answer's head, and by the file's.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from django.http import HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString

from evalhub import web
from evalhub.reports.models import Comparison

_STYLES: Final = ("tokens.css", "app.css")
_FOLDER: Final = Path(web.__file__).parent / "static" / "evalhub"
# What leads to a page of this service. In what others wrote the quotes are escaped.
_LINK: Final = re.compile(r' href="(/[^"]*)"')
_COMMENT: Final = re.compile(r"/\*.*?\*/\s*", re.DOTALL)


def as_html(page: Mapping[str, Any], *, origin: str) -> str:
    """Return the file. `page` is what the report's page shows.

    `origin` (scheme and host) goes in front of links back to the service, where what a number
    came from is one click away; without one there are no links.
    """
    comparison: Comparison = page["comparison"]
    context = {
        **page,
        "shell": "reports/file.html",
        "is_file": True,
        "leads_nowhere": not origin,
        "address": f"{origin}{_page_of(comparison)}" if origin else "",
        "project": comparison.project,
        # Our own files: the one text of a page that is not escaped.
        "style_sheet": SafeString(f"<style>{_styles()}</style>"),
        "policy": policy(),
    }
    text = render_to_string("reports/detail.html", context)
    return _LINK.sub(lambda link: f' href="{origin}{link[1]}"' if origin else "", text)


def _page_of(comparison: Comparison) -> str:
    return reverse("reports:detail", args=[comparison.public_id])


def html_answer(text: str) -> HttpResponse:
    """Return an answer that shows the file, and nothing else."""
    answer = HttpResponse(text, content_type="text/html; charset=utf-8")
    answer["Content-Security-Policy"] = (
        f"{policy()}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"
    )
    return answer


@lru_cache(maxsize=1)
def _styles() -> str:
    """Return the styles of all pages, as they stand between the tags of the file."""
    texts = ((_FOLDER / name).read_text(encoding="utf-8") for name in _STYLES)
    return _COMMENT.sub("", "\n".join(texts)).strip()


@lru_cache(maxsize=1)
def policy() -> str:
    """Return a content security policy that lets in these styles, by their digest, alone."""
    digest = base64.b64encode(hashlib.sha256(_styles().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'"
