"""EvalHub: the Django project and its core domain."""

import os

# Matrix products add up in another order with another number of threads, and the same question
# has the same bits in the web process, a worker and a command: one thread each, for the work is
# spread over processes. It counts from before numpy is loaded, so it is said here.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
