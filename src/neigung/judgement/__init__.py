"""Judgement: from the numbers of an evaluation to what a reviewer is told, fit for use or not.

`checks/` has one small file per check: its limit, why it is the limit, how it looks and what it
says. `checks.CHECKS` says which of them a kind of model has; `fitness` sums them up, `table` writes
them down for the docs.

May import: `evaluation`, `language` and what lies below. A limit that a table's flags already stand
on (is a group's difference a concern, has a column moved) stands with that table in `evaluation`,
and is told here from there.
"""
