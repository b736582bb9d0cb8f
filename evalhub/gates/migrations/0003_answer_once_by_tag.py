from django.db import migrations, models


class Migration(migrations.Migration):
    """A question to a gate names a branch: a waiver for one branch is none for another."""

    dependencies = [
        ("gates", "0002_answer_tag"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="gateanswer", name="gate_answer_once"),
        migrations.AddConstraint(
            model_name="gateanswer",
            constraint=models.UniqueConstraint(
                models.F("gate"),
                models.F("comparison"),
                models.F("tag"),
                name="gate_answer_once",
            ),
        ),
    ]
