"""`manage.py recompute`: the stored numbers are those that the stored columns give."""

import math
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from evalhub.accounts.services import COMMAND_LINE
from evalhub.reports import recomputing
from evalhub.reports.models import Comparison, Finding
from evalhub.reports.services import compare_runs
from evalhub.runs import services as runs
from evalhub.runs.models import Reopening
from tests.evalhub.reports.test_comparing import answers, runs_of, version_with_slices
from tests.evalhub.runs.building import a_run, scored, submit
from tests.factories import a_member, a_project, a_version, example_row

pytestmark = pytest.mark.django_db


@pytest.fixture
def comparison():
    old, new = runs_of(
        version_with_slices(a_project()),
        set(range(1, 17)),
        {17, 18},
        # Of errors fewer are better, and there are none: no gain is 0.0, which is kept, not -0.0.
        metrics=["exact_match", "bleu", "error_rate"],
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


def a_reopened(run, *lines):
    runs.reopen_run(run=run, actor=COMMAND_LINE)
    submit(run, *lines)


def test_outputs_that_were_replaced_change_no_stored_report(client):
    project = a_project()
    rows = [
        example_row(f"q{i}", expected_output=f"a{i}", metadata={"critical": i <= 4})
        for i in range(1, 31)
    ]
    version = a_version(project, rows)
    old = scored(a_run(version, system="old"), *answers(30, {1}))
    lines = [one for one in answers(30, {2, 5, 6}) if one["key"] not in ("q3", "q4")]
    new = scored(a_run(version, system="new"), *lines, {"key": "q4", "error": "slow"})
    comparison = compare_runs(baseline=old, candidate=new, actor=COMMAND_LINE)
    assert comparison.critical["failing"] == [1, 2, 3]
    client.force_login(a_member(project, "viewer"))
    address = f"/comparisons/{comparison.public_id}/"

    forms = {form: f"report/{form}" for form in ("html", "markdown", "csv", "junit", "json")}

    def read():
        return {
            form: client.get(f"{address}{tail}").content.decode()
            for form, tail in {"page": "", **forms}.items()
        }

    before = read()
    # The same outputs again, or a reopening alone, replace nothing.
    a_reopened(new, *lines, {"key": "q4", "error": "slow"})
    assert read()["json"] == before["json"]
    others = [{"key": f"q{i}", "output": f"other {i}"} for i in (3, 4, 5)]
    submit(new, *others)
    scored(new)
    a_reopened(new, {"key": "q6", "output": "third"})  # later generations are no matter
    for form, text in read().items():
        assert f"The candidate {new.public_id} was reopened on " in text, form
        assert "and 4 outputs were replaced." in text, form
        assert not [one for one in ("other 3", "other 4", "other 5", "third") if one in text]
    page = read()["page"]
    # q4 among the critical ones, q4, q5 and q6 among the losses; of q3 nothing was there to show.
    assert page.count("Not shown: replaced since it was compared.") == 4
    code, said = recomputed(comparison)
    assert (code, "The bits agree" in said, "4 outputs were replaced" in said) == (0, True, True)

    # A release before kept nothing: then all is hidden, and the cause is named.
    Reopening.objects.all().delete()
    page = read()["page"]
    assert "which of its outputs were replaced is not known, so none of them is shown" in page
    code, said = recomputed(comparison)
    assert (code, "is not known" in said, "coverage, candidate, errors" in said) == (1, True, True)
