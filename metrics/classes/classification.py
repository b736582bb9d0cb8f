"""Classification over a run: accuracy, F1 in its means, balanced accuracy, MCC and kappa.

All of it follows from three counts for each class: how often it was expected, said, and both. The
classes are the labels that occur among the run's expected outputs, so values are scikit-learn's
with ``labels=sorted(set(y_true))``.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from metrics.averages import ratio_of
from metrics.base import Example, Family
from metrics.batch import Floats
from metrics.classes.labels import LabelMetric
from metrics.fields import JsonText, Kind, MetricParamsError, parameter, required_parameter
from metrics.parameters import shown
from metrics.rows import Rows
from metrics.tallies import Tallies
from metrics.vocabulary import NoClassesError

_SHOWN = 5  # labels named in an error
_INDICATIVE = "An example's own value is 1 or 0, and only indicative."
_POWERS = (
    "Powers 2011, Evaluation: from precision, recall and F-measure to ROC, informedness, "
    "markedness and correlation"
)
_SOKOLOVA = (
    "Sokolova and Lapalme 2009, A systematic analysis of performance measures for "
    "classification tasks"
)


@dataclass(frozen=True, kw_only=True)
class Accuracy(LabelMetric):
    """The share of right labels."""

    name: ClassVar[str] = "accuracy"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Accuracy"
    summary: ClassVar[str] = "The share of outputs that say the expected label."
    formula: ClassVar[str] = (
        "1 if the prepared output is the prepared expected label, else 0; the run's value is "
        "the mean."
    )
    source: ClassVar[str] = _SOKOLOVA
    family: ClassVar[Family] = Family.BINARY
    examples: ClassVar[tuple[Example, ...]] = (
        Example(output="Spam ", expected_output="spam", value=1.0),
        Example(output="It is spam.", expected_output="spam", value=0.0),
        Example(
            output="I think it is spam.",
            expected_output="spam",
            value=1.0,
            params={"extract": "(spam|ham)"},
        ),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassCounts:
    """Counts over any leading axes, and last the classes; a class not expected has no support."""

    support: Floats
    said: Floats
    hits: Floats

    @classmethod
    def of(cls, totals: Floats) -> ClassCounts:
        """Take apart summed tallies."""
        support, said, hits = np.split(totals, 3, axis=-1)
        return cls(support=support, said=said, hits=hits)

    @property
    def empty(self) -> Floats:
        """NaN for every row of counts."""
        return np.full(self.hits.shape[:-1], np.nan)

    @property
    def f1(self) -> Floats:
        """F1 of each class; NaN where it is neither expected nor said."""
        return ratio_of(2.0 * self.hits, self.support + self.said)

    @property
    def precision(self) -> Floats:
        """The share of what was said that is right; NaN where it is never said."""
        return ratio_of(self.hits, self.said)

    @property
    def recall(self) -> Floats:
        """The share of what was expected that was said; NaN where it is never expected."""
        return ratio_of(self.hits, self.support)

    def averaged(self, of_class: Floats, weights: Floats) -> Floats:
        """Return the weighted mean over the classes with support; NaN without any."""
        present = np.where(self.support > 0.0, weights, 0.0)
        filled = np.where(self.support > 0.0, of_class, 0.0)
        return ratio_of((present * filled).sum(axis=-1), present.sum(axis=-1))


@dataclass(frozen=True, kw_only=True)
class ClassMetric(LabelMetric):
    """A value of what was expected and said of each class."""

    family: ClassVar[Family] = Family.CORPUS

    def additive(self, rows: Rows, labels: tuple[str, ...]) -> Tallies:
        """Count each row's expected label, its predicted one, and both where they are equal."""
        counted = self.counted(labels)
        code_of = {label: code for code, label in enumerate(counted)}
        codes_of = np.array([-1, *(code_of.get(label, -1) for label in labels)], np.int32)
        codes = np.empty((*rows.shape[:2], 3), np.int32)
        for part, block in rows.blocks():
            codes[part, :, :2] = codes_of[block.astype(np.intp)]
        is_hit = codes[..., 0] == codes[..., 1]
        codes[..., 2] = np.where(is_hit, codes[..., 0], np.int32(-1))
        return Tallies(codes=codes, size=len(counted))

    def counted(self, labels: Sequence[str]) -> Sequence[str]:
        """Return which of a run's classes count: all of them."""
        return labels

    def chosen(self, labels: Sequence[str], wanted: Sequence[str]) -> Sequence[str]:
        """Return the classes among `wanted`; refuse with a sentence where there is none."""
        names = {self.cleaned_label(label) for label in wanted}
        found = [label for label in labels if label in names]
        if labels and not found:
            expected = ", ".join(map(shown, labels[:_SHOWN])) + ", ..." * (len(labels) > _SHOWN)
            raise NoClassesError(
                f"No example expects {' or '.join(map(shown, sorted(names)[:_SHOWN]))}. "
                f"Expected are: {expected}."
            )
        return found

    def values_of(self, totals: Floats) -> Floats:
        """Return the value of summed counts; NaN where it is undefined."""
        return self.value(ClassCounts.of(totals))

    @abstractmethod
    def value(self, counts: ClassCounts) -> Floats:
        """Return the value of each row of counts."""


