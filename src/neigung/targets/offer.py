"""Offer: what a customer was given, the control included, and what they did afterwards.

One row of the table `offers` is one draw of an arm for one customer. Its cutoff is its
`occurred_at`, its outcome the customer's orders from that very instant until the horizon is over.
An offer counts as given even if the shop's systems learned of it later (`known_at`): what was
done to the customer is no feature. As a feature of a later offer it counts only once it was known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir

from neigung.errors import StudyError
from neigung.language import Message
from neigung.profiles.timeline import KEYS, Future, counts, of_order
from neigung.study import OfferTarget, Study
from neigung.targets.discount_rate import percentage, plain_rate, same_rate
from neigung.targets.kind import TargetKind

_WIDE = "decimal(38, 4)"

_SUM_TOLERANCE = 0.03
"""Probabilities are often rounded: seven arms of 0.14 sum to 0.98."""


_SIGMAS, _FAR_OFF = 6.0, 0.2
"""An arm's number of rows is wrong when luck cannot explain it and it is off by a fifth."""

_NO_LUCK = 1e-9
"""A chance that is no luck any more; about that of being off by six sigmas."""


@dataclass(frozen=True)
class Arms:
    """The arms of a study.

    Parameters
    ----------
    control : what the others are compared with.
    treatments : the other arms, by discount rate, then by name.
    rates : the discount rate of each treatment, 0 for one without a discount; None when no
        treatment is a discount.
    left_out : the arms of the offers that the study does not look at.
    kept_share : per campaign, the chance of any of the study's arms; None where it differs from
        customer to customer or is unknown, as where an arm was never drawn.
    """

    control: str
    treatments: tuple[str, ...]
    rates: Mapping[str, float] | None
    left_out: tuple[str, ...]
    kept_share: Mapping[str | None, float | None]


def offers_of(study: Study, tables: Mapping[str, ir.Table]) -> ir.Table:
    """The offers of a study's campaigns, with `cutoff` and all columns of the contract.

    Raises StudyError when the store has no offers, or none of a campaign the study names.
    """
    target = _offer_target(study)
    if "offers" not in tables:
        raise StudyError(
            f"Study {study.name}: target offer needs the table offers (customer_id, occurred_at, "
            f"offer_id, arm; control rows included); found {', '.join(sorted(tables))}. Add it."
        )
    table = tables["offers"]
    optional = {
        "discount_rate": "float64",
        "assignment_probability": "float64",
        "campaign_id": "string",
    }
    more = {
        name: table[name] if name in table.columns else ibis.null(kind)
        for name, kind in optional.items()
    }
    offers = table.select("customer_id", "offer_id", "arm", cutoff=table.occurred_at, **more)
    if target.campaigns is None:
        return offers
    there = _values(offers, "campaign_id")
    return offers.filter(offers.campaign_id.isin(_matching(study, there, target.campaigns)))


def matching(names: Iterable[str], pattern: str) -> list[str]:
    """The names that match a pattern, in which `*` stands for anything and nothing else is special.

    >>> matching(["discount-spring", "discount-10%", "push"], "discount-*")
    ['discount-spring', 'discount-10%']
    """
    parts = [re.escape(part) for part in pattern.split("*")]
    wanted = re.compile(".*".join(parts), re.DOTALL)
    return [name for name in names if wanted.fullmatch(name)]


def find_arms(study: Study, offers: ir.Table) -> Arms:
    """The arms that the offers of a study have, with their rates.

    A rate is taken from `discount_rate`, or, where an arm has none, from a name like "10%".

    Raises StudyError when the control or another arm is missing, nothing says what an arm costs, a
    rate contradicts the arm's name or differs within an arm, or the assignment probabilities do
    not match the arms.
    """
    target = _offer_target(study)
    found = offers.group_by("arm", "discount_rate").agg(n=offers.count()).to_pyarrow().to_pylist()
    there = sorted({row["arm"] for row in found})
    _check_arms(study, target, there)
    rates: dict[str, float | None] = {}
    for arm in there:
        known = sorted({row["discount_rate"] for row in found if row["arm"] == arm} - {None})
        rates[arm] = _rate(study, arm, known)
    if rates[target.control]:
        raise StudyError(
            f"Study {study.name}: the control '{target.control}' has the discount rate "
            f"{rates[target.control]:g}, but a control gets no discount. Name another "
            "target.control, or mend offers.discount_rate."
        )
    wanted = set(target.arms or there) - {target.control}
    _check_costs(study, rates, wanted)
    treatments = tuple(sorted(wanted, key=lambda arm: (rates[arm] or 0.0, arm)))
    by_arm = {arm: rates[arm] or 0.0 for arm in treatments}
    return Arms(
        control=target.control,
        treatments=treatments,
        rates=by_arm if any(by_arm.values()) else None,
        left_out=tuple(arm for arm in there if arm not in {target.control, *treatments}),
        kept_share=_kept_share(study, offers, {target.control, *treatments}),
    )


