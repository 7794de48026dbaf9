"""What the chosen discounts earn beside simple policies, by the simulated truth.

For each seed a shop of its own: train on the earlier offers, choose for the later ones, and look
up what each choice is truly expected to earn. Simple policies and perfect knowledge stand beside,
on the same offers.

    python benchmarks/discount_policies.py --seeds 5
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from measuring import Report, options, scaled

from neigung.decisions.discount import contact_costs, recommended_arms
from neigung.models.offers.dataset import build_offer_dataset, offer_splits
from neigung.models.offers.model import OfferModel
from neigung.profiles.store import Profiles
from neigung.simulation.simulate import simulate
from neigung.simulation.truth import read_truth
from neigung.study import Decision, Study

DESIGNS = {"randomised": "discount-test-*", "chosen by staff": "discount-staff-*"}
CUSTOMERS_PER_TRAINING_OFFER = {"randomised": 2.35, "chosen by staff": 3.4}
MARGIN_RATES = (0.35, 0.5)
CONTACT_COST = 0.05


def main() -> None:
    """Run all seeds and print the tables."""
    parser = options(__doc__)
    parser.add_argument("--seeds", type=int, help="default 5 times the size, at least 2")
    parser.add_argument("--offers", type=int, help="to train on; default 50,000 times the size")
    parser.add_argument("--design", choices=DESIGNS, help="only this one")
    parser.add_argument("--out", type=Path, help="also write all rows to this CSV file")
    given = parser.parse_args()
    offers = given.offers or scaled(50_000, given.size, least=3_000)
    rows = []
    for design in [given.design] if given.design else DESIGNS:
        for seed in range(given.seeds or scaled(5, given.size, least=2)):
            rows += one_seed(design, seed, offers)
            if given.out:
                pd.DataFrame(rows).to_csv(given.out, index=False)
    report = Report(given)
    tell(report, pd.DataFrame(rows))
    report.close()


def one_seed(design: str, seed: int, offers: int) -> list[dict[str, object]]:
    """What each policy earns per offer of the test, and the interval of the model's lead."""
    study = Study.from_dict(
        {
            "name": "discount",
            "profiles": "-",
            "target": {"kind": "offer", "horizon_days": 14, "campaigns": [DESIGNS[design]]},
            "legal_basis": {"consent": "marketing"},
            "cutoffs": {"every_days": 84, "count": 4},
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        shop = Path(folder) / "shop"
        simulate(shop, int(offers * CUSTOMERS_PER_TRAINING_OFFER[design]), seed)
        dataset = build_offer_dataset(study, Profiles.open(shop))
        truth = read_truth(shop).offers.set_index("offer_id")
    splits = offer_splits(dataset, study)
    train, test = splits.train(dataset), splits.test(dataset)
    start = time.process_time()
    model = OfferModel.fit(train, seed)
    seconds = time.process_time() - start
    expected = model.expected(test.X)
    known = truth.loc[test.frame["offer_id"]]
    arms = [test.control, *test.arms]
    chances = known[[f"p_{arm}" for arm in arms]].to_numpy()
    rates = np.array([0.0, *(test.rates or {}).values()])
    rows: list[dict[str, object]] = []
    for margin_rate in MARGIN_RATES:
        decision = Decision(margin_rate=margin_rate, contact_cost=CONTACT_COST)
        costs = np.array(list(contact_costs(decision, expected).values()))
        worth = chances * known["basket"].to_numpy()[:, None] * (margin_rate - rates) - costs
        chosen = pd.Index(arms).get_indexer(pd.Index(recommended_arms(expected, decision)))
        earned = policies(worth, chosen, arms, expected.probability[test.control].to_numpy())
        lead = {name: earned["model"] - one for name, one in earned.items()}
        rows += [
            {
                "design": design, "margin_rate": margin_rate, "seed": seed, "policy": name,
                "train": len(train), "test": len(test), "seconds": seconds,
                "earns": one.mean(), "lead": lead[name].mean(),
                "error": clustered_error(lead[name], test.groups),
            }
            for name, one in earned.items()
        ]  # fmt: skip
    return rows


def policies(
    worth: np.ndarray, chosen: np.ndarray, arms: list[str], score: np.ndarray
) -> dict[str, np.ndarray]:
    """What every offer is truly expected to earn (n,) under each policy."""
    rows = np.arange(len(worth))
    counts = np.bincount(chosen, minlength=len(arms))
    likely = np.zeros(len(worth), dtype=int)
    order = np.argsort(-score, kind="stable")
    # The model's own offers, the largest discounts to those most likely to buy.
    likely[order[: counts[1:].sum()]] = np.repeat(np.arange(len(arms))[:0:-1], counts[:0:-1])
    return {
        "model": worth[rows, chosen],
        **{
            "no offer" if arm == arms[0] else f"{arm} for everybody": worth[:, position]
            for position, arm in enumerate(arms)
        },
        "as many of each, by lot": worth @ (counts / counts.sum()),
        "as many of each, likely buyers first": worth[rows, likely],
        "perfect knowledge": worth.max(axis=1),
    }


def clustered_error(values: np.ndarray, groups: np.ndarray) -> float:
    """Standard error of a mean over rows of which those of one customer hang together."""
    sums = pd.Series(values - values.mean()).groupby(groups).sum()
    return float(np.sqrt((sums**2).sum()) / len(values))


def tell(report: Report, rows: pd.DataFrame) -> None:
    """Two tables: what policies earn, and the share of what perfect knowledge adds."""
    lines = []
    for (design, margin, policy), part in rows.groupby(
        ["design", "margin_rate", "policy"], sort=False
    ):
        lead = f"{part['lead'].mean():+.3f}" if policy != "model" else ""
        ahead = int((part["lead"] - 1.96 * part["error"] > 0).sum())
        told = f"{ahead} of {len(part)}" if policy not in ("model", "perfect knowledge") else ""
        lines.append([design, f"{margin:.2f}", policy, f"{part['earns'].mean():.3f}", lead, told])
    report.table(
        ["design", "margin", "policy", "earns per offer", "model's lead, mean of seeds",
         "seeds with the lead above its interval"],
        lines,
    )  # fmt: skip
    lines = []
    for (design, margin), part in rows.groupby(["design", "margin_rate"], sort=False):
        earns = part.pivot(index="seed", columns="policy", values="earns")
        simple = earns.drop(columns=["model", "perfect knowledge"]).max(axis=1)
        share = (earns["model"] - simple) / (earns["perfect knowledge"] - simple)
        told = f"{share.mean():.0%} ({share.min():.0%} to {share.max():.0%})"
        lines.append([design, f"{margin:.2f}", told, f"{part['seconds'].mean():.0f}"])
        report.figure(f"{design}, margin {margin:.2f}: share gained", share.mean(), "")
    report.table(
        ["design", "margin",
         "share of what perfect knowledge adds to the best simple policy, mean (range)",
         "CPU s to fit"],
        lines,
    )  # fmt: skip


if __name__ == "__main__":
    main()
