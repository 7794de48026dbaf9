"""The reports that reviewers read, and the overview page of all versions.

`driver.build_report` makes the page of every kind of model: the verdict, the sections of the kind
(`sections/propensity`, `sections/offers`), the sections that all have, an appendix. `page` fills
templates, `traced` gives every number the name under which the evidence holds it.

May import: `explanation`, `judgement`, `evaluation`, `pictures`, `language` and what lies below.
"""
