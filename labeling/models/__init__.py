"""People judge outputs: campaigns, questions, units, slots, annotations, decisions."""

from labeling.models.answers import Annotation, AnnotationRevision, Draft, Flag, SkipReason
from labeling.models.campaigns import Alert, Campaign, GuidelineVersion, Question, QuestionSet
from labeling.models.decisions import Decision, DecisionReason, DecisionRevision
from labeling.models.people import Annotator, CampaignInvitation
from labeling.models.units import Control, Purpose, Slot, Unit

__all__ = [
    "Alert",
    "Annotation",
    "AnnotationRevision",
    "Annotator",
    "Campaign",
    "CampaignInvitation",
    "Control",
    "Decision",
    "DecisionReason",
    "DecisionRevision",
    "Draft",
    "Flag",
    "GuidelineVersion",
    "Purpose",
    "Question",
    "QuestionSet",
    "SkipReason",
    "Slot",
    "Unit",
]
