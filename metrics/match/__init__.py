"""Metrics that say whether an output is the accepted answer, or holds it."""
