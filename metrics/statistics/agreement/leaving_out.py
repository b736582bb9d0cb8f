"""Alpha without each annotator: whose answers stand out from those of the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from metrics.statistics.agreement.alpha import unsuitable
from metrics.statistics.agreement.answers import Answers, Pairable
from metrics.statistics.agreement.coincidences import Alphas, Scale, TooLarge, alphas, manageable
from metrics.statistics.agreement.jackknife import Range, jackknifed
from metrics.statistics.agreement.undefined import Undefined

DIFFERENCE = Range(lowest=-2.0, highest=2.0)


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """Alpha without one annotator, and how much more it is than with: more where they differ.

    `alpha` is None with the reason in `undefined`; the interval is that of the difference.
    """

    annotator: Any
    alpha: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    undefined: Undefined | None = None
    no_interval: str = ""


def left_out(answers: Answers, scale: Scale) -> list[LeftOut]:
    """Return alpha without each annotator, with the interval of the difference over groups."""
    names = answers.annotator_ids.tolist()
    whole = _whole(answers, scale)
    if isinstance(whole, Undefined):
        return [_no_alpha(name, whole) for name in names]
    pairable, sums = whole
    return [_without(answers, pairable, sums, scale, code) for code in range(len(names))]


def _whole(answers: Answers, scale: Scale) -> tuple[Pairable, Alphas] | Undefined:
    if why := answers.without_pairs:
        return why
    pairable = answers.pairable()
    if why := unsuitable(pairable, scale):
        return why
    pairable = manageable(pairable, scale)
    try:
        return pairable, alphas(pairable, scale)
    except TooLarge:
        return Undefined.TOO_MANY_VALUES


def _without(
    answers: Answers, pairable: Pairable, sums: Alphas, scale: Scale, code: int
) -> LeftOut:
    name = answers.annotator_ids[code : code + 1].tolist()[0]
    if not (pairable.annotators == code).any():
        return _no_alpha(name, Undefined.ALONE)
    others = pairable.without_annotator(code)
    if not len(others.codes):
        return _no_alpha(name, Undefined.NO_OTHERS)
    if not others.varies:
        return _no_alpha(name, Undefined.NO_VARIATION)
    rest = alphas(others, scale)
    spread = jackknifed(
        rest.whole - sums.whole,
        rest.without - sums.without,
        are_clusters=answers.are_clusters,
        within=DIFFERENCE,
    )
    return LeftOut(
        annotator=name,
        alpha=rest.whole,
        difference=rest.whole - sums.whole,
        low=spread.low,
        high=spread.high,
        no_interval=spread.no_interval,
    )


def _no_alpha(annotator: object, why: Undefined) -> LeftOut:
    return LeftOut(annotator=annotator, undefined=why, no_interval=why.sentence)
