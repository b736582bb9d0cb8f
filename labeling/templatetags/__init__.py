"""Template filters of the labeling pages."""
