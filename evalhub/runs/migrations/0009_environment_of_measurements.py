"""Each measurement says what it was made with; those that are there, what their run was."""

from django.db import migrations, models
from django.db.models import OuterRef, Subquery


def take_over(apps, schema_editor):
    run = apps.get_model("runs", "Run")
    own = Subquery(run.objects.filter(pk=OuterRef("run")).values("environment")[:1])
    measurements = apps.get_model("runs", "Measurement").objects
    measurements.filter(state="scored").update(environment=own)


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0008_one_index_of_outputs"),
    ]

    operations = [
        migrations.AddField(
            model_name="measurement",
            name="environment",
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.RunPython(take_over, migrations.RunPython.noop, elidable=True),
    ]
