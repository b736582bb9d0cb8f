"""Questions in words."""

from __future__ import annotations

from django import template

from labeling.models import Question
from labeling.questions.conditions import in_words

register = template.Library()


@register.filter
def when(question: Question) -> str:
    """Say when a question is asked, where it is not always."""
    return "" if question.condition is None else in_words(question.condition)
