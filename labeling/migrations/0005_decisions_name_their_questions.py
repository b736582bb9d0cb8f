# Nothing has written a decision before this, so columns that must not be empty have no default.

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("labeling", "0004_answers_name_their_questions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="decisionrevision",
            name="decision_revision_once_per_number",
        ),
        migrations.RemoveField(
            model_name="decisionrevision",
            name="decision",
        ),
        migrations.AddField(
            model_name="decision",
            name="question_set",
            field=models.ForeignKey(
                db_index=False,
                default=None,
                on_delete=django.db.models.deletion.RESTRICT,
                related_name="+",
                to="labeling.questionset",
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="decisionrevision",
            name="question_set",
            field=models.ForeignKey(
                db_index=False,
                default=None,
                on_delete=django.db.models.deletion.RESTRICT,
                related_name="+",
                to="labeling.questionset",
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="decisionrevision",
            name="unit",
            field=models.ForeignKey(
                db_index=False,
                default=None,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="decision_revisions",
                to="labeling.unit",
            ),
            preserve_default=False,
        ),
        migrations.AddConstraint(
            model_name="decisionrevision",
            constraint=models.UniqueConstraint(
                models.F("unit"), models.F("number"), name="decision_revision_once_per_number"
            ),
        ),
    ]
