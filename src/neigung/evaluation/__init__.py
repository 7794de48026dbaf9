"""Numbers: what the test says of a model, beside its baselines, with intervals, in tables.

A folder per kind of model (`propensity`, `offers`), registered in `models.kinds`; `fairness`,
`stability` and `comparison` are of every kind. Pictures and sentences are made below and in here of
tables; whether all this is good enough is told above, in `judgement`.

May import: `pictures`, `models`, `language` and what lies below.
"""
