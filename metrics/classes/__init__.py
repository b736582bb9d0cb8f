"""Metrics of the classes that outputs name, over a whole run, and of the confidence in them."""
