"""Training: from a study and its profiles to one tested, explained and registered version.

`train` is the way through: learn and test (`propensity`, `offers`), examine what speaks for and
against it (`examine`, `against_champion`), report, register. It may import all rooms below; no
other room imports it but commands and the demo.
"""
