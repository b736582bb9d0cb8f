"""What systems answered and how well: systems, runs, outputs, measurements, scores, ratings."""

from __future__ import annotations

from functools import partial
from typing import Self

from django.db import models
from django.db.models import F, Q

from evalhub.accounts.models import Project, User, valid_slug
from evalhub.datasets.models import Dataset, DatasetVersion
from evalhub.identifiers import new_id

new_run_id = partial(new_id, "run")
new_measurement_id = partial(new_id, "mea")
new_rescoring_id = partial(new_id, "res")


class System(models.Model):
    """What is evaluated: a model, a prompt, a whole pipeline."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="systems")
    slug = models.CharField(max_length=100, validators=[valid_slug])
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint("project", "slug", name="system_slug_once_per_project"),
        ]

    def __str__(self) -> str:
        return self.slug


class SystemVersion(models.Model):
    """A system in one state, named by its owner; an empty name is the unnamed version."""

    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="versions")
    name = models.CharField(max_length=100, blank=True, default="")
    configuration = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint("system", "name", name="system_version_once_per_system"),
        ]

    def __str__(self) -> str:
        return f"{self.system} {self.name}".strip()


class RunQuerySet(models.QuerySet["Run"]):
    def for_member(self, user: User) -> Self:
        return self.filter(project__memberships__user=user)

    def move(self, *, to: Run.State, **changes: object) -> bool:
        """Move the one matching run on, if its state allows it: a single conditional UPDATE."""
        return bool(self.filter(state__in=Run.BEFORE[to]).update(state=to, **changes))


class Run(models.Model):
    """One system version's outputs on one dataset version."""

    class State(models.TextChoices):
        OPEN = "open"
        SCORING = "scoring"
        SCORED = "scored"
        FAILED = "failed"
        CANCELLED = "cancelled"

    FINISHED = (State.SCORING, State.SCORED, State.FAILED)  # with outputs that stay as they are

    # Where each state may be entered from. A scored run scores again when a measurement is added.
    BEFORE = {
        State.OPEN: (State.SCORED, State.FAILED, State.SCORING, State.CANCELLED),
        State.SCORING: (State.OPEN, State.SCORED, State.FAILED),
        State.SCORED: (State.SCORING,),
        State.FAILED: (State.SCORING,),
        State.CANCELLED: (State.OPEN, State.SCORING),
    }

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="runs")
    public_id = models.CharField(max_length=24, unique=True, default=new_run_id)
    version = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="runs")
    system_version = models.ForeignKey(
        SystemVersion, on_delete=models.PROTECT, related_name="runs"
    )
    attempts = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    git_commit = models.CharField(max_length=100, blank=True, default="")
    params = models.JSONField(default=dict, blank=True)
    tags = models.JSONField(default=list, blank=True)
    external_id = models.CharField(max_length=200, blank=True, default="")
    seed = models.BigIntegerField()
    environment = models.JSONField(default=dict, blank=True)  # of the newest scoring
    n_outputs = models.PositiveIntegerField(default=0)  # kept by the transactions that add them
    n_errors = models.PositiveIntegerField(default=0)
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    scored_at = models.DateTimeField(null=True, blank=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "project",
                "external_id",
                condition=~Q(external_id=""),
                name="external_id_once_per_project",
            ),
        ]
        indexes = [models.Index(fields=["project", "-id"], name="runs_of_project")]

    def __str__(self) -> str:
        return self.public_id

    @property
    def n_expected(self) -> int:
        """How many outputs a complete run has."""
        return self.version.n_examples * self.attempts


