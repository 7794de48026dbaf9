"""Whom a legal basis covers, asked customer by customer, is whom it covers in the batch."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import ibis
import pandas as pd
import pytest

from neigung.errors import ProfileError
from neigung.profiles.consent import covered, standing
from neigung.profiles.store import Profiles
from neigung.study import LegalBasis

NOW = dt.datetime(2025, 6, 1)
BASES = (
    LegalBasis(consent="profiling"),
    LegalBasis(legitimate_interest="profiling"),
    LegalBasis(consent="marketing"),
    LegalBasis(none_needed="for a test"),
)


@pytest.fixture
def store(tmp_path: Path, small_tables: dict[str, pd.DataFrame]) -> Path:
    for name, frame in small_tables.items():
        frame.to_parquet(tmp_path / f"{name}.parquet", index=False)
    return tmp_path


@pytest.mark.parametrize("basis", BASES, ids=str)
@pytest.mark.parametrize("now", [NOW, dt.datetime(2024, 3, 1)], ids=str)
def test_it_covers_whom_the_batch_covers(store: Path, basis: LegalBasis, now: dt.datetime) -> None:
    profiles = Profiles.open(store)
    everybody = sorted(set(profiles.table("order_lines").customer_id.to_pyarrow().to_pylist()))
    instant = ibis.memtable({"cutoff": [now]}, schema={"cutoff": "timestamp(6)"})
    table = covered(profiles, instant, basis)
    in_batch = everybody if table is None else table.customer_id.to_pyarrow().to_pylist()
    found = standing(store, basis, now)
    assert [one for one in everybody if found.covers(one)] == sorted(set(in_batch) & set(everybody))
    assert found.covers("nobody") == (basis.consent is None)
    assert found.said("nobody") is None


def test_nothing_but_the_consents_is_read(store: Path) -> None:
    (store / "order_lines.parquet").write_bytes(b"damaged")
    found = standing(store, LegalBasis(consent="profiling"), NOW)
    assert len(found.customer_ids) > 10
    assert len(found.agreed) == len(found.customer_ids)


def test_a_store_without_consents_covers_nobody_who_must_consent(store: Path) -> None:
    (store / "consents.parquet").unlink()
    with pytest.raises(ProfileError, match="needs the table consents"):
        standing(store, LegalBasis(consent="profiling"), NOW)
    assert standing(store, LegalBasis(legitimate_interest="profiling"), NOW).covers("k001")


def test_a_store_that_is_gone_is_an_error_unless_no_consent_is_needed(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="there is nothing"):
        standing(tmp_path / "gone", LegalBasis(legitimate_interest="profiling"), NOW)
    assert standing(tmp_path / "gone", LegalBasis(none_needed="for a test"), NOW).covers("anyone")


def test_a_single_file_of_tables_works_too(store: Path, tmp_path: Path) -> None:
    import duckdb

    place = tmp_path / "store.duckdb"
    with duckdb.connect(str(place)) as connection:
        connection.read_parquet(str(store / "consents.parquet")).create("consents")
    basis = LegalBasis(consent="profiling")
    assert standing(place, basis, NOW).customer_ids == standing(store, basis, NOW).customer_ids


def test_a_refusal_counts_however_the_id_is_spelled(tmp_path: Path) -> None:
    no = {"occurred_at": "2025-01-01", "purpose": "profiling", "granted": False}
    ids = ["Mu\u0308ller ", "7.0"]
    pd.DataFrame({"customer_id": ids} | no).to_parquet(tmp_path / "consents.parquet")
    found = standing(tmp_path, LegalBasis(legitimate_interest="profiling"), NOW)
    assert not any(map(found.covers, ("Müller", "Mu\u0308ller", " 7", "7")))
    assert found.covers("8")
