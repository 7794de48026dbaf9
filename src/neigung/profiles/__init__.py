"""Profiles: the tables of a shop, read, mended where that is certain, checked, and cut in time.

`sources/` has a file per engine, `checks/` one per check of a store; `contract` names tables and
columns, `timeline` is the one gate between past and future. May import: the study and `language`.
"""
