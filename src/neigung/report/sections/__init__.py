"""The sections of the reports: shared ones here, those of one kind of model in its folder.

Which kind has which, `neigung.models.kinds` says: a kind of model that comes new is a folder here
and an entry there.
"""
