"""Why a model predicts what it predicts: contributions, interactions, reasons in sentences.

Only what SHAP and its exact kin say, for notebooks, reports, scoring and serving alike.

May import: `pictures`, `models`, `features`, `language` and what lies below.
"""
