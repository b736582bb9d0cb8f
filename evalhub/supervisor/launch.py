"""Become one program of the service. Run by its path, with the standard library alone.

Usage: launch.py SUPERVISOR_PID GUARD_FD PROGRAM [ARGUMENT ...]
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    supervisor, guard, *program = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    os.write(int(guard), b"+%d\n" % os.getpid())
    os.set_inheritable(int(guard), False)
    if os.getppid() != int(supervisor):
        sys.exit("The supervising process is gone.")
    try:
        os.execv(program[0], program)
    except OSError as exc:
        sys.exit(f"{program[0]} cannot be run: {exc.strerror}.")


if __name__ == "__main__":
    main()
