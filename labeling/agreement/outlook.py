"""What more labels would buy, in a sentence."""

from __future__ import annotations

from typing import Final

from evalhub.web import formatting
from labeling.agreement.questions import CAUTIOUS, QuestionAgreement
from metrics.statistics.agreement.outlook import half_width, settling

MORE: Final = 100
_REMEDY: Final = "a clearer guideline might"


def outlook_of(result: QuestionAgreement, *, are_clusters: bool) -> str:
    """Say how the interval of alpha would narrow, and what would settle the target.

    The target is the lead's, or where cautious conclusions begin.
    """
    found = result.agreement
    now, later = half_width(found), half_width(found, more=MORE)
    if now is None or later is None:
        return ""
    noun = "clusters" if are_clusters else "examples"
    target = result.question.target_alpha or CAUTIOUS
    narrower = (
        f"With {MORE} more {noun} the interval would be about ±{formatting.number(later, 2)} "
        f"in place of ±{formatting.number(now, 2)}, if alpha stays."
    )
    settled = settling(found, target)
    wanted = formatting.number(target, 3)
    if settled.more is None:
        return f"{narrower} {settled.reason}"
    side = "above" if settled.is_above else "below"
    if settled.more == 0:
        return f"The whole interval lies {side} {wanted} now. {narrower}"
    ending = "" if settled.is_above else f", and no number of labels would lift it: {_REMEDY}"
    return (
        f"{narrower} About {formatting.count(settled.more)} more would show that it lies "
        f"{side} {wanted}{ending}."
    )
