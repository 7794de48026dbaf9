"""Snapshots: what the service knows of the customers at a cutoff, kept in files.

`write` may import scoring and all below it; `read`, which the service's workers share, only
features and the errors.
"""
