"""How far the people of a campaign agree, as it stands now. For leads only."""

from labeling.agreement.questions import QuestionAgreement, agreement_by_question, title_of
from labeling.agreement.table import Table, answers_of, counted

__all__ = [
    "QuestionAgreement",
    "Table",
    "agreement_by_question",
    "answers_of",
    "counted",
    "title_of",
]
