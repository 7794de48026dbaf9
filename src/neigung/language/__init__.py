"""How numbers, values, units and intervals are written for readers, in their language.

On the ground: may import nothing of the project but its errors, and everything may import it.
"""

from typing import Literal

Language = Literal["en", "de"]