@dataclass(frozen=True, kw_only=True)
class ChosenClasses(ClassMetric):
    """A mean over the classes of the run, or over some of them."""

    labels: JsonText | None = parameter(
        default=None,
        kind=Kind.JSON,
        meaning="The classes that count, as a list of labels; without it all that are expected "
        "anywhere in the run. One that is never expected does not count.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.labels is not None and not _is_labels(self.labels.value()):
            raise MetricParamsError(
                f'{self.name}: labels is a list of different labels, such as ["spam", "ham"].'
            )

    def signed_params(self) -> dict[str, object]:
        """Return every parameter, labels as they are read: their order and case do not matter."""
        signed = super().signed_params()
        if self.labels is not None:
            read = sorted({self.cleaned_label(label) for label in _texts(self.labels)})
            signed["labels"] = JsonText.of(read)
        return signed

    def counted(self, labels: Sequence[str]) -> Sequence[str]:
        """Return the classes that were chosen."""
        return labels if self.labels is None else self.chosen(labels, _texts(self.labels))


def _is_labels(value: object) -> bool:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        return False
    return 0 < len(set(value)) == len(value)


def _texts(labels: JsonText) -> list[str]:
    value = labels.value()
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


@dataclass(frozen=True, kw_only=True)
class F1Macro(ChosenClasses):
    """The plain mean of the classes' F1: a rare class weighs as much as a frequent one."""

    name: ClassVar[str] = "f1_macro"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Macro F1"
    summary: ClassVar[str] = "The mean of the classes' F1, each class weighing alike."
    formula: ClassVar[str] = (
        "Mean over the classes of F1 = 2 hits / (expected + said). A class that is not expected"
        " among the examples in question (a slice) is not averaged. " + _INDICATIVE
    )
    source: ClassVar[str] = _SOKOLOVA

    def value(self, counts: ClassCounts) -> Floats:
        """Average over the classes with support."""
        return counts.averaged(counts.f1, np.ones_like(counts.support))


@dataclass(frozen=True, kw_only=True)
class F1Micro(ChosenClasses):
    """F1 of all classes together."""

    name: ClassVar[str] = "f1_micro"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Micro F1"
    summary: ClassVar[str] = "F1 over all classes together: saying no class costs less than wrong."
    formula: ClassVar[str] = (
        "2 hits / (expected + said), each summed over the classes. Where every output says one "
        "of the classes, and all count, it equals accuracy. " + _INDICATIVE
    )
    source: ClassVar[str] = _SOKOLOVA

    def value(self, counts: ClassCounts) -> Floats:
        """Sum over the classes before dividing."""
        whole = counts.support.sum(axis=-1) + counts.said.sum(axis=-1)
        return ratio_of(2.0 * counts.hits.sum(axis=-1), whole)


@dataclass(frozen=True, kw_only=True)
class F1Weighted(ChosenClasses):
    """The mean of the classes' F1, weighted by how often each is expected."""

    name: ClassVar[str] = "f1_weighted"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Weighted F1"
    summary: ClassVar[str] = "The mean of the classes' F1, weighted by how often each is expected."
    formula: ClassVar[str] = (
        "Sum over the classes of expected / all expected · F1, F1 = 2 hits / (expected + said)."
        " " + _INDICATIVE
    )
    source: ClassVar[str] = _SOKOLOVA

    def value(self, counts: ClassCounts) -> Floats:
        """Average with the support as weight."""
        return counts.averaged(counts.f1, counts.support)


@dataclass(frozen=True, kw_only=True)
class BalancedAccuracy(ClassMetric):
    """The mean of the classes' recall: guessing the most frequent class gives 1 / classes."""

    name: ClassVar[str] = "balanced_accuracy"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Balanced accuracy"
    summary: ClassVar[str] = "The mean of the classes' recall, each class weighing alike."
    formula: ClassVar[str] = (
        "Mean over the classes of hits / expected. A class that is not expected among the "
        "examples in question (a slice) is not averaged. " + _INDICATIVE
    )
    source: ClassVar[str] = (
        "Brodersen et al. 2010, The balanced accuracy and its posterior distribution"
    )

    def value(self, counts: ClassCounts) -> Floats:
        """Average over the classes with support."""
        return counts.averaged(counts.recall, np.ones_like(counts.support))


@dataclass(frozen=True, kw_only=True)
class Mcc(ClassMetric):
    """Matthews' correlation of expected and predicted labels, for any number of classes."""

    name: ClassVar[str] = "mcc"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Matthews correlation coefficient"
    summary: ClassVar[str] = "How expected and predicted labels correlate: 0 is chance."
    formula: ClassVar[str] = (
        "(n·hits - Σ t p) / √((n² - Σ p²)(n² - Σ t²)), t and p how often each class is expected"
        " and said; all that is no class counts as one more p. Undefined where only one class "
        "is expected, or said. " + _INDICATIVE
    )
    source: ClassVar[str] = (
        "Gorodkin 2004, Comparing two K-category assignments by a K-category correlation "
        "coefficient"
    )
    low: ClassVar[float] = -1.0

    def value(self, counts: ClassCounts) -> Floats:
        """Return the correlation R_K."""
        n = counts.support.sum(axis=-1)
        other = n - counts.said.sum(axis=-1)
        both = n * counts.hits.sum(axis=-1) - (counts.support * counts.said).sum(axis=-1)
        of_said = n**2 - (counts.said**2).sum(axis=-1) - other**2
        of_expected = n**2 - (counts.support**2).sum(axis=-1)
        return ratio_of(both, np.sqrt(np.maximum(of_said * of_expected, 0.0)))


@dataclass(frozen=True, kw_only=True)
class CohenKappa(ClassMetric):
    """Agreement of expected and predicted labels beyond what their shares alone would give."""

    name: ClassVar[str] = "cohen_kappa"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Cohen's kappa"
    summary: ClassVar[str] = "Agreement of expected and predicted labels beyond chance."
    formula: ClassVar[str] = (
        "(p_o - p_e) / (1 - p_e), p_o the share of right labels, p_e = Σ t p / n² with t and p "
        "how often each class is expected and said. Undefined where p_e is 1. " + _INDICATIVE
    )
    source: ClassVar[str] = "Cohen 1960, A coefficient of agreement for nominal scales"
    low: ClassVar[float] = -1.0

    def value(self, counts: ClassCounts) -> Floats:
        """Return kappa, multiplied through with n²."""
        n = counts.support.sum(axis=-1)
        chance = (counts.support * counts.said).sum(axis=-1)
        return ratio_of(n * counts.hits.sum(axis=-1) - chance, n**2 - chance)


@dataclass(frozen=True, kw_only=True)
class OneClass(ClassMetric):
    """A value of one class of the run."""

    label: str = required_parameter(
        sample="yes",
        kind=Kind.TEXT,
        meaning="The class, as it stands in the expected outputs.",
    )

    def signed_params(self) -> dict[str, object]:
        """Return every parameter, the label as it is read."""
        return {**super().signed_params(), "label": self.cleaned_label(self.label)}

    def counted(self, labels: Sequence[str]) -> Sequence[str]:
        """Return the one class."""
        return self.chosen(labels, [self.label])

    def value(self, counts: ClassCounts) -> Floats:
        """Return the value of the one class; NaN where no class is expected at all."""
        return self.of_class(counts).sum(axis=-1) if counts.hits.shape[-1] else counts.empty

    @abstractmethod
    def of_class(self, counts: ClassCounts) -> Floats:
        """Return the value of every class."""


@dataclass(frozen=True, kw_only=True)
class ClassF1(OneClass):
    """F1 of one class."""

    name: ClassVar[str] = "class_f1"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "F1 of a class"
    summary: ClassVar[str] = "The harmonic mean of one class's precision and recall."
    formula: ClassVar[str] = (
        "2 hits / (expected + said) of the class; undefined where it is neither expected nor "
        "said. " + _INDICATIVE
    )
    source: ClassVar[str] = _POWERS

    def of_class(self, counts: ClassCounts) -> Floats:
        """Return F1."""
        return counts.f1


@dataclass(frozen=True, kw_only=True)
class ClassPrecision(OneClass):
    """Precision of one class."""

    name: ClassVar[str] = "class_precision"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Precision of a class"
    summary: ClassVar[str] = "Of the outputs that say the class, the share that is right."
    formula: ClassVar[str] = (
        "hits / said of the class; undefined where it is never said. " + _INDICATIVE
    )
    source: ClassVar[str] = _POWERS

    def of_class(self, counts: ClassCounts) -> Floats:
        """Return precision."""
        return counts.precision


@dataclass(frozen=True, kw_only=True)
class ClassRecall(OneClass):
    """Recall of one class."""

    name: ClassVar[str] = "class_recall"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Recall of a class"
    summary: ClassVar[str] = "Of the examples that expect the class, the share that is found."
    formula: ClassVar[str] = (
        "hits / expected of the class; undefined where it is never expected. " + _INDICATIVE
    )
    source: ClassVar[str] = _POWERS

    def of_class(self, counts: ClassCounts) -> Floats:
        """Return recall."""
        return counts.recall