class Output(models.Model):
    """What the system gave for one example: text, or JSON, or its error.

    Exactly one of `text`, `data` (canonical JSON text) and `error` is set.
    """

    # The constraint's index begins with the run; every further one costs each upload.
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="outputs", db_index=False)
    position = models.PositiveIntegerField()
    attempt = models.PositiveSmallIntegerField()
    text = models.TextField(null=True, blank=True)  # noqa: DJ001 - an empty text is an answer
    data = models.TextField(null=True, blank=True)  # noqa: DJ001
    error = models.TextField(null=True, blank=True)  # noqa: DJ001
    latency_ms = models.FloatField(null=True, blank=True)
    ttft_ms = models.FloatField(null=True, blank=True)
    input_tokens = models.BigIntegerField(null=True, blank=True)
    output_tokens = models.BigIntegerField(null=True, blank=True)
    cached_tokens = models.BigIntegerField(null=True, blank=True)
    cost = models.FloatField(null=True, blank=True)
    confidence = models.FloatField(null=True, blank=True)
    retrieved = models.TextField(blank=True, default="")  # canonical JSON text
    trace_id = models.CharField(max_length=400, blank=True, default="")
    metadata = models.TextField(blank=True, default="")  # canonical JSON text
    digest = models.BinaryField(max_length=32)  # sha256 of the parsed line

    class Meta:
        constraints = [
            models.UniqueConstraint("run", "position", "attempt", name="output_once_per_attempt"),
            models.CheckConstraint(
                name="output_is_text_or_data_or_error",
                condition=Q(text__isnull=False, data__isnull=True, error__isnull=True)
                | Q(text__isnull=True, data__isnull=False, error__isnull=True)
                | Q(text__isnull=True, data__isnull=True, error__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"output {self.position}/{self.attempt} of run {self.run_id}"


class Reopening(models.Model):
    """A run was opened again: a mark of each of its outputs before (`reopenings.py`).

    Measurements up to `newest_measurement` are about those outputs.
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="reopenings")
    newest_measurement = models.PositiveBigIntegerField()
    marks = models.BinaryField()
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"reopening of run {self.run_id}"


class Measurement(models.Model):
    """One metric spec on one run. Scoring again makes a new one; nothing is overwritten."""

    class State(models.TextChoices):
        WAITING = "waiting"  # the run is still open
        SCORING = "scoring"
        SCORED = "scored"
        FAILED = "failed"
        CANCELLED = "cancelled"

    class Kind(models.TextChoices):
        AUTOMATIC = "automatic"
        REMOTE = "remote"  # a scorer of somebody's, asked over HTTP
        JUDGE = "judge"
        HUMAN = "human"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="measurements")
    public_id = models.CharField(max_length=24, unique=True, default=new_measurement_id)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.AUTOMATIC)
    name = models.CharField(max_length=100)  # the key in all answers: the spec's `as`
    generation = models.PositiveIntegerField(default=1)  # see selectors.current_of_names
    # Made by reopening the run: the generations before it are about other outputs.
    is_after_reopening = models.BooleanField(default=False)
    # Asked for by a comparison, by the candidate's signature: the run answers as it did before.
    is_for_comparison = models.BooleanField(default=False)
    metric = models.CharField(max_length=100)
    params = models.JSONField(default=dict, blank=True)
    signature = models.TextField()
    order = models.PositiveSmallIntegerField(default=0)  # the run's first metric is primary
    # None: neither more nor less is better
    higher_is_better = models.BooleanField(null=True, blank=True, default=True)
    low_bound = models.FloatField(null=True, blank=True)  # the metric's range
    high_bound = models.FloatField(null=True, blank=True)
    family = models.CharField(max_length=10)  # binary, mean, corpus
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    value = models.FloatField(null=True, blank=True)
    low = models.FloatField(null=True, blank=True)
    high = models.FloatField(null=True, blank=True)
    interval_method = models.CharField(max_length=100, blank=True, default="")
    no_interval = models.TextField(blank=True, default="")  # why there is none, in a sentence
    # Of what people say, where others like them might have been asked: low, high, annotators and
    # note, or the reason why there is no interval.
    like_these = models.JSONField(default=dict, blank=True)
    answered_only = models.FloatField(null=True, blank=True)  # without errors and missing outputs
    n_scored = models.PositiveIntegerField(default=0)
    unscored = models.JSONField(default=dict, blank=True)  # {reason: count}
    n_failed = models.PositiveIntegerField(default=0)
    problem = models.TextField(blank=True, default="")  # why it failed, in a sentence
    environment = models.JSONField(default=dict, blank=True)  # library versions it was made with
    created_at = models.DateTimeField()
    scored_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "run", "name", "generation", name="measurement_once_per_generation"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} of run {self.run_id}"

    @property
    def worst(self) -> float | None:
        """What an output that is an error or missing scores; None where nothing is the worst."""
        if self.higher_is_better is None:
            return None
        return self.low_bound if self.higher_is_better else self.high_bound


class Rating(models.Model):
    """One rater's value for one output: a person's, an imported annotator's, or a judge's.

    A decision is an expert's, who saw what all of them said.
    """

    measurement = models.ForeignKey(Measurement, on_delete=models.CASCADE, related_name="ratings")
    position = models.PositiveIntegerField()
    attempt = models.PositiveSmallIntegerField()
    rater = models.CharField(max_length=200)  # empty for a decision
    is_decision = models.BooleanField(default=False)  # stands before what raters said
    value = models.FloatField(null=True, blank=True)
    reason = models.PositiveSmallIntegerField(default=0)  # metrics.reasons; 0 is a value
    at = models.DateTimeField()
    revision = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "measurement", "position", "attempt", "rater", name="rating_once_per_rater"
            ),
            models.CheckConstraint(
                name="rating_has_value_or_reason",
                condition=Q(value__isnull=False, reason=0)
                | (Q(value__isnull=True) & ~Q(reason=0)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rater} on {self.position}/{self.attempt}"


class ScoreNote(models.Model):
    """A scorer's own words about one output: why it has its value, or none."""

    measurement = models.ForeignKey(Measurement, on_delete=models.CASCADE, related_name="notes")
    position = models.PositiveIntegerField()
    attempt = models.PositiveSmallIntegerField()
    words = models.CharField(max_length=300)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "measurement", "position", "attempt", name="note_once_per_output"
            ),
        ]

    def __str__(self) -> str:
        return f"note on {self.position}/{self.attempt}"


class ScoreColumn(models.Model):
    """The scores of one measurement for positions [start, start + n), every attempt of each.

    Row i of a column is position start + i // attempts, attempt i % attempts + 1. `values` is
    float64, NaN exactly where `reasons` (uint8) is not 0; `statistics` are additive rows,
    column-major. All are shuffled and zstd-compressed; `codec` names how. Statistics that name
    labels hold places in `labels`, the column's own vocabulary: zstd-compressed JSON.
    """

    measurement = models.ForeignKey(
        Measurement, on_delete=models.CASCADE, related_name="score_columns"
    )
    start = models.PositiveIntegerField()
    n = models.PositiveIntegerField()
    values = models.BinaryField()
    reasons = models.BinaryField()
    statistics = models.BinaryField()
    n_statistics = models.PositiveSmallIntegerField(default=0)
    labels = models.BinaryField(default=b"")
    inputs_digest = models.CharField(max_length=64)
    codec = models.CharField(max_length=20)

    class Meta:
        constraints = [
            models.UniqueConstraint("measurement", "start", name="column_once_per_start"),
        ]

    def __str__(self) -> str:
        return f"{self.start}+{self.n} of measurement {self.measurement_id}"


class RescoringQuerySet(models.QuerySet["Rescoring"]):
    def for_member(self, user: User) -> Self:
        return self.filter(project__memberships__user=user)

    def move(self, *, of: Rescoring.State, to: Rescoring.State, **changes: object) -> bool:
        """Move the one matching re-scoring on, if that is its state: one conditional UPDATE."""
        return bool(self.filter(state=of).update(state=to, **changes))


class Rescoring(models.Model):
    """Metrics that many runs of a dataset are scored with: the record of what is to be done."""

    class State(models.TextChoices):
        WORKING = "working"
        DONE = "done"
        CANCELLED = "cancelled"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="rescorings")
    public_id = models.CharField(max_length=24, unique=True, default=new_rescoring_id)
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="rescorings")
    version = models.ForeignKey(  # of which the runs are; null is every version
        DatasetVersion, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    specs = models.JSONField()
    # Whether runs that have exactly these numbers are scored as well.
    is_again = models.BooleanField(default=False)
    # Whether the numbers stand beside those that the runs answer with, and not in their place.
    is_for_comparison = models.BooleanField(default=False)
    digest = models.CharField(max_length=64)  # of what was asked for
    state = models.CharField(max_length=10, choices=State, default=State.WORKING)
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = RescoringQuerySet.as_manager()

    class Meta:
        constraints = [
            # A button that is pressed twice begins one.
            models.UniqueConstraint(
                "dataset",
                "digest",
                condition=Q(state="working"),
                name="rescoring_once_at_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["dataset", "-id"], name="rescorings_of_dataset"),
            models.Index(fields=["id"], name="rescorings_working", condition=Q(state="working")),
        ]

    def __str__(self) -> str:
        return self.public_id


class RescoredRun(models.Model):
    """One run of a re-scoring, and how it goes with it."""

    class State(models.TextChoices):
        WAITING = "waiting"  # in a cancelled re-scoring: called off
        WORKING = "working"
        SCORED = "scored"
        SKIPPED = "skipped"
        FAILED = "failed"

    ENDED = (State.SCORED, State.SKIPPED, State.FAILED)

    rescoring = models.ForeignKey(Rescoring, on_delete=models.CASCADE, related_name="parts")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="+")
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    why = models.TextField(blank=True, default="")  # why it was skipped or failed: a sentence

    class Meta:
        constraints = [
            models.UniqueConstraint("rescoring", "run", name="run_once_per_rescoring"),
        ]
        indexes = [
            models.Index(
                fields=["rescoring", "id"],
                name="rescored_runs_unfinished",
                condition=Q(state__in=("waiting", "working")),
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.run_id} of rescoring {self.rescoring_id}"


class Job(models.Model):
    """Work on one run: the chunks of it, and the measurements they fill."""

    class State(models.TextChoices):
        WORKING = "working"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="jobs")
    kind = models.CharField(max_length=20)  # a name of settings.CHUNK_RUNNERS
    measurements = models.ManyToManyField(Measurement, related_name="jobs")
    rescoring = models.ForeignKey(
        Rescoring, on_delete=models.SET_NULL, null=True, blank=True, related_name="jobs"
    )
    state = models.CharField(max_length=10, choices=State, default=State.WORKING)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.kind} job {self.pk} of run {self.run_id}"


