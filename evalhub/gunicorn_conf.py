"""Gunicorn's settings. The master forks, so it must never load the application."""

import os
import sys

# The supervisor hands over a socket on the command line; alone, gunicorn binds this address.
bind = f"{os.environ.get('EVALHUB_HOST', '127.0.0.1')}:{os.environ.get('EVALHUB_PORT', '8000')}"
worker_class = "gthread"
workers = int(os.environ.get("EVALHUB_WEB_PROCESSES", "2"))
# A request that waits for a run to finish holds a thread.
threads = 8
preload_app = False
# People think before they answer: a connection closed meanwhile loses the save.
keepalive = 75
timeout = 120
graceful_timeout = 5
backlog = 512
# Requests are logged by the application, without paths or bodies.
accesslog = None
errorlog = "-"
loglevel = "error"
control_socket_disable = True


def post_fork(server: object, worker: object) -> None:
    """Let threads take turns ten times as often as Python would.

    A body of many thousand lines is read in one thread while people wait in the others, and each
    of their questions to the database costs a turn.
    """
    sys.setswitchinterval(SWITCH_SECONDS)


SWITCH_SECONDS = 0.0005
