"""Metrics of outputs that are JSON: read strictly, never repaired."""
