"""What numbers allow to be said: intervals, paired comparisons, agreement between people."""
