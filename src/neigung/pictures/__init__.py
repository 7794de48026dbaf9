"""Pictures: functions of tables, small records and texts, never of the classes that they show.

Whoever has numbers calls downwards and gets a figure of matplotlib, without a window and without
any global state: `run.evaluation.plot_gains()` is such a call. One module per subject (`of_…`);
`drawing` has what all of them share: figures, palette, labels, axes with decimal signs.

May import: `language`, the description of features (`features.feature`), `errors`. matplotlib and
SHAP, whose hand draws contributions, are imported where a picture is drawn.
"""