class Chunk(models.Model):
    """Positions [start, stop) of a job: what a worker claims, does, and marks done.

    `fence` grows with every claim; a worker writes only while owner and fence are still its own.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        CLAIMED = "claimed"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="chunks")
    start = models.PositiveIntegerField()
    stop = models.PositiveIntegerField()
    turn = models.BigIntegerField()  # runs interleave: the k-th chunks of all runs come together
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    lease_until = models.DateTimeField(null=True, blank=True)
    owner = models.CharField(max_length=100, blank=True, default="")
    fence = models.PositiveIntegerField(default=0)
    crashes = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(null=True, blank=True)  # a retry waits until then
    tries = models.PositiveSmallIntegerField(default=0)  # how often others gave no answer
    error = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint("job", "start", "stop", name="chunk_once_per_job"),
            models.CheckConstraint(name="chunk_is_not_empty", condition=Q(start__lt=F("stop"))),
        ]
        indexes = [
            models.Index(
                fields=["turn", "id"], name="chunks_waiting", condition=Q(state="waiting")
            ),
            models.Index(
                fields=["lease_until"], name="chunks_claimed", condition=Q(state="claimed")
            ),
        ]

    def __str__(self) -> str:
        return f"[{self.start}, {self.stop}) of job {self.job_id}"


class Worker(models.Model):
    """A worker process and when it was last alive, on the database's clock."""

    name = models.CharField(max_length=100, unique=True)
    host = models.CharField(max_length=200)
    pid = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
