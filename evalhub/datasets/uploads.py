"""Files that wait between the page that takes them and the page that names their columns."""

from __future__ import annotations

import json
import re
import secrets
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from evalhub.errors import NotFound

KEPT_SECONDS = 24 * 60 * 60
_TOKEN = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Upload:
    """A file that waits, who sent it, and which dataset it is for: an existing or a new one."""

    token: str
    user_id: int
    project_id: int
    filename: str
    dataset_name: str
    dataset_slug: str
    description: str = ""

    def open(self) -> BinaryIO:
        return _path(self.token).open("rb")

    @property
    def size(self) -> int:
        return _path(self.token).stat().st_size


def keep(
    file: UploadedFile[Any],
    *,
    user_id: int,
    project_id: int,
    name: str,
    slug: str,
    description: str = "",
) -> Upload:
    """Keep a file for a day; older ones are thrown away on the way."""
    _folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    _forget_old()
    upload = Upload(
        token=secrets.token_hex(16),
        user_id=user_id,
        project_id=project_id,
        filename=file.name or "file",
        dataset_name=name,
        dataset_slug=slug,
        description=description,
    )
    with _path(upload.token).open("xb") as kept:
        for piece in file.chunks():
            kept.write(piece)
    _about(upload.token).write_text(json.dumps(asdict(upload)), encoding="utf-8")
    return upload


def waiting(token: str, *, user_id: int, project_id: int) -> Upload:
    """Return a file that this person sent for this project."""
    if not _TOKEN.fullmatch(token) or not _about(token).exists():
        raise NotFound("That upload is no longer kept. Choose the file again.")
    upload = Upload(**json.loads(_about(token).read_text(encoding="utf-8")))
    if (upload.user_id, upload.project_id) != (user_id, project_id):
        raise NotFound("That upload is no longer kept. Choose the file again.")
    return upload


def forget(upload: Upload) -> None:
    _path(upload.token).unlink(missing_ok=True)
    _about(upload.token).unlink(missing_ok=True)


def _forget_old() -> None:
    before = time.time() - KEPT_SECONDS
    for path in _folder().iterdir():
        with suppress(FileNotFoundError):  # another request was faster
            if path.stat().st_mtime < before:
                path.unlink()


def _folder() -> Path:
    folder: Path = settings.SPOOL_DIR
    return folder / "uploads"


def _path(token: str) -> Path:
    return _folder() / f"{token}.file"


def _about(token: str) -> Path:
    return _folder() / f"{token}.json"
