"""What people type into the labeling pages."""
