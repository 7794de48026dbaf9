"""Whether a model treats groups of customers alike, and what it knows of who they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from neigung.errors import InputError
from neigung.evaluation.fairness import fairness_texts
from neigung.evaluation.fairness.fairness_limits import COMPARISON_TYPES, FOUR_FIFTHS
from neigung.evaluation.fairness.group_differences import GROUP_TYPES, compare_groups
from neigung.evaluation.fairness.sensitive import IMPLAUSIBLE, MISSING, level_text, levels
from neigung.evaluation.fairness.stand_ins import (
    RECOVERED_TYPES,
    STAND_IN_TYPES,
    recovered_table,
    stand_in_table,
)
from neigung.evaluation.frames import (
    finite,
    interval_numbers,
    plain,
    table_from_dict,
    table_to_dict,
    typed,
)
from neigung.language import STORED, stored_in
from neigung.pictures import of_fairness

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from neigung.features.feature import Column

_TYPES: dict[str, dict[str, Any]] = {
    "groups": GROUP_TYPES,
    "comparisons": COMPARISON_TYPES,
    "stand_ins": STAND_IN_TYPES,
    "recovered": RECOVERED_TYPES,
    "used": {"column": object, "share": float},
    "dropped": {"metric": object}
    | dict.fromkeys(("with_", "without", "difference", "low", "high"), float),
}
_FACTS = ("kind", "n_rows", "n_customers", "base_rate", "selected_share", "repetitions")
_MOST_STAND_INS = 12


@dataclass(frozen=True, eq=False)
class Fairness:
    """What groups of customers get from a model, and what it knows of them; by `assess_fairness`.

    Each table has `text_en` and `text_de`, the text of its attribute or column.

    `attributes` are the sensitive ones; where there are none, all tables are empty. `kind` is
    `propensity`, or `offer` where the score is the uplift of the recommended arm and `selected`
    means to be recommended one; then nothing is said of outcomes. `base_rate` and `selected_share`
    are those of all `n_rows` rows. "All others" are those of whom the attribute is known.

    - `groups`: a row per group of each attribute: attribute, level, n, positives, score (mean),
      observed (rate), error (score - observed), score_difference (to all others), selected (share
      in the top band), selected_difference, found (share of the positives in the top band),
      found_difference, auroc (within the group); error, auroc and the differences with 95 %
      intervals `…_low`, `…_high`; selected_without (share among as many with the best scores of
      the model without sensitive columns); reason (what is lacking for the numbers that are NaN).
    - `comparisons`: a row per group and measure (`error`, `selected`, `found`, `auroc`, and
      `observed` for comparison): attribute, level, measure, value, others (the same of all others,
      of `auroc` the mean within the other groups), difference, low, high (95 %), p (Holm's, over
      all comparisons), beyond_chance (p < 0.05), large (past the limit of the measure), explained
      (only `selected`: the outcome differs in the same direction, and the scores hold), concern
      (beyond chance, large and not explained). Of two groups, the smaller one is compared.
    - `stand_ins`: attribute, column, level, strength (0..1), importance (share of the model), see
      `stand_in_table`.
    - `recovered`: attribute, auroc, low, high, rows, reason, see `recovered_table`.
    - `used`: column, share of the total mean absolute contribution; those the model reads.
    - `dropped`: metric, with_, without, difference (with - without), low, high: the model beside
      the one fitted without the sensitive columns, by paired bootstrap.
    """

    attributes: tuple[str, ...]
    kind: str
    n_rows: int
    n_customers: int
    base_rate: float
    selected_share: float
    repetitions: int
    groups: pd.DataFrame
    comparisons: pd.DataFrame
    stand_ins: pd.DataFrame
    recovered: pd.DataFrame
    used: pd.DataFrame
    dropped: pd.DataFrame

    def concerns(self, language: str = "en") -> tuple[str, ...]:
        """A sentence for each attribute and measure with a concern, and for each attribute read.

        What counts is a difference beyond chance and larger than its limit: see `fairness_limits`;
        and a sensitive column that is at least 5 % of what moves the predictions. Empty if there is
        none.
        """
        return fairness_texts.concerns(self, language)

    def doubts(self, language: str = "en") -> tuple[str, ...]:
        """A sentence for each large difference that is no concern, as it may be chance.

        Taken alone it is more than chance (its own interval), among all that were compared it is
        not (Holm). Nobody should sign without having seen it.
        """
        return fairness_texts.doubts(self, language)

    def unneeded(self, metric: str) -> bool:
        """Whether sensitive columns are read although the model is as good without them.

        In `metric`, beyond chance. Then data minimisation (Art. 5 (1) (c) GDPR) asks to leave them
        out.
        """
        return fairness_texts.unneeded(self, metric)

    def findings(self, language: str = "en") -> tuple[str, ...]:
        """What else a reviewer should know, a sentence or two each; never empty."""
        return fairness_texts.findings(self, language)

    def summary(self, language: str = "en") -> str:
        """One sentence: how many concerns there are, or that no sensitive attribute is present."""
        return fairness_texts.summary(self, language)

    def numbers(self) -> dict[str, float]:
        """Every number by the name under which the page refers to it."""
        values: dict[str, Any] = {}
        for row in self.groups.to_dict("records"):
            name = f"fairness.{row['attribute']}.{row['level']}"
            plain_keys = ("n", "positives", "score", "observed", "selected", "found")
            values |= {f"{name}.{key}": row[key] for key in (*plain_keys, "selected_without")}
            for key in ("error", "auroc", *(f"{k}_difference" for k in ("score", *_SHARES))):
                values |= interval_numbers(f"{name}.{key}", row, key, f"{key}_")
        for row in self.comparisons.to_dict("records"):
            name = f"fairness.{row['attribute']}.{row['level']}.{row['measure']}"
            values |= interval_numbers(f"{name}_difference", row, "difference")
            values |= {f"{name}_others": row["others"], f"{name}_p": row["p"]}
        for row in self.stand_ins.to_dict("records"):
            name = f"stand_in.{row['attribute']}.{row['column']}"
            values |= {name: row["strength"], f"{name}.importance": row["importance"]}
        for row in self.recovered.to_dict("records"):
            name = f"recovered.{row['attribute']}"
            values |= interval_numbers(name, row, "auroc") | {f"{name}.rows": row["rows"]}
        for row in self.used.to_dict("records"):
            values[f"used.{row['column']}"] = row["share"]
        for row in self.dropped.to_dict("records"):
            name = f"dropped.{row['metric']}"
            values |= interval_numbers(name, row, "difference")
            values |= {f"{name}.with": row["with_"], f"{name}.without": row["without"]}
        return finite(values)

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-ready values; NaN becomes None. `from_dict` reads it back."""
        facts = {name: plain(getattr(self, name)) for name in _FACTS}
        tables = {name: table_to_dict(getattr(self, name)) for name in _TYPES}
        return {"attributes": list(self.attributes), **facts, **tables}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        facts = {name: data[name] for name in _FACTS}
        for name in ("base_rate", "selected_share"):
            facts[name] = float("nan") if facts[name] is None else facts[name]
        facts |= {name: table_from_dict(data[name], types) for name, types in _TYPES.items()}
        return cls(attributes=tuple(data["attributes"]), **facts)

    def _repr_html_(self) -> str:
        from html import escape

        told = "".join(f"<li>{escape(text)}</li>" for text in self.concerns())
        table = self.groups.drop(columns=["attribute", "text_de"]).to_html(border=0, index=False)
        return f"<p><b>{escape(self.summary())}</b></p><ul>{told}</ul>{table}"

    def figures(self, language: str = "en") -> dict[str, Figure]:
        """All pictures by name, one of groups for each attribute; none without attributes."""
        if not self.attributes:
            return {}
        groups = {f"groups_{name}": self.plot_groups(name, language) for name in self.attributes}
        return {**groups, "stand_ins": self.plot_stand_ins(None, language)}

    def plot_groups(self, attribute: str | None = None, language: str = "en") -> Figure:
        """What the groups of one attribute get; by default of the first with a concern."""
        attribute = self._known(attribute) or self._most_telling()
        rows = self.groups[self.groups["attribute"] == attribute].reset_index(drop=True)
        concerns = self.comparisons[self.comparisons["concern"]]
        concerns = concerns[concerns["attribute"] == attribute]
        rows = rows.assign(
            level_text=[level_text(level, language) for level in rows["level"]],
            unknown=rows["level"].isin([MISSING, IMPLAUSIBLE]),
            concerns=pd.Series(
                [set(concerns["measure"][concerns["level"] == one]) for one in rows["level"]],
                dtype=object,
            ),
        )
        shown = rows if attribute else None
        return of_fairness.plot_groups(shown, self.kind == "propensity", FOUR_FIFTHS, language)

    def plot_stand_ins(self, attribute: str | None = None, language: str = "en") -> Figure:
        """The columns that tell one attribute best; by default all attributes, five each."""
        known = self._known(attribute)
        chosen = self.attributes if known is None else (known,)
        text = f"text_{stored_in(language)}"
        names = self.groups.drop_duplicates("attribute").set_index("attribute")[text]
        auroc = self.recovered.set_index("attribute")["auroc"].reindex(list(self.attributes))
        told = {name: of_fairness.StandIns(names[name], auroc[name]) for name in chosen}
        most = None if known is None else _MOST_STAND_INS
        return of_fairness.plot_stand_ins(self.stand_ins, told, language, most)

    def _most_telling(self) -> str | None:
        """The first attribute with a concern, else that whose groups are chosen most unequally."""
        table = self.comparisons
        if table["concern"].any():
            return str(table.loc[table["concern"], "attribute"].iloc[0])
        size = table[table["measure"] == "selected"].set_index("attribute")["difference"].abs()
        return str(size.idxmax()) if len(size) else next(iter(self.attributes), None)

    def _known(self, attribute: str | None) -> str | None:
        if attribute is None or attribute in self.attributes:
            return attribute
        raise InputError(
            f"One of the sensitive attributes is needed, but '{attribute}' is none of "
            f"{', '.join(self.attributes) or 'them: there are none'}."
        )


