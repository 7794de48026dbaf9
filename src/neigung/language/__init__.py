"""What readers see, in their language: sentences, numbers, dates, units and the names of arms.

The ground floor: it imports nothing of the project but its errors, and everything may import it.

The English sentence is the key. It stands in the code, as a `Message`; what other languages make of
it stands in `locale/LANGUAGE.po`, which Babel reads, as it does numbers and dates. **A new language
is one such file**: `make messages LANGUAGE=fr` begins it, `make messages` brings all of them up to
what the code says, a test holds them to it. The texts of features stand in their docstrings
(`fr: …`); where one is missing, the English one is told, and a note says so.

>>> from neigung.language import Message
>>> str(Message("Of {all} features, {up} raised the prediction", all=9, up=2))
'Of 9 features, 2 raised the prediction'
"""

from neigung.language.catalogue import ENGLISH, STORED, Language, checked, languages, stored_in
from neigung.language.message import Message, told, translated

__all__ = [
    "ENGLISH", "STORED", "Language", "Message", "checked", "languages", "stored_in", "told",
    "translated",
]  # fmt: skip
