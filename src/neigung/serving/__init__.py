"""Serving: the service that answers for one customer now, its keys, its log and its limits.

The only room with BentoML and Starlette. May import everything but the command line.
"""
