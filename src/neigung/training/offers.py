"""Learns and tests what an offer changes, and what the choice of offers earns."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from neigung.language import Message
from neigung.profiles.store import Profiles
from neigung.progress import Reporter
from neigung.study import Study
from neigung.training.fitted import Fitted, Variations, newest, other_seeds, sensitive_columns

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from neigung.decisions.expected_orders import ExpectedOrders
    from neigung.evaluation.offers.offer_evaluation import OfferEvaluation
    from neigung.evaluation.offers.offers_tested import OfferTest, Placebo
    from neigung.models.offers.artefact import OfferArtefact
    from neigung.models.offers.dataset import OfferDataset, OfferSplits


OTHER_SEEDS = 1
"""With so many other seeds the uplift is learned again, to see what the seed decides.

Learning it is most of the work: two were 58 % on top of fitting and testing (9,300 offers, 189
columns). For the same reason no model is fitted without the sensitive columns.
"""


def fit_offers(study: Study, profiles: Profiles, reporter: Reporter) -> Fitted:
    """Fit the models of an offer study on the earlier offers and test them on the last ones.

    Beside the model a placebo is fitted: the same model on arms dealt out anew by lot, which must
    find nothing.
    """
    from neigung.evaluation.offers.offer_evaluation import evaluate_offers
    from neigung.explanation.contributions import telling_arm
    from neigung.models.leakage import check_offer_leakage
    from neigung.models.leaks import certain_leaks, declared
    from neigung.models.offers.artefact import OfferArtefact
    from neigung.models.offers.dataset import build_offer_dataset, offer_splits
    from neigung.models.offers.model import OfferModel
    from neigung.models.time_leaking import without_dated
    from neigung.models.unseen import unseen_shares
    from neigung.models.usual import usual_values

    sensitive = sensitive_columns(study, profiles)
    also = [column.name for column in sensitive]
    with reporter.task("Features and outcomes of the offers") as tick:
        dataset = build_offer_dataset(study, profiles, also=also, on_step=tick)
    splits = offer_splits(dataset, study)
    with reporter.task("Looking for leaks"):
        check_offer_leakage(dataset, splits, study, profiles)
        data_digest = profiles.digest()
        profiles.check_unchanged()  # rather than after the tuning
    if study.features == "all":  # who names features gets them
        dataset = without_dated(
            dataset, splits.train(dataset).cutoffs, study.model.time_leaking_features
        )
    known, leaks = declared(study, dataset), certain_leaks(study, profiles, dataset)
    notes = (
        *profiles.notes,
        *dataset.notes,
        *(
            Message("Known in advance, as the study says: {name} ({why})", name=name, why=why)
            for name, why in known.items()
        ),
    )
    for leak in leaks:
        reporter.say(f"  Leak: {leak.text}.")
    for note in notes:
        reporter.say(f"  Note: {note}")
    train, test = splits.train(dataset), splits.test(dataset)
    before = newest(train, len(test) // 2)
    with reporter.task("Fitting"):
        model = OfferModel.fit(train, seed=study.model.seed)
        artefact = OfferArtefact(
            model,
            dataset.columns,
            study=study.stored(),
            meta={
                "data_digest": data_digest,
                "study_digest": study.digest(),
                "splits": splits.to_dict(),
                "rows": {"train": len(train), "test": len(test)},
                "usual": usual_values(_last_of_each(before).X, dataset.columns),
                **unseen_shares(model.uplift.encoder_.unknown(test.X)),
            },
        )
    with reporter.task("Placebo"):
        placebo = _placebo(study, train, test)
    with reporter.task("Testing"):
        offers = _offer_test(study, artefact, splits, train, test)
        evaluation = evaluate_offers(offers, study.acceptance.metric, placebo=placebo)
    arm = telling_arm(artefact, test.X)
    return Fitted(
        artefact=artefact,
        leaks=leaks,
        known_in_advance=tuple(known),
        evaluation=evaluation,
        dataset=dataset,
        test=test,
        data_digest=data_digest,
        notes=notes,
        sensitive=tuple(column for column in sensitive if column.name in dataset.frame),
        before=before,
        before_scores=model.uplift.predict(before.X)[arm].to_numpy(),
        variations=_variations(study, train, test, arm),
        earned=lambda chosen: _earned(offers, evaluation, chosen),
    )


def _last_of_each(rows: OfferDataset) -> OfferDataset:
    """The newest offer of each customer: many offers make nobody more usual."""
    kept = rows.frame.drop_duplicates("customer_id", keep="last")
    return replace(rows, frame=kept.reset_index(drop=True))


def _variations(study: Study, train: OfferDataset, test: OfferDataset, arm: str) -> Variations:
    from neigung.models.offers.model import fit_effects

    def with_seed(seed: int) -> npt.NDArray[np.float64]:
        [model] = fit_effects(train, [train.y], seed)
        return model.predict(test.X)[arm].to_numpy(dtype="float64")

    return Variations(other_seeds(study.model.seed, OTHER_SEEDS), with_seed)


def _placebo(study: Study, train: OfferDataset, test: OfferDataset) -> Placebo:
    """What the model finds where nothing is: in arms that were dealt out by lot afterwards."""
    from neigung.evaluation.offers.offers_tested import Placebo
    from neigung.models.offers.uplift import UpliftModel

    lot = np.random.default_rng(study.model.seed)
    arm = lot.permutation(train.arm)
    names, counts = np.unique(arm.astype(str), return_counts=True)
    chance = dict(zip(names, counts / len(arm), strict=True))
    model = UpliftModel(train.control, study.model.seed, rates=train.dose, handle_unknown="ignore")
    model.fit(
        train.X,
        train.y,
        arm,
        assignment_probability=np.array([chance[str(one)] for one in arm]),
        groups=train.groups,
    )
    return Placebo(lot.permutation(test.arm), model.predict(test.X))


def _offer_test(
    study: Study,
    artefact: OfferArtefact,
    splits: OfferSplits,
    train: OfferDataset,
    test: OfferDataset,
) -> OfferTest:
    """The model and its choice of offers, on the offers of the test."""
    import pandas as pd

    from neigung.evaluation.offers.offers_tested import OfferTest
    from neigung.evaluation.offers.uplift import dr_scores

    model = artefact.model
    everything = [train.control, *train.arms]
    # Which single arm was best is known from the training offers, as it would have been in life.
    expected = model.expected(train.X)
    earlier = dr_scores(
        _worth(study, train, expected),
        train.arm,
        everything,
        train.chances(study.model.seed),
        _expected_worth(study, expected),
    )
    expected = model.expected(test.X)
    return OfferTest(
        cutoff=pd.Timestamp(splits.test_start),
        outcome=study.target.outcome,  # type: ignore[union-attr]
        control=train.control,
        arms=list(train.arms),
        y=test.y,
        arm=test.arm,
        groups=test.groups,
        probabilities=test.chances(study.model.seed),
        randomised=~np.isnan(test.assignment_probability),
        expected=model.expected_outcomes(test.X),
        uplift=model.uplift.predict(test.X),
        purchase_score=expected.probability[train.control].to_numpy(),
        worth=_worth(study, test, expected),
        expected_worth=_expected_worth(study, expected),
        chosen=artefact.recommended(test.X).to_numpy(dtype=object),
        same_for_all=str(earlier.mean().idxmax()),
        X=test.X,
        worth_outcome="value" if study.decision.margin_rate is None else "margin",
    )


def _earned(
    offers: OfferTest, evaluation: OfferEvaluation, chosen: npt.NDArray[np.object_]
) -> npt.NDArray[np.float64] | None:
    """What each row of the test earns (n,) under a choice of arms, None where it cannot be told.

    As the evaluation judges the model's own choice: it must give no more than a few customers an
    arm that hardly anybody like them got.
    """
    from neigung.evaluation.offers.effect_tables import is_supported, unsupported
    from neigung.evaluation.offers.overlap import floored
    from neigung.evaluation.offers.policy import policy_matrix, policy_scores
    from neigung.evaluation.offers.uplift import dr_scores

    arms = offers.all_arms
    if not set(chosen) <= set(arms):
        return None
    chances = offers.probabilities[arms].to_numpy(dtype="float64")
    policy = policy_matrix(chosen, arms)
    if not is_supported(policy, unsupported(offers, evaluation.overlap, chances)):
        return None
    known = floored(chances, offers.randomised)
    scores = dr_scores(offers.worth, offers.arm, arms, known, offers.expected_worth)
    return policy_scores(policy, scores)


def _worth(study: Study, rows: OfferDataset, expected: ExpectedOrders) -> npt.NDArray[np.float64]:
    """What each offer brought: margin, or net value without a margin rate, less the contact."""
    from neigung.decisions.discount import contact_costs

    costs = contact_costs(study.decision, expected)
    earned = rows.value if study.decision.margin_rate is None else rows.margin
    return np.asarray(earned - np.array([costs[str(one)] for one in rows.arm]))


def _expected_worth(study: Study, expected: ExpectedOrders) -> pd.DataFrame:
    """The same, as the model expects it of every arm."""
    import pandas as pd

    from neigung.decisions.discount import contact_costs, expected_margin, expected_value

    if study.decision.margin_rate is not None:
        return expected_margin(expected, study.decision)
    costs = contact_costs(study.decision, expected)
    values = expected_value(expected)
    return values.sub(pd.Series(costs)[values.columns], axis="columns")
