"""What is learned: a face (`version`), a loader (`artefact`), and a folder for each kind of model.

`kinds` is the one place where a kind is registered. Kinds share `dataset`, `splits`, `sampling`,
`encoding`, `rows` and `sealed`; `leakage` looks at the finished tables of all of them. Imports
targets, features and profiles, and nothing that evaluates, explains, tracks or serves.
"""
