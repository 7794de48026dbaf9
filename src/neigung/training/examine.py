"""Examines a tested model: what speaks for it and against it, before anybody signs for it.

Everything here looks at the test and at newer rows, and changes nothing of the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from neigung.errors import StudyError
from neigung.language import Message
from neigung.profiles.store import Profiles
from neigung.progress import Reporter, Tick
from neigung.study import Study
from neigung.training.against_champion import compare_with_champion
from neigung.training.fitted import Fitted, Floats

if TYPE_CHECKING:
    from neigung.evaluation.fairness.fairness import Fairness
    from neigung.evaluation.stability import Stability
    from neigung.explanation.explain import Explanation
    from neigung.features.feature import Column, Feature
    from neigung.report.evidence import Evidence


def gather(
    study: Study, profiles: Profiles, fitted: Fitted, reporter: Reporter
) -> tuple[Evidence, tuple[str, ...]]:
    """Explain all test rows and examine the model; returns the evidence and notes.

    Beside the explanation: drift of features and scores to the test and to the customers of the
    newest midnight, leak suspicion, the same model with other seeds, what groups of customers get
    and what the model does without sensitive attributes, and the champion on the same rows. The
    notes say what could not be examined. The same data, study and champion give the same evidence.
    """
    from neigung.explanation.explain import explain
    from neigung.judgement.fitness import judge_fitness
    from neigung.report.evidence import Evidence

    with reporter.task("Explaining"):
        explanation = explain(fitted.artefact, fitted.test)
    with reporter.task("Fitting variations") as tick:
        others, without = _varied(fitted, tick)
    notes: list[str] = []
    with reporter.task("Examining"):
        now = _newest_customers(study, profiles, fitted, notes)
        stability = _stability(study, fitted, explanation, now, others)
        fairness = _fairness(study, fitted, explanation, without)
        comparison, told = compare_with_champion(study, fitted, explanation)
        tables = _tables(study, profiles, fitted.artefact.columns)
    for note in (*notes, *told):
        reporter.say(f"  Note: {note}")
    evidence = Evidence(
        evaluation=fitted.evaluation,
        explanation=explanation,
        fitness=judge_fitness(
            fitted.evaluation,
            stability=stability,
            fairness=fairness,
            leaks=fitted.leaks,
            known_in_advance=fitted.known_in_advance,
        ),
        stability=stability,
        fairness=fairness,
        comparison=comparison,
        tables=tables,
    )
    return evidence, (*notes, *told)


def _varied(fitted: Fitted, tick: Tick) -> tuple[dict[int, Floats], Floats | None]:
    """Scores of the test by seed, and those without the sensitive columns that the model reads.

    None without such columns, and where the model reads nothing else.
    """
    vary, read = fitted.variations, {column.name for column in fitted.artefact.columns}
    used = {column.name for column in fitted.sensitive if column.name in read}
    total = len(vary.seeds) + 1
    others = {}
    for done, seed in enumerate(vary.seeds, start=1):
        others[seed] = vary.with_seed(seed)
        tick(done, total)
    without = None
    if vary.without is not None and 0 < len(used) < len(read):
        without = vary.without(used)
    tick(total, total)
    return others, without


def _newest_customers(
    study: Study, profiles: Profiles, fitted: Fitted, notes: list[str]
) -> pd.DataFrame | None:
    """What the model reads of the study's population at the newest midnight of the data.

    Of a sample where the test is one.
    """
    from neigung.models.dataset import build_features
    from neigung.profiles.timeline import latest_cutoff

    names = [column.name for column in fitted.artefact.columns]
    cutoff = latest_cutoff(profiles.span(study.cutoffs.trust_dates)[1], horizon_days=0)
    sampling = fitted.dataset.sampling
    sample = None if sampling is None else sampling.tested
    try:
        return build_features(study, profiles, cutoff, names=names, sample=sample).X
    except StudyError as error:
        notes.append(Message("Drift up to now was not examined. {reason}", reason=error.message))
        return None


def _stability(
    study: Study,
    fitted: Fitted,
    explanation: Explanation,
    now: pd.DataFrame | None,
    others: Mapping[int, Floats],
) -> Stability:
    from neigung.evaluation.stability import assess_stability, seed_table

    after = {"test": fitted.test.X} | ({} if now is None else {"now": now})
    said = {name: fitted.artefact.score(X, explanation.arm) for name, X in after.items()}
    y = _outcomes(fitted, explanation)
    return assess_stability(
        fitted.before.X,
        after,
        fitted.artefact.columns,
        scores={"before": fitted.before_scores, **said},
        importance=explanation.contributions.importance_by_column(),
        train_y=None if y is None else fitted.before.y,
        test_y=y,
        seeds=seed_table(
            None if y is None else study.acceptance.metric,
            said["test"],
            others,
            y,
            registered_seed=study.model.seed,
        ),
    )


def _fairness(
    study: Study, fitted: Fitted, explanation: Explanation, without: Floats | None
) -> Fairness:
    from neigung.evaluation.fairness.fairness import assess_fairness

    artefact, test = fitted.artefact, fitted.test
    columns = {one.name: one for one in (*artefact.columns, *fitted.sensitive)}
    return assess_fairness(
        test.frame[[column.name for column in fitted.sensitive]],
        list(columns.values()),
        test.X,
        artefact.promised(test.X),
        artefact.selected(test.X),
        test.groups,
        y=_outcomes(fitted, explanation),
        importance=explanation.contributions.importance_by_column(),
        without=without,
        seed=study.model.seed,
    )


def _outcomes(fitted: Fitted, explanation: Explanation) -> Floats | None:
    """Of the test (n,); none for offers, whose effect nobody observes of a customer."""
    return None if explanation.arm else fitted.test.y


def _tables(study: Study, profiles: Profiles, columns: Sequence[Column]) -> pd.DataFrame:
    """What the store holds, and how many of the model's columns are made from each table."""
    from neigung.features.library import library, load_user_features
    from neigung.profiles.table_facts import table_facts

    own = load_user_features(study.my_features) if study.my_features else ()
    features = {one.name: one for one in (*library(profiles), *own)}
    sources = [_read(features[column.feature], features) for column in columns]
    facts = table_facts(profiles)
    facts["features"] = [sum(name in source for source in sources) for name in facts["table"]]
    return facts


def _read(feature: Feature, features: Mapping[str, Feature]) -> set[str]:
    """The tables that a feature is made from, also through the features it combines."""
    found = set(feature.source.tables)
    for name in feature.of:
        found |= _read(features[name], features)
    return found
