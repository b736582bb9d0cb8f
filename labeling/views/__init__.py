"""The labeling pages."""
