"""Write the key indexes of the versions so far as blocks."""

import hashlib

import numpy as np
import zstandard
from django.db import migrations

from evalhub.datasets.packing import KEY_BYTES, KeyIndex


def split_indexes(apps, schema_editor):
    """Write each version's index as blocks, named by the digests of its keys in order."""
    versions = apps.get_model("datasets", "DatasetVersion").objects
    blocks = apps.get_model("datasets", "KeyBlock").objects
    block = apps.get_model("datasets", "KeyBlock")
    for version in versions.only("dataset_id", "key_index").iterator(chunk_size=1):
        digests = digests_in_order(bytes(version.key_index))
        name = hashlib.sha256(digests).hexdigest()
        for number, blob in enumerate(KeyIndex.build(digests).blocks()):
            kept = block(dataset_id=version.dataset_id, digest=name, number=number, blob=blob)
            blocks.bulk_create([kept], ignore_conflicts=True)
        versions.filter(pk=version.pk).update(keys_digest=name)


def digests_in_order(key_index):
    """Read an index of before: sorted halves of digests, and their positions."""
    raw = zstandard.ZstdDecompressor().decompress(key_index)
    n = len(raw) // (KEY_BYTES + 4)
    halves = np.frombuffer(raw, "<u8", 2 * n).reshape(2, n).T
    in_order = np.empty((n, 2), dtype="<u8")
    in_order[np.frombuffer(raw, "<u4", n, offset=KEY_BYTES * n)] = halves
    return in_order.tobytes()


class Migration(migrations.Migration):
    dependencies = [("datasets", "0002_key_blocks")]

    operations = [
        migrations.RunPython(split_indexes, migrations.RunPython.noop),
        migrations.RemoveField(model_name="datasetversion", name="key_index"),
    ]