_SHARES = ("selected", "found")


def assess_fairness(
    attributes: pd.DataFrame,
    columns: Sequence[Column],
    X: pd.DataFrame,
    scores: Any,
    selected: Any,
    groups: Any,
    *,
    y: Any = None,
    importance: Mapping[str, float],
    without: Any = None,
    seed: int = 0,
    repetitions: int = 200,
) -> Fairness:
    """Compare what a model does to the groups of the sensitive `attributes`.

    Parameters
    ----------
    attributes : n rows, a column for each sensitive attribute, values as in the feature table;
        without columns nothing can be compared, and all tables stay empty.
    columns : the meaning of the columns of `attributes` and `X`.
    X : n rows, what the model reads, with or without the sensitive columns.
    scores : (n,) probabilities; for offers the uplift of the recommended arm.
    selected : (n,) whether a row is in the top band; for offers whether it is recommended one.
    groups : (n,) customer ids; they are drawn as a whole, and appear nowhere.
    y : (n,) outcomes 0 or 1; None for offers.
    importance : the mean absolute contribution of each column the model reads.
    without : (n,) scores of the model fitted without the sensitive columns.
    seed, repetitions : of the bootstrap.

    Raises InputError when lengths differ, a score is missing, probabilities or outcomes are out of
    range, or an attribute is not described by `columns`.

    >>> from neigung.features.feature import Column
    >>> column = Column("attribute_sex", "attribute_sex", None, "category", "attributes",
    ...                 "category", "Sex", "Geschlecht")
    >>> rows = np.arange(400)
    >>> sex, score = np.where(rows % 2, "f", "m"), (rows + 0.5) / 400
    >>> fairness = assess_fairness(
    ...     pd.DataFrame({"attribute_sex": sex}), [column], pd.DataFrame(index=rows), score,
    ...     (score > 0.5) & (sex == "m"), rows, y=rows % 20 < 10, importance={}, repetitions=50)
    >>> [row.measure for row in fairness.comparisons.itertuples() if row.concern]
    ['selected', 'found']
    >>> fairness.concerns()[0].split(", difference")[0]
    'Sex, group f: 0.0% are in the top band, of all others 50.0%'
    """
    columns_by_name = {column.name: column for column in columns}
    names = [str(name) for name in attributes.columns]
    if unknown := [name for name in names if name not in columns_by_name]:
        raise InputError(
            f"Each sensitive attribute needs its column's description, but {', '.join(unknown)} "
            "has none. Pass the columns of the dataset."
        )
    customers = np.asarray(groups)
    scores, chosen, y, without = _checked(
        len(attributes), X=X, scores=scores, selected=selected, groups=customers, y=y,
        without=without,
    )  # fmt: skip
    labels = {name: levels(attributes[name], columns_by_name[name]) for name in names}
    others = [column for column in columns if column.name in X and column.name not in labels]
    rest = X[[column.name for column in others]]
    total = sum(importance.values())
    shares = {name: value / total if total > 0 else 0.0 for name, value in importance.items()}
    selected_without = None
    if without is not None and y is not None and names:
        # As many as the model chooses, or a few more where scores are equal.
        limit = np.sort(without)[::-1][max(0, int(chosen.sum()) - 1)]
        selected_without = (without >= limit) & chosen.any()
    compared, comparisons = compare_groups(
        labels, scores, chosen, customers, y, selected_without, seed, repetitions
    )
    tables = {
        "groups": compared,
        "comparisons": comparisons,
        "stand_ins": stand_in_table(labels, rest, others, shares, seed),
        "recovered": recovered_table(labels, rest, customers, seed),
        "used": pd.DataFrame(
            [(name, shares[name]) for name in names if name in shares], columns=["column", "share"]
        ),
        "dropped": _dropped(scores, without, customers, y, seed, repetitions),
    }
    described = {
        name: typed(_described(table, columns_by_name), _TYPES[name])
        for name, table in tables.items()
    }
    return Fairness(
        attributes=tuple(names),
        kind="offer" if y is None else "propensity",
        n_rows=len(scores),
        n_customers=len(pd.unique(customers)),
        base_rate=float("nan") if y is None else float(y.mean()),
        selected_share=float(chosen.mean()),
        repetitions=repetitions,
        **described,
    )


