"""Everything that changes campaigns and annotations."""
