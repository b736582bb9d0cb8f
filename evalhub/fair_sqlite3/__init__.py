"""Django's SQLite, where whoever waits for another's write gets their turn."""
