"""Metrics, statistics and agreement: a plain library that knows no database, network or clock."""
