"""`manage.py recompute`: the stored numbers are those that the stored columns give."""

import math
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from evalhub.accounts.services import COMMAND_LINE
from evalhub.reports import recomputing
from evalhub.reports.models import Comparison, Finding
from evalhub.reports.services import compare_runs
from tests.evalhub.reports.test_comparing import runs_of, version_with_slices
from tests.factories import a_project

pytestmark = pytest.mark.django_db


@pytest.fixture
def comparison():
    old, new = runs_of(
        version_with_slices(a_project()),
        set(range(1, 17)),
        {17, 18},
        metrics=["exact_match", "bleu"],
    )
    return compare_runs(baseline=old, candidate=new, actor=COMMAND_LINE)


def recomputed(comparison):
    """Return the exit code and what was said."""
    out = StringIO()
    try:
        call_command("recompute", comparison.public_id, stdout=out)
    except CommandError as exc:
        return exc.returncode, out.getvalue() + str(exc)
    return 0, out.getvalue()


def nudged(comparison, change):
    """Change the stored gain of the primary finding."""
    (finding,) = comparison.findings.filter(is_primary=True)
    Finding.objects.filter(pk=finding.pk).update(gain=change(finding.gain))


def test_what_is_stored_comes_out_again_to_the_bit(comparison):
    code, said = recomputed(comparison)
    assert (code, said.startswith("The bits agree: ")) == (0, True)
    held = {place.rpartition(", ")[2] for place in recomputing._values(comparison, [Finding()])}
    columns = {field.attname for field in Finding._meta.concrete_fields}
    assert columns - held == {"id", "comparison_id"}


def test_a_last_bit_agrees_with_words_and_more_does_not(comparison):
    nudged(comparison, lambda gain: math.nextafter(gain, 1.0))
    code, said = recomputed(comparison)
    assert code == 0
    assert "exact_match, gain: stored 0.2333333333333" in said
    assert "agree within 1e-9; 1 value not to the bit." in said
    nudged(comparison, lambda gain: gain + 1e-6)
    code, said = recomputed(comparison)
    assert code == 1
    assert "CommandError" not in said
    assert "1 value of " in said


@pytest.mark.parametrize(
    "change",
    [
        lambda one: one.findings.filter(slice_level="b", metric="bleu").delete(),
        lambda one: one.findings.filter(is_primary=True).update(outcome="equivalent"),
        lambda one: one.findings.filter(is_primary=True).update(p_exact=None),
        lambda one: Comparison.objects.filter(pk=one.pk).update(coverage={"shared": 60}),
    ],
    ids=["a row less", "a word", "a number less", "a part less"],
)
def test_where_it_differs_is_said(comparison, change):
    change(comparison)
    code, said = recomputed(comparison)
    assert (code, "stored" in said, "computed" in said) == (1, True, True)


def test_another_version_of_the_method_is_said_and_not_tried(comparison):
    Comparison.objects.filter(pk=comparison.pk).update(method=1)
    code, said = recomputed(comparison)
    assert (code, "was made by version 1 of the method" in said) == (2, True)


def test_a_comparison_that_is_none(comparison):
    for name in ("cmp_none", "a\0"):
        with pytest.raises(CommandError, match="There is no comparison"):
            call_command("recompute", name)