def outcomes(future: Future) -> ir.Table:
    """What the customers of the future's spine ordered within the horizon.

    Of the orders that begin within it and count (see `timeline.counts`): `purchase` (1 when
    there is one, else 0), `value` (net, in the shop's currency) and `gross` (net and discount),
    float64, beside `customer_id` and `cutoff`. So an offer neither earns nor loses by what comes
    of older orders. The sums are exact until they become floats. Returned goods are not taken off.
    """
    lines = future.new_order_lines()
    gross = lines.net_value.cast(_WIDE)
    if "discount_value" in lines.columns:
        gross = gross + lines.discount_value.coalesce(0)
    orders = lines.group_by(*KEYS, "order_id").agg(**of_order(lines), gross=gross.sum())
    orders = orders.filter(counts(orders, future.zero_orders))
    sums = orders.group_by(*KEYS).agg(value=orders.value.sum(), gross=orders.gross.sum())
    joined = future.spine.select(*KEYS).left_join(sums, KEYS)
    return joined.select(
        *KEYS,
        purchase=joined.value.notnull().cast("float64"),
        value=joined.value.coalesce(0).cast("float64"),
        gross=joined.gross.coalesce(0).cast("float64"),
    )


def _offer_target(study: Study) -> OfferTarget:
    if study.target.kind != "offer":
        raise StudyError(
            f"Study {study.name}: target offer is needed here, found {study.target.kind}."
        )
    return study.target


def _values(offers: ir.Table, column: str) -> list[str]:
    values = offers.select(column).distinct().to_pyarrow()[column].to_pylist()
    return sorted(value for value in values if value is not None)


def _matching(study: Study, there: Sequence[str], patterns: Sequence[str]) -> list[str]:
    chosen: set[str] = set()
    for pattern in patterns:
        hits = matching(there, pattern)
        if not hits:
            found_there = f"are of {_some(there)}" if there else "have no campaign_id"
            raise StudyError(
                f"Study {study.name}: target.campaigns names '{pattern}', but no offer belongs to "
                f"such a campaign; the offers {found_there}. Mend the pattern; * stands for "
                "anything."
            )
        chosen.update(hits)
    return sorted(chosen)


def _check_arms(study: Study, target: OfferTarget, there: Sequence[str]) -> None:
    if not there:
        raise StudyError(f"Study {study.name}: no offers are there. Widen target.campaigns.")
    if target.control not in there:
        raise StudyError(
            f"Study {study.name}: the control arm '{target.control}' has no row in the table "
            f"offers, whose arms are {_some(there)}. Export the offers of the control group, who "
            "could have got one and did not, or name the control in target.control."
        )
    if len(there) == 1:
        raise StudyError(
            f"Study {study.name}: the offers have one arm only, '{target.control}', so there is "
            "nothing to compare it with. Export the offers of the other arms."
        )
    for arm in target.arms or ():
        if arm not in there:
            raise StudyError(
                f"Study {study.name}: target.arms names '{arm}', which has no row in the table "
                f"offers, whose arms are {_some(there)}. Mend or drop the name."
            )


def _rate(study: Study, arm: str, known: Sequence[float]) -> float | None:
    """The one rate of an arm, from its rows or else its name; None when neither says one."""
    stated = percentage(arm)
    if known and not same_rate(known[0], known[-1]):
        raise StudyError(
            f"Study {study.name}: the offers of the arm '{arm}' differ in discount_rate "
            f"({', '.join(f'{rate:g}' for rate in known[:5])}), but an arm is one treatment. Give "
            "each rate an arm of its own."
        )
    if known and stated is not None and not same_rate(known[0], stated):
        raise StudyError(
            f"Study {study.name}: the arm '{arm}' has the discount_rate {known[0]:g}, which "
            f"contradicts its name ({stated:g}). Mend the rate, or rename the arm."
        )
    return stated if stated is not None or not known else plain_rate(known[0])


def _check_costs(study: Study, rates: Mapping[str, float | None], arms: set[str]) -> None:
    """Raise StudyError for an arm of which nothing says what it gives away."""
    stated = study.decision.cost
    if odd := sorted(set(stated) - arms):
        raise StudyError(
            f"Study {study.name}: decision.cost names '{odd[0]}', which is none of the arms "
            f"compared with the control: {_some(sorted(arms))}. Mend or drop the name."
        )
    unknown = sorted(arm for arm in arms if rates[arm] is None and arm not in stated)
    if unknown:
        example = ", ".join(f"{arm}: {{rate: 0.5}}" for arm in unknown[:1])
        example += "".join(f", {arm}: 0" for arm in unknown[1:3])
        raise StudyError(
            f"Study {study.name}: what each arm costs is needed, as it would be priced at nothing "
            f"otherwise, but for {_some(unknown)} the offers have no discount_rate and the name "
            f"states none. Write into the study, such as decision: {{cost: {{{example}}}}}: rate "
            "is the share of the price given away, {amount: 5} is money off each order, and 0 says "
            "that an arm costs nothing."
        )


