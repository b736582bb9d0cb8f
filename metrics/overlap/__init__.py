"""Metrics of how much of a text two texts share: words, n-grams, characters, edits."""
