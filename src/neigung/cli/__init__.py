"""The command line: a file for each group of commands, each of which is one call of a room.

It reads arguments and shows results, and may import every room, when a command is called: help must
not wait for the libraries of models. `command_line` holds all commands together.
"""

from neigung.cli.command_line import app, main

__all__ = ["app", "main"]
