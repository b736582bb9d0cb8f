"""What experts decide about: the units that wait for them, and all that was said of one."""

from labeling.deciding.queue import Queue, Waiting, queue_of

__all__ = ["Queue", "Waiting", "queue_of"]
