"""Everything that a report is made from, beside the model and the rows it was tested on."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from neigung.evaluation.frames import table_to_dict

if TYPE_CHECKING:
    import pandas as pd

    from neigung.evaluation.comparison import Comparison
    from neigung.evaluation.fairness.fairness import Fairness
    from neigung.evaluation.stability import Stability
    from neigung.evaluation.tested import Tested
    from neigung.explanation.explain import Explanation
    from neigung.judgement.fitness import Fitness


@dataclass(frozen=True, eq=False, kw_only=True)
class Evidence:
    """What speaks for and against a version: what a reviewer reads, and a notebook draws.

    `fitness` sums it up. `stability` and `fairness` are None where they were not examined,
    `comparison` where there was no champion to compare with. `tables` says what was read of the
    profile store: table, rows, customers, first, last (when it happened), features (how many of
    the model's come from it).
    """

    evaluation: Tested
    explanation: Explanation
    fitness: Fitness
    stability: Stability | None = None
    fairness: Fairness | None = None
    comparison: Comparison | None = None
    tables: pd.DataFrame | None = None

    def numbers(self) -> dict[str, float]:
        """Every number of the report by the name under which the page refers to it."""
        found: dict[str, float] = {}
        for part in self._parts().values():
            found |= part.numbers()
        if self.tables is not None:
            for row in self.tables.itertuples(index=False):
                for key in ("rows", "customers", "features"):
                    found[f"table.{row.table}.{key}"] = float(getattr(row, key))
        return found

    def to_dict(self) -> dict[str, Any]:
        """All but the explanation, which holds rows of customers, ready for JSON."""
        found = {
            name: part.to_dict()
            for name, part in self._parts().items()
            if name not in ("evaluation", "explanation")
        }
        if self.tables is not None:
            known = self.tables.astype(object).where(self.tables.notna(), None)
            found["tables"] = table_to_dict(known)
        return found

    def _parts(self) -> dict[str, Any]:
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: part for name, part in given.items() if part is not None and name != "tables"}
