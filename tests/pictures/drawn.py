"""What a picture says, for tests."""

import warnings
from io import BytesIO


def drawn(figure):
    """Draws a figure and gives all its texts; foreign signs without a glyph are no fault."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message="Glyph")
        figure.savefig(file := BytesIO(), format="svg")
    assert len(file.getvalue()) > 3000
    found = [figure.get_suptitle()]
    for legend in figure.legends:
        found += [text.get_text() for text in legend.get_texts()]
    for axes in figure.axes:
        found += [axes.get_title(), axes.get_xlabel(), axes.get_ylabel()]
        found += [text.get_text() for text in axes.texts]
        if axes.get_legend():
            found += [text.get_text() for text in axes.get_legend().get_texts()]
        for axis in (axes.xaxis, axes.yaxis):
            found += [label.get_text() for label in axis.get_ticklabels()]
    return [text for found_text in found if (text := found_text.strip())]
