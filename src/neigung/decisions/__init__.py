"""Decisions: which arm a customer gets, given effects, costs, a budget or a revenue to reach.

May import: `models`, `targets` and what lies below.
"""
