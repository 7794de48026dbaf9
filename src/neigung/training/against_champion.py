"""The champion of a study on the test rows of a new version, as far as the two can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from neigung.errors import InputError, StudyError, TrackingError
from neigung.language import Message
from neigung.study import Study
from neigung.training.fitted import Fitted

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from neigung.evaluation.comparison import Comparison
    from neigung.explanation.explain import Explanation
    from neigung.models.version import Version
    from neigung.tracking.registry import VersionInfo


def compare_with_champion(
    study: Study, fitted: Fitted, explanation: Explanation
) -> tuple[Comparison | None, tuple[str, ...]]:
    """What changed since the champion, on the rows that `explanation` explains.

    None where there is no champion yet, or no MLflow store. None with a note where there is one
    that cannot be loaded, that answers another question, or that reads columns which these rows
    do not have.
    """
    champion = _champion(study.name)
    if champion is None:
        return None, ()
    try:
        artefact = _loaded(champion)
        obstacle = _obstacle(study, fitted, explanation, artefact)
        if obstacle is None:
            return _compare(study, fitted, explanation, artefact, champion.version), ()
    except InputError as error:  # its files were changed, or a feature is of another kind now
        obstacle = error.message if error.message.endswith(".") else f"{error.message}."
    note = Message(
        "Not compared with the champion, version {version}: {obstacle}",
        version=champion.version,
        obstacle=obstacle,
    )
    return None, (note,)


def _champion(study_name: str) -> VersionInfo | None:
    from neigung.tracking.registry import CHAMPION, versions

    try:
        there = versions(study_name)
    except TrackingError:  # a store that is broken, not only absent, is told when it is written
        return None
    return next((one for one in there if CHAMPION in one.aliases), None)


def _loaded(version: VersionInfo) -> Version:
    from neigung.tracking.registry import load

    return load(version.study, version.version)[0]


def _obstacle(
    study: Study, fitted: Fitted, explanation: Explanation, champion: Version
) -> str | None:
    """Why the two cannot be compared, None when they can."""
    from neigung.tracking.runs import QUESTION

    try:
        # What older releases did not ask for has its default.
        then = Study.from_dict({**champion.study, "profiles": study.profiles}).to_dict()
    except StudyError as error:
        return Message("its study cannot be read ({reason}).", reason=error.message)
    now = study.to_dict()
    changed = [key for key in (*QUESTION, "orders") if then[key] != now[key]]
    if changed:
        return Message("it answers another question (another {keys:names}).", keys=changed)
    lacking = [one.name for one in champion.columns if one.name not in fitted.test.frame]
    if lacking:
        more = len(lacking) - 3
        if more <= 0:
            return Message(
                "it reads features that this study does not compute ({names:names}).",
                names=lacking,
            )
        return Message(
            "it reads features that this study does not compute ({names:names} and {more} more).",
            names=lacking[:3],
            more=more,
        )
    if explanation.arm and explanation.arm not in champion.parts:
        return Message(
            "it knows nothing of the arm {arm}, which is explained here.", arm=explanation.arm
        )
    return None


def _compare(
    study: Study, fitted: Fitted, explanation: Explanation, champion: Version, version: int
) -> Comparison:
    from neigung.evaluation.comparison import compare
    from neigung.explanation.contributions import contributions

    both: Mapping[str, Version] = {"this": fitted.artefact, "champion": champion}
    test, arm = fitted.test, explanation.arm
    X = {name: test.frame[[one.name for one in both[name].columns]] for name in both}
    given = {
        "this": explanation.contributions,
        "champion": contributions(champion, X["champion"], arm),
    }
    placed = {name: _groups(both[name], X[name]) for name in both}
    columns = {one.name: one for one in (*champion.columns, *fitted.artefact.columns)}
    return compare(
        version,
        y=None if arm else test.y,
        groups=test.groups,
        scores={name: both[name].score(X[name], arm) for name in both},
        bands=placed,
        importance={name: told.importance_by_column() for name, told in given.items()},
        columns=list(columns.values()),
        worth=_worth(fitted, placed),
        band_order=list(dict.fromkeys([*both["this"].groups, *champion.groups])),
        notes=_notes(fitted.artefact, champion, version),
        seed=study.model.seed,
    )


def _worth(fitted: Fitted, chosen: Mapping[str, Any]) -> dict[str, Any] | None:
    """What each row earns under either choice of offers, None where it cannot be told."""
    if fitted.earned is None:
        return None
    worth = {name: fitted.earned(arms) for name, arms in chosen.items()}
    return None if any(values is None for values in worth.values()) else worth


def _groups(artefact: Version, X: pd.DataFrame) -> npt.NDArray[np.object_]:
    """In which group a version puts each row (n,)."""
    return artefact.predict(X)[artefact.group_column].to_numpy(dtype=object)


def _notes(this: Version, champion: Version, version: int) -> list[Message]:
    """What to bear in mind."""
    notes = []
    until, start = champion.cutoffs.trained_until, this.cutoffs.test
    if until and start and until > start:
        notes.append(
            Message(
                "Version {version} had learned from outcomes up to {until:date}, and this test "
                "begins on {start:date}: here it looks better than it is.",
                version=version,
                until=until,
                start=start,
            )
        )
    if champion.study.get("decision", this.study["decision"]) != this.study["decision"]:
        notes.append(
            Message(
                "Version {version} recommends offers by other costs and margins than this one, so "
                "that not only the models differ.",
                version=version,
            )
        )
    return notes
