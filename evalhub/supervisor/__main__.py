"""Run EvalHub on this machine: `python -m evalhub.supervisor`."""

from __future__ import annotations

import errno
import os
import socket
import sys

from evalhub.supervisor import options as given
from evalhub.supervisor.directory import DataDirectory
from evalhub.supervisor.errors import StartError
from evalhub.supervisor.options import Options
from evalhub.supervisor.processes import Guard
from evalhub.supervisor.service import Service
from evalhub.supervisor.waiting import Signals, listen

WAYS_OUT = {
    errno.EADDRINUSE: "Set EVALHUB_PORT to a free port.",
    errno.EACCES: "Set EVALHUB_PORT to a port above 1023.",
}


def main() -> None:
    options = given.read(sys.argv[1:])
    # What the data directory holds (password hashes, people's texts) is for this user alone.
    os.umask(0o077)
    directory = DataDirectory(options.data_dir)
    lock = directory.take(address=options.address)
    with Signals(parent=options.parent) as signals, _listener(options) as listener:
        guard = Guard(lock=lock)
        guard.start()
        try:
            Service(
                options, directory=directory, guard=guard, signals=signals, listener=listener
            ).run()
        finally:
            guard.stop()


def _listener(options: Options) -> socket.socket:
    try:
        return listen(options.host, options.port)
    except OSError as exc:
        raise StartError(
            f"EvalHub cannot listen on {options.host} port {options.port}: {exc.strerror}. "
            f"{WAYS_OUT.get(exc.errno or 0, 'Set EVALHUB_HOST to an address of this machine.')}"
        ) from exc


if __name__ == "__main__":
    main()