def _kept_share(study: Study, offers: ir.Table, kept: set[str]) -> dict[str | None, float | None]:
    """Per campaign, the chance of the kept arms; raises StudyError when chances do not sum to 1."""
    rows = offers.group_by("campaign_id", "arm").agg(
        n=offers.count(),
        known=offers.assignment_probability.count(),
        low=offers.assignment_probability.min(),
        high=offers.assignment_probability.max(),
    )
    campaigns: dict[str | None, list[dict[str, float]]] = {}
    for row in rows.order_by("campaign_id", "arm").to_pyarrow().to_pylist():
        campaigns.setdefault(row["campaign_id"], []).append(row)
    shares: dict[str | None, float | None] = {}
    for campaign, arms in campaigns.items():
        constant = all(a["known"] == a["n"] and a["high"] - a["low"] <= 1e-6 for a in arms)
        if not constant:
            shares[campaign] = None
            continue
        chances = {str(a["arm"]): a["low"] for a in arms}
        total = sum(chances.values())
        # In a small campaign an arm may have no row although it could have been drawn.
        drawn = sum(int(a["n"]) for a in arms)
        if total < 1 - _SUM_TOLERANCE and total**drawn > _NO_LUCK:
            shares[campaign] = None
            continue
        # A campaign of one arm may be a part of an experiment whose other arms are named apart.
        if abs(total - 1) > _SUM_TOLERANCE and len(chances) > 1:
            where = _of_campaign(campaign)
            told = ", ".join(f"{arm} {chance:.3g}" for arm, chance in chances.items())
            raise StudyError(
                f"Study {study.name}: the assignment probabilities of the offers {where} do not "
                f"match their arms: {told} sum to {total:.3g} instead of 1. Export the rows of "
                "every arm with its own chance, give each experiment its own campaign_id, or "
                "leave the column out to have the chances estimated."
            )
        if len(chances) > 1:
            _check_draws(study, campaign, chances, {str(a["arm"]): int(a["n"]) for a in arms})
        share = sum(chance for arm, chance in chances.items() if arm in kept)
        shares[campaign] = share if len(chances) > 1 else None
    return shares


def _check_draws(
    study: Study, campaign: str | None, chances: Mapping[str, float], counts: Mapping[str, int]
) -> None:
    """Raise StudyError when an arm has far more or fewer rows than its chance would give."""
    total = sum(counts.values())
    for arm, chance in chances.items():
        expected = chance * total
        beyond_luck = abs(counts[arm] - expected) > _SIGMAS * (expected * (1 - chance)) ** 0.5
        if beyond_luck and abs(counts[arm] - expected) > _FAR_OFF * expected:
            raise StudyError(
                f"Study {study.name}: the assignment probabilities of the offers "
                f"{_of_campaign(campaign)} do not match their arms: '{arm}' was given in "
                f"{counts[arm]:,} of {total:,} offers, but its chance is {chance:.3g}. Export all "
                "rows of every arm with the chances that were drawn with, or leave the column "
                "out to have the chances estimated."
            )


def _of_campaign(campaign: str | None) -> str:
    return f"of the campaign '{campaign}'" if campaign else "without a campaign_id"


def _some(names: Sequence[str], most: int = 12) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


_CHANGED = {
    "purchase": Message("the chance that the customer orders within the next {days} days"),
    "value": Message("what the customer spends within the next {days} days"),
    "margin": Message("the margin that the customer brings within the next {days} days"),
}


def _sentence(target: OfferTarget) -> Message:
    arms = Message("all arms")
    if target.arms:
        arms = Message("arms {names:names}", names=target.arms)
    only: dict[str, Any] = {
        "changed": _CHANGED[target.outcome].having(days=target.horizon_days),
        "arms": arms,
        "control": target.control,
    }
    if not target.campaigns:
        return Message("What an offer changes in {changed} ({arms} against {control}).", **only)
    return Message(
        "What an offer changes in {changed} ({arms} against {control}; campaigns: "
        "{campaigns:names}).",
        **only,
        campaigns=target.campaigns,
    )


def _no_label(future: Future, target: OfferTarget) -> ir.Table:
    raise StudyError(
        "Offers have an arm and several outcomes each, not a label: see targets.offer.outcomes."
    )


def _check(study: Study, tables: Mapping[str, ir.Table]) -> None:
    find_arms(study, offers_of(study, tables))


KIND = TargetKind(label=_no_label, sentence=_sentence, check=_check)
