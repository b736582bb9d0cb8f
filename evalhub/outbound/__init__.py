"""Requests to other machines: which may be asked, how long, how often, and how much is read."""