def _checked(n: int, X: pd.DataFrame, **given: Any) -> tuple[Any, Any, Any, Any]:
    """Scores, selected, outcomes and scores without the sensitive columns, as arrays."""
    lengths = {"X": len(X)} | {k: len(np.asarray(v)) for k, v in given.items() if v is not None}
    if wrong := [f"{name} has {length}" for name, length in lengths.items() if length != n]:
        raise InputError(
            f"Fairness needs one value for each of the {n} rows of the attributes, but "
            f"{', '.join(wrong)}."
        )
    if not n:
        raise InputError("Fairness needs at least one row, found none.")
    if missing := int(pd.isna(given["groups"]).sum()):
        raise InputError(f"Each row needs its customer, but {missing} of {n} have none.")
    scores, y, without = (
        None if given[name] is None else np.asarray(given[name], dtype=float)
        for name in ("scores", "y", "without")
    )
    for name, values in (("Scores", scores), ("Scores without sensitive columns", without)):
        if values is not None and not np.isfinite(values).all():
            raise InputError(f"{name} must be numbers, but found missing or infinite ones.")
        if values is not None and y is not None and (values.min() < 0 or values.max() > 1):
            raise InputError(f"{name} must lie in 0..1 where outcomes are given; found others.")
    if y is not None and not np.isin(y, (0, 1)).all():
        raise InputError("Outcomes must be 0 or 1, but found others or missing ones.")
    return scores, np.asarray(given["selected"], dtype=bool), y, without


def _described(table: pd.DataFrame, columns: Mapping[str, Column]) -> pd.DataFrame:
    """The table with the texts of its attributes or columns after their names."""
    key = next((key for key in ("column", "attribute") if key in table), None)
    if key is None:
        return table
    for place, language in enumerate(STORED):
        texts = [columns[name].text(language) for name in table[key]]
        after = list(table.columns).index(key) + 1 + place
        table.insert(after, f"text_{language}", pd.Series(texts, dtype=object, index=table.index))
    return table


def _dropped(
    scores: Any, without: Any, customers: Any, y: Any, seed: int, repetitions: int
) -> pd.DataFrame:
    """What the sensitive columns bring, in every metric."""
    columns = list(_TYPES["dropped"])
    if without is None or y is None:
        return pd.DataFrame(columns=columns)
    from neigung.evaluation.bootstrap import bootstrap

    result = bootstrap(
        y, {"model": scores, "without": without}, customers, repetitions=repetitions, seed=seed
    )
    table = result.differences("model").rename(columns={"value": "difference"})
    for model, name in (("model", "with_"), ("without", "without")):
        values = result.table()
        table[name] = values.loc[values["model"] == model, "value"].to_numpy()
    return table[columns]
