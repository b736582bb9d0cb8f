"""Pages are compressed for browsers that can read them so, and nothing else is."""

from __future__ import annotations

import gzip

import pytest

from tests.factories import a_member, a_project

pytestmark = pytest.mark.django_db


def test_pages_are_compressed_where_the_browser_takes_it(client):
    project = a_project()
    client.force_login(a_member(project, "lead"))
    page = f"/p/{project.slug}/"
    plain = client.get(page)
    compressed = client.get(page, headers={"Accept-Encoding": "br, gzip"})
    assert "Content-Encoding" not in plain.headers
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in compressed.headers["Vary"]
    assert len(compressed.content) < len(plain.content) / 2
    assert b"</html>" in gzip.decompress(compressed.content)


def test_what_is_no_page_is_left_as_it_is(client):
    found = client.get("/api/v1/openapi.json", headers={"Accept-Encoding": "gzip"})
    assert found.status_code == 200
    assert "Content-Encoding" not in found.headers
