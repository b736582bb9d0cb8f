"""What is read of the ledger of judges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db.models import Count, Q, QuerySet, Sum
from django.http import Http404

from evalhub.accounts.models import Project
from evalhub.datasets.selectors import examples_at
from evalhub.judging.models import JudgeCall
from evalhub.judging.questions import Instrument, Question, question_about
from evalhub.runs.models import Output
from metrics.judge import RUBRICS

LONG_TEXTS = ("reply", "settings")


def calls_of(project: Project) -> QuerySet[JudgeCall]:
    """Return a project's calls, newest first, without what no list shows."""
    calls = JudgeCall.objects.filter(project=project).select_related("run__system_version__system")
    return calls.defer(*LONG_TEXTS).order_by("-pk")


def call_of(project: Project, digest: str) -> JudgeCall:
    call = JudgeCall.objects.filter(project=project, digest=digest)
    found = call.select_related("run__version__dataset", "run__system_version__system").first()
    if found is None:
        raise Http404("There is no such call of a judge.")
    return found


def totals_of(project: Project) -> Sequence[Mapping[str, object]]:
    """Return what was asked by rubric and model; sums are null where nothing is known."""
    answered, failed = Q(state=JudgeCall.State.ANSWERED), Q(state=JudgeCall.State.FAILED)
    return list(
        JudgeCall.objects.filter(project=project)
        .values("rubric", "rubric_version", "model")
        .annotate(
            n=Count("pk"),
            n_verdicts=Count("pk", filter=answered & Q(reason=0)),
            n_without=Count("pk", filter=answered & ~Q(reason=0)),
            n_failed=Count("pk", filter=failed),
            n_asking=Count("pk", filter=Q(state=JudgeCall.State.ASKING)),
            n_answered=Count("pk", filter=answered),
            input_tokens=Sum("input_tokens"),
            output_tokens=Sum("output_tokens"),
            n_costed=Count("cost"),
            cost=Sum("cost"),
        )
        .order_by("rubric", "rubric_version", "model")
    )


def question_of(call: JudgeCall) -> Question | None:
    """Return what was asked, made anew from the output; None where that is no longer the same."""
    rubric = RUBRICS.get(call.rubric)
    if rubric is None or call.run is None:
        return None
    output = Output.objects.filter(
        run=call.run, position=call.position, attempt=call.attempt
    ).first()
    if output is None:
        return None
    [example] = examples_at(call.run.version, call.position, call.position + 1)
    instrument = Instrument(rubric=rubric, model=call.model, settings=call.settings)
    question = question_about(instrument, example.fields, output)
    return question if question and question.digest == call.digest else None
