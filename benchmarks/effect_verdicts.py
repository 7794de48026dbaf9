"""Do the verdicts on arms hold? Simulated shops with and without an effect, many seeds.

    .venv/bin/python benchmarks/effect_verdicts.py [--seeds 100] [--customers 10000]

For each seed, one shop where no offer has an effect, and one with the usual effects. The expected
outcome (the chance of an order, whatever the arm) and the chances of the offers that staff chose
are learned from the earlier offers; the later ones are judged.

- *found*: the share of shops without effect where any arm's verdict is "effect found"; on all
  offers (drawn by lot and chosen by staff) and on those that staff chose alone
- *covered*: how often the 95 % interval holds the true average effect of an arm on the offers that
  staff chose, for the doubly robust estimate and for the plain difference of the means

The features are the few that staff look at and that tell who orders; `--all-features` takes all.
"""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from measuring import Report, options, scaled

from neigung.evaluation.clusters import Clusters
from neigung.evaluation.offers.arm_verdict import arm_effects
from neigung.evaluation.offers.overlap import floored, overlap_table
from neigung.evaluation.offers.uplift import dr_scores, effect_scores
from neigung.models.offers.assignment import AssignmentModel
from neigung.models.offers.dataset import OfferDataset, build_offer_dataset, offer_splits
from neigung.models.propensity.classifier import PropensityClassifier
from neigung.profiles.store import Profiles
from neigung.simulation.simulate import simulate
from neigung.simulation.truth import read_truth
from neigung.study import Study

FEATURES = [
    *("days_since_last_order", "order_days", "order_count", "order_value", "order_momentum_30"),
    *("days_since_last_visit", "visit_count", "session_count", "cart_count", "idle_share_30"),
    *("discount_share", "contact_count", "days_since_last_offer"),
]


def dataset_of(folder: Path, campaigns: list[str], everything: bool) -> tuple[Study, OfferDataset]:
    """The offers of a simulated store."""
    study = Study.from_dict(
        {
            "name": "verdicts",
            "profiles": str(folder),
            "target": {
                "kind": "offer",
                "outcome": "purchase",
                "horizon_days": 14,
                "control": "none",
                "campaigns": campaigns,
            },
            "legal_basis": {"legitimate_interest": "profiling"},
            "cutoffs": {"every_days": 120, "count": 3},
            "features": "all" if everything else FEATURES,
        }
    )
    return study, build_offer_dataset(study, Profiles.open(str(folder)))


def judged(study: Study, dataset: OfferDataset) -> tuple[pd.DataFrame, OfferDataset]:
    """The verdicts on the arms in the test span, and the offers of it."""
    splits = offer_splits(dataset, study)
    train, test = splits.train(dataset), splits.test(dataset)
    arms = [dataset.control, *dataset.arms]
    base = PropensityClassifier(random_state=0, num_threads=1)
    base.fit(train.X, train.purchase)
    expected = np.tile(base.predict_proba(test.X)[:, [1]], len(arms))
    known = ~np.isnan(test.assignment_probability)
    chances = np.full((len(test), len(arms)), np.nan)
    # Offers drawn by lot: the chance of the arm given is recorded, the others' do not matter here.
    given = pd.Index(arms).get_indexer(test.arm)
    rest = (1 - test.assignment_probability[known]) / (len(arms) - 1)
    chances[known] = rest[:, None]
    rows = np.flatnonzero(known)
    chances[rows, given[known]] = test.assignment_probability[known]
    chosen = np.isnan(train.assignment_probability)
    if not known.all():
        model = AssignmentModel(arms).fit(
            train.X[chosen], train.arm[chosen], 0, train.groups[chosen]
        )
        chances[~known] = model.predict(test.X[~known])
    overlap = overlap_table(test.arm, arms, chances, known, dataset.control)
    scores = dr_scores(test.purchase, test.arm, arms, floored(chances, known), expected)
    effects = effect_scores(scores, dataset.control)
    smallest = 0.1 * float(scores[dataset.control].mean())
    table = arm_effects(
        test.purchase,
        test.arm,
        effects,
        overlap,
        dataset.control,
        Clusters(test.groups),
        smallest,
    )
    return table, test


def staff_only(dataset: OfferDataset) -> OfferDataset:
    """The offers that staff chose."""
    chosen = dataset.frame["campaign_id"].str.startswith("discount-staff")
    return replace(dataset, frame=dataset.frame[chosen].reset_index(drop=True))


def one_seed(folder: Path, seed: int, customers: int, everything: bool) -> dict[str, float]:
    """Found or not in the shops without effect, covered or not in the shop with effects."""
    simulate(folder, customers, seed, effect=False)
    study, dataset = dataset_of(folder, ["discount-*"], everything)
    row: dict[str, float] = {"seed": seed}
    for name, part in (("all", dataset), ("staff", staff_only(dataset))):
        table, test = judged(study, part)
        row[f"rows_{name}"] = len(test)
        row[f"found_{name}"] = float((table["verdict"] == "found").any())
    simulate(folder, customers, seed, effect=True)
    study, dataset = dataset_of(folder, ["discount-staff-*"], everything)
    table, test = judged(study, dataset)
    truth = read_truth(folder).offers.set_index("offer_id").loc[test.frame["offer_id"]]
    for found in table.to_dict("records"):
        arm = found["arm"]
        true = float((truth[f"p_{arm}"] - truth["p_none"]).mean())
        for name, low, high, value in (
            ("robust", found["low"], found["high"], found["effect"]),
            ("plain", found["naive_low"], found["naive_high"], found["naive"]),
        ):
            row[f"{name}_{arm}"] = float(low < true < high)
            row[f"{name}_error_{arm}"] = value - true
        row[f"verdict_found_{arm}"] = float(found["verdict"] == "found")
    return row


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--seeds", type=int, help="default 100 times the size")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--all-features", action="store_true")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    seeds = given.seeds or scaled(100, given.size)

    rows = []
    work = Path(tempfile.mkdtemp())
    try:
        for seed in range(given.first_seed, given.first_seed + seeds):
            rows.append(one_seed(work / "store", seed, given.customers, given.all_features))
            if given.out:
                pd.DataFrame(rows).to_csv(given.out, index=False)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    table = pd.DataFrame(rows)
    report = Report(given)
    report.table(
        ["offers", "judged in each shop", "shops without effect where one is found"],
        [
            [what, f"{table[f'rows_{name}'].mean():,.0f}", f"{table[f'found_{name}'].mean():.2f}"]
            for name, what in (("all", "all"), ("staff", "chosen by staff"))
        ],
        "No effect",
        f"{seeds} seeds of {given.customers:,} customers.",
    )
    arms = [name.removeprefix("robust_error_") for name in table if "robust_error_" in name]
    mean = table.mean()
    report.table(
        ["arm", "doubly robust", "plain difference", "error of the first, points",
         "of the second", "effect found"],
        [
            [arm, f"{mean[f'robust_{arm}']:.2f}", f"{mean[f'plain_{arm}']:.2f}",
             f"{100 * mean[f'robust_error_{arm}']:.2f}", f"{100 * mean[f'plain_error_{arm}']:.2f}",
             f"{mean[f'verdict_found_{arm}']:.2f}"]
            for arm in arms
        ],
        "Usual effects, offers chosen by staff: share of 95 % intervals that hold the truth",
    )  # fmt: skip
    covered = float(np.mean([mean[f"robust_{arm}"] for arm in arms]))
    report.figure("intervals that hold the truth, doubly robust", covered, "")
    report.figure("shops without effect where one is found", float(mean["found_all"]), "")
    report.close()


if __name__ == "__main__":
    main()
