"""What dealing keeps: where each person is, how sides stand, and which units are controls."""

import django.db.models.deletion
from django.db import migrations, models

PURPOSES = [
    ("label", "Label"),
    ("control", "Control"),
    ("qualification", "Qualification"),
]
COUNTS = [
    *(("campaign", "n_controls"), ("campaign", "n_identical")),
    *(("annotator", "n_controls"), ("annotator", "n_qualification"), ("annotator", "reached")),
]


def count():
    return models.PositiveIntegerField(default=0)


class Migration(migrations.Migration):
    dependencies = [("labeling", "0005_decisions_name_their_questions")]
    operations = [
        *(migrations.AddField(model, name, count()) for model, name in COUNTS),
        migrations.AddField("annotator", "sides", models.JSONField(blank=True, default=dict)),
        migrations.AddField("annotator", "pace", models.JSONField(blank=True, default=list)),
        migrations.AddField("draft", "before", models.JSONField(blank=True, default=dict)),
        # Nothing has made a control yet, so that the columns need no values.
        migrations.AddField(
            "control",
            "campaign",
            models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="controls",
                to="labeling.campaign",
            ),
        ),
        migrations.AddField("control", "bundle", models.PositiveIntegerField()),
        migrations.AddField(
            "control", "purpose", models.CharField(choices=PURPOSES, max_length=13)
        ),
    ]
