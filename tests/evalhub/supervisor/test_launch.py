"""A program that cannot be run says so in a sentence."""

import os
import subprocess
import sys

import pytest

from evalhub.supervisor.processes import HERE


@pytest.mark.parametrize(
    ("content", "mode", "reason"),
    [("not a program", 0o700, "Exec format error"), ("", 0o600, "Permission denied")],
)
def test_a_spoiled_program_is_named(tmp_path, content, mode, reason):
    program = tmp_path / "program"
    program.write_text(content)
    program.chmod(mode)
    reading, writing = os.pipe()

    done = subprocess.run(
        [
            *(sys.executable, "-I", "-S", str(HERE / "launch.py")),
            *(str(os.getpid()), str(writing), str(program)),
        ],
        pass_fds=[writing],
        capture_output=True,
        text=True,
        check=False,
    )
    os.close(writing)
    os.close(reading)

    assert (done.returncode, done.stderr) == (1, f"{program} cannot be run: {reason}.\n")
