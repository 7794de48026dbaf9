"""Texts that stand between quotation marks."""


def inner(text: str) -> str:
    """A text that is to stand between quotation marks: marks within it become single ones.

    >>> inner("Merkmal „Alter“")
    'Merkmal ‚Alter‘'
    """
    if "„" in text:
        return text.replace("„", "‚").replace("“", "‘")
    return text.replace("“", "‘").replace("”", "’")
