"""Studies: what is read, and what each mistake is answered with."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from neigung.errors import StudyError
from neigung.study import Study

GOOD: dict[str, Any] = {
    "name": "purchase_30d",
    "profiles": "data/profiles",
    "target": {"kind": "purchase", "horizon_days": 30},
    "legal_basis": {"consent": "profiling"},
}


def _offer(**target: Any) -> dict[str, Any]:
    return {"target": {"kind": "offer", "horizon_days": 14} | target}


OFFER = _offer()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"horizon": 3}, "unknown key 'horizon'"),
        ({"targt": 3}, "Did you mean 'target'?"),
        (
            {"target": {"kind": "purchase", "horizon_days": 3, "wher": {}}},
            "unknown key 'target.wher'. Did you mean 'where'?",
        ),
        ({"target": {"kind": "purchase"}}, "'target.horizon_days' is missing"),
        (
            {"target": {"kind": "purchase", "horizon_days": 0}},
            "greater than or equal to 1, found 0",
        ),
        (
            {"target": {"kind": "sales", "horizon_days": 3}},
            "'purchase', 'churn', 'offer', 'custom'",
        ),
        ({"target": {"kind": "churn", "horizon_days": 3}}, "needs population.active_within_days"),
        ({"legal_basis": {}}, "exactly one of consent, legitimate_interest, none_needed"),
        (
            {"legal_basis": {"consent": "profiling", "none_needed": "x"}},
            "found consent, none_needed",
        ),
        ({"cutoffs": {"last": "soon"}}, "cutoffs.last"),
        ({"features": []}, "at least one feature"),
        ({"name": "Purchase 30"}, "lower-case letters"),
        ({"model": {"trials": 0}}, "model.trials"),
        ({"acceptance": {"metric": "accuracy"}}, "acceptance.metric"),
        ({"acceptance": {"metric": "qini"}}, "average_precision, auroc, log_loss, brier is needed"),
        ({"decision": {"margin_rate": 0.3}}, "decision belongs to studies with target offer"),
        (OFFER | {"acceptance": {"metric": "auroc"}}, "policy_value, qini is needed"),
        (_offer(outcome="margin"), "needs decision.margin_rate"),
        (_offer(arms=["none", "5%"]), "'none' cannot be one of them"),
        (_offer(outcome="sales"), "'purchase', 'value' or 'margin', found 'sales'"),
        (OFFER | {"decision": {"margin_rate": 1.5}}, "decision.margin_rate"),
        (OFFER | {"decision": {"contact_cost": {"push": -1}}}, "decision.contact_cost.push"),
        (OFFER | {"model": {"rows": 1000}}, "model.rows belongs to the other targets"),
        ({"model": {"rows": 0}}, "model.rows"),
        (OFFER | {"decision": {"margin": 0.3}}, "Did you mean 'margin_rate'?"),
        ({"acceptance": {"review": True}}, "'optional' or 'required', found True"),
        ({"report": {"ower": "Ada"}}, "unknown key 'report.ower'. Did you mean 'owner'?"),
        ({"report": {"sample": -1}}, "report.sample: Input should be greater than or equal to 0"),
        ({"report": {"owner": ""}}, "report.owner"),
        ({"sensitive": {"age": True}}, "sensitive: "),
        ({"sensitive": ["age", ""]}, "sensitive.1: "),
    ],
)
def test_a_mistake_names_the_key_and_what_would_be_right(
    change: dict[str, Any], message: str
) -> None:
    with pytest.raises(StudyError) as error:
        Study.from_dict(GOOD | change)
    assert message in str(error.value)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(StudyError) as error:
        Study.from_dict(GOOD | {"one": 1, "two": 2})
    assert "'one'" in str(error.value)
    assert "'two'" in str(error.value)


def test_a_cutoff_with_a_zone_becomes_utc() -> None:
    study = Study.from_dict(GOOD | {"cutoffs": {"last": "2025-06-01T02:00:00+02:00"}})
    assert study.cutoffs.last == dt.datetime(2025, 6, 1)


def test_yaml_dates_are_cutoffs(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(
        "name: a\nprofiles: p\ntarget: {kind: purchase, horizon_days: 7}\n"
        "legal_basis: {none_needed: test}\ncutoffs: {last: 2025-06-01}\n"
    )
    assert Study.load(path).cutoffs.last == dt.datetime(2025, 6, 1)


def test_relative_paths_are_found_beside_the_study(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("")
    path = tmp_path / "study.yaml"
    path.write_text(
        "name: a\nprofiles: p\ntarget: {kind: purchase, horizon_days: 7}\n"
        "legal_basis: {none_needed: test}\nmy_features: mine.py\n"
    )
    study = Study.load(path)
    assert study.my_features == str(tmp_path / "mine.py")
    assert study.profiles == "p"


@pytest.mark.parametrize("content", ["- a\n- b\n", "a: [", "", "\x00"])
def test_what_is_no_study_is_one_error(tmp_path: Path, content: str) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(content)
    with pytest.raises(StudyError, match=r"Study .*study\.yaml"):
        Study.load(path)


def test_a_study_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no such file"):
        Study.load(tmp_path / "absent.yaml")


def test_the_digest_ignores_where_the_profiles_lie_and_nothing_else() -> None:
    study = Study.from_dict(GOOD)
    assert study.digest() == Study.from_dict(GOOD | {"profiles": "elsewhere"}).digest()
    assert study.digest() != Study.from_dict(GOOD | {"model": {"seed": 8}}).digest()


def test_what_the_report_says_may_be_one_text_or_many() -> None:
    assert Study.from_dict(GOOD).report.not_for == ()
    assert Study.from_dict(GOOD | {"report": {"not_for": "prices"}}).report.not_for == ("prices",)
    assert Study.from_dict(GOOD | {"sensitive": "age"}).sensitive == ("age",)
    # None is a question left open, nothing is an answer.
    assert Study.from_dict(GOOD).sensitive is None
    assert Study.from_dict(GOOD | {"sensitive": []}).sensitive == ()


def test_a_study_survives_its_own_dictionary() -> None:
    more = {"sensitive": ["age"], "report": {"owner": "Ada", "not_for": ["prices"], "sample": 0}}
    assert Study.from_dict(Study.from_dict(GOOD | more).to_dict()) == Study.from_dict(GOOD | more)
    study = Study.from_dict(GOOD)
    assert Study.from_dict(study.to_dict()) == study


def test_offers_are_judged_by_what_they_earn_unless_the_study_says_otherwise() -> None:
    assert Study.from_dict(GOOD | OFFER).acceptance.metric == "policy_value"
    named = Study.from_dict(GOOD | OFFER | {"acceptance": {"metric": "qini"}})
    assert named.acceptance.metric == "qini"
    assert Study.from_dict(named.to_dict()) == named


def test_a_contact_costs_one_amount_or_one_for_each_arm() -> None:
    one = Study.from_dict(GOOD | OFFER | {"decision": {"contact_cost": 0.5}})
    each = Study.from_dict(GOOD | OFFER | {"decision": {"contact_cost": {"post": 0.8}}})
    assert one.decision.contact_cost == 0.5
    assert each.decision.contact_cost == {"post": 0.8}
