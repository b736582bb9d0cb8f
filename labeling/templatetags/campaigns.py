"""Template tags of the pages of a campaign."""

from __future__ import annotations

from django import template

from labeling.deciding import n_waiting

register = template.Library()

register.simple_tag(n_waiting, name="n_waiting")
