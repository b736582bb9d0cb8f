"""Runs can be scored in bulk, and a generation says whether it follows a reopening."""

import functools

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import evalhub.identifiers


def keep_hiding(apps, schema_editor):
    """Until now a newest generation hid earlier ones whatever became of it: let it, where it is."""
    measurements = apps.get_model("runs", "Measurement").objects
    stopped = measurements.filter(generation__gt=1, state__in=("waiting", "cancelled"))
    stopped.update(is_after_reopening=True)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("datasets", "0001_initial"),
        ("runs", "0003_metrics_without_direction"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="measurement",
            name="is_after_reopening",
            field=models.BooleanField(default=False),
        ),
        migrations.CreateModel(
            name="Rescoring",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "public_id",
                    models.CharField(
                        default=functools.partial(evalhub.identifiers.new_id, "res"),
                        max_length=24,
                        unique=True,
                    ),
                ),
                ("specs", models.JSONField()),
                ("is_again", models.BooleanField(default=False)),
                ("digest", models.CharField(max_length=64)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("working", "Working"),
                            ("done", "Done"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="working",
                        max_length=10,
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "dataset",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rescorings",
                        to="datasets.dataset",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rescorings",
                        to="accounts.project",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="datasets.datasetversion",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="RescoredRun",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("working", "Working"),
                            ("scored", "Scored"),
                            ("skipped", "Skipped"),
                            ("failed", "Failed"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("why", models.TextField(blank=True, default="")),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="runs.run",
                    ),
                ),
                (
                    "rescoring",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="parts",
                        to="runs.rescoring",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="job",
            name="rescoring",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="jobs",
                to="runs.rescoring",
            ),
        ),
        migrations.AddIndex(
            model_name="rescoring",
            index=models.Index(fields=["dataset", "-id"], name="rescorings_of_dataset"),
        ),
        migrations.AddIndex(
            model_name="rescoring",
            index=models.Index(
                condition=models.Q(("state", "working")), fields=["id"], name="rescorings_working"
            ),
        ),
        migrations.AddConstraint(
            model_name="rescoring",
            constraint=models.UniqueConstraint(
                models.F("dataset"),
                models.F("digest"),
                condition=models.Q(("state", "working")),
                name="rescoring_once_at_a_time",
            ),
        ),
        migrations.AddIndex(
            model_name="rescoredrun",
            index=models.Index(
                condition=models.Q(("state__in", ("waiting", "working"))),
                fields=["rescoring", "id"],
                name="rescored_runs_unfinished",
            ),
        ),
        migrations.AddConstraint(
            model_name="rescoredrun",
            constraint=models.UniqueConstraint(
                models.F("rescoring"), models.F("run"), name="run_once_per_rescoring"
            ),
        ),
        migrations.RunPython(keep_hiding, migrations.RunPython.noop),
    ]
