"""Keep PostgreSQL from compressing again what is compressed already."""

from django.db import migrations

TABLE, BLOBS = "runs_scorecolumn", ("values", "reasons", "statistics")


def store_outside(apps, schema_editor):
    set_storage(schema_editor, "EXTERNAL")


def store_as_usual(apps, schema_editor):
    set_storage(schema_editor, "EXTENDED")


def set_storage(schema_editor, storage):
    if schema_editor.connection.vendor != "postgresql":
        return
    for blob in BLOBS:
        column = schema_editor.quote_name(blob)
        schema_editor.execute(f"ALTER TABLE {TABLE} ALTER COLUMN {column} SET STORAGE {storage}")


class Migration(migrations.Migration):
    dependencies = [("runs", "0001_initial")]
    operations = [migrations.RunPython(store_outside, store_as_usual)]
