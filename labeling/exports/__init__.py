"""What leaves a campaign as a file."""
