"""The rules of access, held to by axe in a browser."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import axe_core_python
from playwright.sync_api import Page

_AXE = next(Path(axe_core_python.__file__).parent.rglob("axe.min.js")).read_text(encoding="utf-8")
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

Look = tuple[Literal["light", "dark"], int, int]  # theme, width, height
LOOKS: Sequence[Look] = (("light", 1366, 768), ("dark", 360, 740))


def violations(page: Page) -> dict[str, list[str]]:
    """Return what is wrong with a page as it looks now: the beginnings of what is, by rule."""
    page.evaluate(_AXE)
    found = page.evaluate("rules => axe.run({runOnly: rules})", _RULES)["violations"]
    return {fault["id"]: [node["html"][:200] for node in fault["nodes"]] for fault in found}


def assert_clean(page: Page, looks: Sequence[Look] = LOOKS) -> None:
    """Hold a page to the rules of access, wide and narrow, light and dark; nothing is cut off."""
    for scheme, width, height in looks:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, page.url
        assert violations(page) == {}, (page.url, scheme, width)
