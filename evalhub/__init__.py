"""EvalHub: the Django project and its core domain."""
