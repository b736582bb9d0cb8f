"""Why an output has no value: the codes that score columns store."""

from __future__ import annotations

from enum import IntEnum

REASONS_VERSION = 1


class Reason(IntEnum):
    """Stored as one byte beside every score. Codes are only ever added, never reused."""

    SCORED = 0
    NO_REFERENCE = 1
    NOT_TEXT = 2
    REFERENCE_NOT_TEXT = 3
    TOO_LONG = 4
    EXTRACTION_LIMIT = 5
    FAILED = 6
    NOT_RATED = 7
    CANNOT_JUDGE = 8
    NO_MAJORITY = 9
    NO_OUTPUT = 10
    NO_VERDICT = 11
    OFF_SCALE = 12
    JUDGE_REFUSED = 13
    JUDGE_UNREACHABLE = 14
    UNDEFINED = 15
    NOT_SUBMITTED = 16
    NO_WEIGHT = 17
    NO_RELEVANT = 18
    TOO_FEW_ATTEMPTS = 19
    SCORER_DECLINED = 20
    SCORER_LEFT_OUT = 21
    SCORER_REPEATED = 22
    SCORER_NO_NUMBER = 23
    SCORER_OFF_RANGE = 24
    NOT_A_CONFIDENCE = 25
    METRIC_FAILED = 26

    @property
    def code(self) -> str:
        """The word used in JSON, such as ``no_reference``."""
        return self.name.lower()

    @property
    def sentence(self) -> str:
        """What a person reads."""
        return _SENTENCES[self]


_SENTENCES = {
    Reason.SCORED: "The output has a value.",
    Reason.NO_REFERENCE: "The example has neither an expected output nor references.",
    Reason.NOT_TEXT: "The output is JSON, and no path names the text in it.",
    Reason.REFERENCE_NOT_TEXT: "The example's expected output or reference is JSON, not text.",
    Reason.TOO_LONG: "The output or a reference is longer than this metric reads.",
    Reason.EXTRACTION_LIMIT: "The pattern would take too long on an output of this length.",
    Reason.FAILED: "Scoring this output stopped a worker twice, so it was left out.",
    Reason.NOT_RATED: "Nobody has rated this output.",
    Reason.CANNOT_JUDGE: "Everyone who saw this output said that it cannot be judged.",
    Reason.NO_MAJORITY: "No answer is that of more than half of the people.",
    Reason.NO_OUTPUT: "The system gave no output.",
    Reason.NO_VERDICT: "The judge's reply has no verdict.",
    Reason.OFF_SCALE: "The judge's verdict is not on the rubric's scale.",
    Reason.JUDGE_REFUSED: "The judge refused to answer.",
    Reason.JUDGE_UNREACHABLE: "The judge could not be reached, or did not answer in time.",
    Reason.UNDEFINED: "The metric is not defined for what was expected here.",
    Reason.NOT_SUBMITTED: "This number was not submitted with the output.",
    Reason.NO_WEIGHT: "The example's metadata has no weight from 0 to 1e12 under that name.",
    Reason.NO_RELEVANT: "The example names no document as relevant.",
    Reason.TOO_FEW_ATTEMPTS: "The example has fewer scored attempts than this metric needs.",
    Reason.SCORER_DECLINED: "The scorer gave no value for this output.",
    Reason.SCORER_LEFT_OUT: "The scorer's answer left this output out.",
    Reason.SCORER_REPEATED: "The scorer's answer gave this output more than one score.",
    Reason.SCORER_NO_NUMBER: "What the scorer gave for this output is no finite number.",
    Reason.SCORER_OFF_RANGE: "The scorer's value is outside of the range it declares.",
    Reason.NOT_A_CONFIDENCE: "The confidence of this output is not from 0 to 1.",
    Reason.METRIC_FAILED: "The metric stopped or took too long on this output, or gave no number "
    "within its range.",
}
