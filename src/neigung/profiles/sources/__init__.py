"""Where profiles come from: one engine or source a file, and one entry in `registry`."""
