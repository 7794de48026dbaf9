"""The service over HTTP: the same numbers as the nightly scores, for those who may be profiled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from neigung.models.dataset import build_features
from neigung.profiles.store import Profiles
from neigung.scoring.cutoffs import instant
from neigung.scoring.offers import offers
from neigung.scoring.score import score
from neigung.study import Study
from neigung.tracking.registry import load
from tests.serving.running import Running


@pytest.fixture
def nightly(trained: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the nightly run that the service follows, as the current folder."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(trained)
    return trained


@pytest.fixture
def known(trained: Path) -> list[str]:
    """Customers whom the study buy predicts for."""
    snapshot = trained / "snapshots" / "buy" / "features.arrow"
    with pa.memory_map(str(snapshot)) as source:
        ids: list[str] = pa.ipc.open_file(source).read_all()["customer_id"].to_pylist()
    return ids


def asked(service: Running, customers: list[Any], **more: Any) -> list[dict[str, Any]]:
    answer = service.post("/v1/predict", {"customers": customers, **more})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["customers"]
    assert len(found) == len(customers)
    return found


def by_id(ids: list[str]) -> list[dict[str, str]]:
    return [{"customer_id": one} for one in ids]


def profile_of(profiles: Profiles, customer_id: str, *without: str) -> dict[str, Any]:
    """All rows of a customer as JSON, the way a campaign system would send them."""
    rows = {}
    for name, table in profiles.tables.items():
        if name != "labels" and name not in without:
            own = table.filter(table.customer_id == customer_id).to_pyarrow().to_pandas()
            if len(own):
                rows[name] = json.loads(
                    own.astype({"net_value": str} if "net_value" in own else {}).to_json(
                        orient="records", date_format="iso", date_unit="us"
                    )
                )
    for lines in rows.values():
        for line in lines:
            for key in [key for key, value in line.items() if value is None]:
                del line[key]
    return {"customer_id": customer_id, **rows}


def told(frame: pd.DataFrame) -> dict[str, dict[str, Any]]:
    return {row["customer_id"]: row for row in frame.to_dict("records")}


def test_every_customer_gets_the_nightly_score_by_id(service: Running, nightly: Path) -> None:
    scores = told(score("buy.yaml", reasons=3))
    found = asked(service, by_id(list(scores)), studies=["buy"], language="de")
    assert [one["customer_id"] for one in found] == list(scores)
    for one in found:
        [prediction] = one["predictions"]
        row = scores[one["customer_id"]]
        for name in ("probability", "percentile", "band", "model_version"):
            assert prediction[name] == row[name]
        assert prediction["source"] == "snapshot"
        assert [r["text"] for r in prediction["reasons"]] == [r["text_de"] for r in row["reasons"]]
        contributions = [r["contribution"] for r in row["reasons"]]
        assert [r["contribution"] for r in prediction["reasons"]] == contributions
    texts = [r["text"] for one in found for r in one["predictions"][0]["reasons"]]
    assert any(" (typisch" in text for text in texts)


def test_every_customer_gets_the_nightly_score_by_profile(service: Running, nightly: Path) -> None:
    scores = told(score("buy.yaml", reasons=3))
    profiles = Profiles.open("small")
    cutoff = instant("latest", profiles).isoformat()
    customers = [{"profile": profile_of(profiles, one), "cutoff": cutoff} for one in scores]
    found = asked(service, customers, studies=["buy"])
    for one in found:
        [prediction] = one["predictions"]
        row = scores[one["customer_id"]]
        assert prediction["source"] == "profile"
        assert prediction["probability"] == row["probability"]
        assert prediction["percentile"] == row["percentile"]
        assert [r["feature"] for r in prediction["reasons"]] == [
            r["feature"] for r in row["reasons"]
        ]
        assert [r["text"] for r in prediction["reasons"]] == [r["text_en"] for r in row["reasons"]]


def test_every_customer_gets_the_nightly_uplift_by_id_and_by_profile(
    service: Running, nightly: Path
) -> None:
    scores = told(score("discount.yaml", reasons=2))
    profiles = Profiles.open("simulated")
    cutoff = instant("latest", profiles).isoformat()
    ids = list(scores)[:1000]
    sent = [{"profile": profile_of(profiles, one), "cutoff": cutoff} for one in ids[:25]]
    for customers in (by_id(ids), sent):
        for one in asked(service, customers, studies=["discount"], reasons=2):
            [prediction] = one["predictions"]
            row = scores[one["customer_id"]]
            assert prediction["recommended_arm"] == row["recommended_arm"]
            for arm, effect in prediction["arms"].items():
                assert effect["uplift"] == row[f"uplift_{arm}"]
                assert effect["low"] == row[f"uplift_{arm}_low"]
                assert effect["high"] == row[f"uplift_{arm}_high"]
            reasons = [(r["feature"], r["text"]) for r in prediction["reasons"]]
            assert reasons == [(r["feature"], r["text_en"]) for r in row["reasons"]]


def test_every_feature_of_a_profile_is_that_of_the_nightly_run(trained: Path) -> None:
    from neigung.features.live import LiveFeatures
    from neigung.profiles.rows import ProfileRows
    from neigung.snapshots.read import Snapshot

    study = Study.load(trained / "buy.yaml").model_copy(update={"profiles": str(trained / "small")})
    profiles = Profiles.open(study.profiles)
    cutoff = instant("latest", profiles)
    dataset = build_features(study, profiles, cutoff)
    snapshot = Snapshot.open(trained / "snapshots" / "buy")
    names = [column.name for column in dataset.columns]
    live = LiveFeatures(study, snapshot.tables, snapshot.shared(), names)
    ids = list(dataset.frame["customer_id"])
    sent = [ProfileRows.model_validate_json(json.dumps(profile_of(profiles, one))) for one in ids]
    given = live.compute(sent, [cutoff] * len(ids))
    kept = snapshot.values([snapshot.find(one) for one in ids], names)  # type: ignore[misc]
    assert given.refused == [None] * len(ids)
    for name in names:
        nightly = dataset.frame[name]
        if nightly.dtype == np.float64:
            expected = nightly.to_numpy().view(np.int64)
            np.testing.assert_array_equal(given.values[name].view(np.int64), expected, name)
            np.testing.assert_array_equal(kept[name].view(np.int64), expected, name)
        else:
            text = [None if pd.isna(one) else one for one in nightly.astype(object)]
            assert list(given.values[name]) == text == list(kept[name])


def test_all_studies_answer_when_none_is_named(service: Running, known: list[str]) -> None:
    [one] = asked(service, by_id(known[:1]))
    assert [p["study"] for p in one["predictions"]] == ["buy"]
    assert [(r["study"], r["code"]) for r in one["refusals"]] == [("discount", "unknown_customer")]


def test_who_may_not_be_profiled_is_refused_and_the_rest_is_answered(
    service: Running, nightly: Path, known: list[str]
) -> None:
    profiles = Profiles.open("small")
    everybody = set(profiles.table("order_lines").customer_id.to_pyarrow().to_pylist())
    left_out = sorted(everybody - set(known))
    found = asked(service, by_id([*left_out, "nobody", known[0]]), studies=["buy"])
    codes = {one["customer_id"]: [r["code"] for r in one["refusals"]] for one in found}
    assert codes.pop(known[0]) == []
    assert codes.pop("nobody") == ["unknown_customer"]
    assert {code for [code] in codes.values()} == {"no_consent", "not_in_population"}
    assert not any(one["predictions"] for one in found[:-1])


def test_a_profile_without_consent_or_orders_is_refused(
    service: Running, nightly: Path, known: list[str]
) -> None:
    profiles = Profiles.open("small")
    cutoff = instant("latest", profiles).isoformat()
    whole = profile_of(profiles, known[0])
    stranger = {**profile_of(profiles, known[0], "consents"), "customer_id": "stranger"}
    for lines in stranger.values():
        for line in lines if isinstance(lines, list) else []:
            line.pop("customer_id", None)
    agreed = profile_of(profiles, known[0], "consents")
    orderless = profile_of(profiles, known[0], "order_lines", "returns")
    no = {"purpose": "profiling", "granted": False, "occurred_at": "2025-12-01"}
    left = whole | {"consents": [*whole["consents"], no]}
    sent = (whole, stranger, agreed, orderless, left)
    customers = [{"profile": one, "cutoff": cutoff} for one in sent]
    found = asked(service, customers, studies=["buy"])
    assert [[r["code"] for r in one["refusals"]] for one in found] == [
        [],
        ["no_consent"],
        [],  # the store knows that this customer agreed
        ["not_in_population"],
        ["no_consent"],  # withdrawn after the cutoff, but before the question
    ]


def test_an_offer_is_the_nightly_one_and_follows_the_request(
    service: Running, nightly: Path
) -> None:
    plan = offers("discount.yaml")
    rows = told(plan.frame)
    ids = list(rows)[:200]
    answer = service.post("/v1/offers", {"customers": by_id(ids), "reasons": 0}).json()
    for one in answer["customers"]:
        offer, row = one["offer"], rows[one["customer_id"]]
        assert offer["recommended_arm"] == row["recommended_arm"]
        assert offer["necessary_discount"] == row["necessary_discount"]
        for arm, expected in offer["arms"].items():
            for what, value in expected.items():
                assert value == pytest.approx(row[f"{what}_{arm}"], rel=1e-12)
    poor = service.post(
        "/v1/offers", {"customers": by_id(ids), "margin_rate": 0.01, "reasons": 1}
    ).json()
    assert {one["offer"]["recommended_arm"] for one in poor["customers"]} == {"none"}
    assert all(len(one["offer"]["reasons"]) == 1 for one in poor["customers"])
    rich = service.post(
        "/v1/offers", {"customers": by_id(ids), "margin_rate": 1.0, "contact_cost": 0, "budget": 5}
    ).json()
    assert 0 < rich["expected"]["cost"] <= 5
    assert sum(rich["expected"]["offers"].values()) == len(ids)


def test_offers_that_cannot_be_planned_say_why(service: Running, nightly: Path) -> None:
    someone = by_id(list(told(offers("discount.yaml").frame))[:1])
    for wrong, path, said in (
        ({"contact_cost": {"7%": 1}}, "contact_cost", "one for each arm"),
        ({"revenue_target": 1e9}, "revenue_target", "reach"),
        ({"budget": 1, "revenue_target": 1}, "", "not both"),
        ({"study": "buy"}, "study", "no such study"),
    ):
        answer = service.post("/v1/offers", {"customers": someone, **wrong})
        assert answer.status_code in (403, 422)
        [error] = [one for one in answer.json()["errors"] if said in one["message"]]
        assert path in error["path"]


def test_the_models_are_described(service: Running, nightly: Path) -> None:
    buy, discount = service.get("/v1/models").json()["models"]
    artefact, info = load("buy", "champion")
    assert buy["artefact_digest"] == artefact.digest
    assert buy["model_version"] == info.version
    assert buy["metrics"] == pytest.approx(dict(info.metrics))
    assert buy["features"] == [column.name for column in artefact.columns]
    assert buy["test_cutoff"][:10] == artefact.meta["splits"]["test"][:10]
    assert buy["troubles"] == []
    assert discount["target"]["kind"] == "offer"


def test_metrics_count_predictions_refusals_and_stages(service: Running, known: list[str]) -> None:
    asked(service, by_id([known[0], "nobody"]), studies=["buy"])
    text = service.get("/metrics").text
    assert 'neigung_predictions_total{model_version="1",source="snapshot",study="buy"}' in text
    assert 'neigung_refusals_total{code="unknown_customer",study="buy"}' in text
    assert 'neigung_stage_seconds_count{stage="log"}' in text
    assert 'neigung_model_version{study="buy"} 1.0' in text
    assert "bentoml_service_request_duration_seconds" in text


def test_a_mixed_call_is_answered_in_the_order_of_the_request(
    service: Running, nightly: Path, known: list[str]
) -> None:
    profiles = Profiles.open("small")
    cutoff = instant("latest", profiles).isoformat()
    held, shown = known[:2]
    sent = {"profile": profile_of(profiles, shown), "cutoff": cutoff}
    customers = [sent, {"customer_id": held}, {"customer_id": "nobody"}, sent]
    found = asked(service, customers, studies=["buy"])
    assert [one["customer_id"] for one in found] == [shown, held, "nobody", shown]
    sources = [[p["source"] for p in one["predictions"]] for one in found]
    assert sources == [["profile"], ["snapshot"], [], ["profile"]]


def test_categories_that_the_model_does_not_know_are_told_and_refused_where_all_are(
    service: Running, nightly: Path, known: list[str]
) -> None:
    profiles = Profiles.open("small")
    cutoff = instant("latest", profiles).isoformat()
    sent = []
    for name in known[:12]:
        profile = profile_of(profiles, name)
        for line in profile["order_lines"]:
            line["channel"] = "kiosk"
        sent.append({"profile": profile, "cutoff": cutoff})
    for one in asked(service, sent[:2], studies=["buy"]):
        [prediction] = one["predictions"]
        assert "last_order_channel" in prediction["unknown_categories"]
    [one] = asked(service, by_id(known[:1]), studies=["buy"])
    assert one["predictions"][0]["unknown_categories"] == []
    answer = service.post("/v1/predict", {"customers": sent, "studies": ["buy"]})
    assert answer.status_code == 422
    assert "none of the 12 profiles" in answer.text


def test_the_same_call_twice_is_answered_alike(service: Running, known: list[str]) -> None:
    customers = by_id(known[:3])
    assert asked(service, customers) == asked(service, customers)


def test_it_is_ready_soon(service: Running) -> None:
    # The measure is in benchmarks; here nothing may hang for half a minute.
    assert service.seconds_to_ready < 40


def test_the_output_names_no_customers(service: Running, known: list[str]) -> None:
    asked(service, by_id(known), studies=["buy"])
    wrong = {"customers": [{"customer_id": known[0], "profile": known[1], "Secret": 1}]}
    assert service.post("/v1/predict", wrong).status_code == 422
    assert not any(one in service.log() for one in known)
    assert "Secret" not in service.log()
    assert "Traceback" not in service.log()
