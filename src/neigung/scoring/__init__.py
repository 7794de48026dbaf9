"""Scoring: what registered versions say of a study's population at one cutoff.

Features, scores with reasons and offers, in memory or as a stream to a file (`to_file`), on a
cluster by its executors (`on_spark`). It may import tracking and all below it.
"""
