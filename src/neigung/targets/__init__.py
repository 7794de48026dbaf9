"""Targets: what is predicted, as labels or outcomes that see the future of a profile store only.

May import: `profiles` and the study.
"""
