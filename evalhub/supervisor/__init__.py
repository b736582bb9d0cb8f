"""The supervising command: web, worker, beat and broker of the embedded default.

It forks, so neither it nor anything it imports may load Django or open the database.
"""
