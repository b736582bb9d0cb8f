"""The one way in which the supervising command gives up."""


class StartError(SystemExit):
    """The service cannot run. Its sentence is printed, and the exit code is 1."""
