"""The champion of a study on the test rows of a new version, as far as the two can be compared."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from neigung.errors import InputError, StudyError, TrackingError
from neigung.fitted import Fitted, bands, scores
from neigung.study import Study

if TYPE_CHECKING:
    from neigung.evaluation.comparison import Comparison
    from neigung.explanation.explain import Explanation
    from neigung.models.artefact import Artefact
    from neigung.models.offer_artefact import OfferArtefact
    from neigung.tracking.registry import VersionInfo

    AnyArtefact = Artefact | OfferArtefact


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
        obstacle = str(error)
    told = f"Not compared with the champion, version {champion.version}: {obstacle}"
    return None, (f"{told.rstrip('.')}.",)


def _champion(study_name: str) -> VersionInfo | None:
    from neigung.tracking.registry import CHAMPION, versions

    try:
        there = versions(study_name)
    except TrackingError:  # a store that is broken, not only absent, is told when it is written
        return None
    return next((one for one in there if CHAMPION in one.aliases), None)


def _loaded(version: VersionInfo) -> AnyArtefact:
    from neigung.tracking.registry import load

    return load(version.study, version.version)[0]


def _obstacle(
    study: Study, fitted: Fitted, explanation: Explanation, champion: AnyArtefact
) -> str | None:
    """Why the two cannot be compared, None when they can."""
    from neigung.tracking.runs import QUESTION

    try:
        # What older releases did not ask for has its default.
        then = Study.from_dict({**champion.study, "profiles": study.profiles}).to_dict()
    except StudyError as error:
        return f"its study cannot be read ({error})"
    now = study.to_dict()
    changed = [key for key in QUESTION if then[key] != now[key]]
    if changed:
        return f"it answers another question (another {', '.join(changed)})"
    lacking = [one.name for one in champion.columns if one.name not in fitted.test.frame]
    if lacking:
        more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
        return (
            f"it reads features that this study does not compute ({', '.join(lacking[:3])}{more})"
        )
    if explanation.arm and explanation.arm not in champion.arms:  # type: ignore[union-attr]
        return f"it knows nothing of the arm {explanation.arm}, which is explained here"
    return None


def _compare(
    study: Study, fitted: Fitted, explanation: Explanation, champion: AnyArtefact, version: int
) -> Comparison:
    from neigung.evaluation.comparison import compare
    from neigung.explanation.contributions import contributions

    both: Mapping[str, AnyArtefact] = {"this": fitted.artefact, "champion": champion}
    test, arm = fitted.test, explanation.arm
    X = {name: test.frame[[one.name for one in both[name].columns]] for name in both}
    given = {
        "this": explanation.contributions,
        "champion": contributions(champion, X["champion"], arm),
    }
    placed = {name: bands(both[name], X[name]) for name in both}
    columns = {one.name: one for one in (*champion.columns, *fitted.artefact.columns)}
    return compare(
        version,
        y=None if arm else test.y,
        groups=test.groups,
        scores={name: scores(both[name], X[name], arm) for name in both},
        bands=placed,
        importance={name: told.importance_by_column() for name, told in given.items()},
        columns=list(columns.values()),
        worth=_worth(fitted, placed),
        band_order=list(dict.fromkeys([*_band_order(both["this"]), *_band_order(champion)])),
        notes=_notes(fitted.artefact, champion, version),
        seed=study.model.seed,
    )


def _worth(fitted: Fitted, chosen: Mapping[str, Any]) -> dict[str, Any] | None:
    """What each row earns under either choice of offers, None where it cannot be told."""
    if fitted.earned is None:
        return None
    worth = {name: fitted.earned(arms) for name, arms in chosen.items()}
    return None if any(values is None for values in worth.values()) else worth


def _band_order(artefact: AnyArtefact) -> list[str]:
    """The bands from the highest, or the arms from the control."""
    from neigung.models.artefact import Artefact

    if isinstance(artefact, Artefact):
        return [name for name, _ in sorted(artefact.bands, key=lambda band: -band[1])]
    return [artefact.control, *artefact.arms]


def _notes(this: AnyArtefact, champion: AnyArtefact, version: int) -> list[tuple[str, str]]:
    """What to bear in mind, in English and German."""
    notes = []
    until, start = _learned_until(champion), _test_start(this)
    if until and start and until > start:
        notes.append(
            (
                f"Version {version} had learned from outcomes up to {until:%Y-%m-%d}, and this "
                f"test begins on {start:%Y-%m-%d}: here it looks better than it is.",
                f"Version {version} hatte aus Ergebnissen bis zum {until:%d.%m.%Y} gelernt, und "
                f"dieser Test beginnt am {start:%d.%m.%Y}: Hier wirkt sie besser, als sie ist.",
            )
        )
    offers = this.study["target"]["kind"] == "offer"
    if offers and this.study["decision"] != champion.study["decision"]:
        notes.append(
            (
                f"Version {version} recommends offers by other costs and margins than this one, so "
                "that not only the models differ.",
                f"Version {version} empfiehlt Angebote nach anderen Kosten und Margen als diese; "
                "es sind also nicht nur die Modelle verschieden.",
            )
        )
    return notes


def _learned_until(artefact: AnyArtefact) -> dt.datetime | None:
    """When the newest outcome ended that a version learned from, None if it does not say."""
    splits: Mapping[str, Any] = artefact.meta.get("splits") or {}
    newest = splits.get("train_until") or max(splits.get("train", ()), default=None)
    if newest is None:
        return None
    horizon = dt.timedelta(days=artefact.study["target"]["horizon_days"])
    return dt.datetime.fromisoformat(newest) + horizon


def _test_start(artefact: AnyArtefact) -> dt.datetime | None:
    splits: Mapping[str, Any] = artefact.meta.get("splits") or {}
    start = splits.get("test_start") or splits.get("test")
    return None if start is None else dt.datetime.fromisoformat(start)
