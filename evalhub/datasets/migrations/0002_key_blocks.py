"""Keep where keys stand in blocks that versions share, and no index that nothing reads."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("datasets", "0001_initial")]

    operations = [
        migrations.RemoveIndex(model_name="example", name="example_by_key"),
        migrations.AlterField(
            model_name="example",
            name="dataset",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="examples",
                to="datasets.dataset",
            ),
        ),
        migrations.CreateModel(
            name="KeyBlock",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("digest", models.CharField(max_length=64)),
                ("number", models.PositiveIntegerField()),
                ("blob", models.BinaryField()),
                (
                    "dataset",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="key_blocks",
                        to="datasets.dataset",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint("dataset", "digest", "number", name="key_block_once"),
                ],
            },
        ),
        migrations.AddField(
            model_name="datasetversion",
            name="keys_digest",
            field=models.CharField(default="", max_length=64),
            preserve_default=False,
        ),
    ]
