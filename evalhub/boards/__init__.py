"""Many runs of one dataset: each metric over time, and systems on a leaderboard."""
