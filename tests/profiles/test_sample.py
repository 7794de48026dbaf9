"""Who is in a sample: the same customers on every engine, and for every use others."""

from __future__ import annotations

import hashlib

import ibis
import pytest

from neigung.profiles.sample import Sample

IDS = [f"c{number}" for number in range(2000)] + ["", "Jörg 🛒", "' OR 1=1 --", "c 1"]


def chosen(share: float, salt: str = "learn") -> set[str]:
    rows = ibis.memtable({"customer_id": IDS})
    return set(Sample(share, salt).of(rows).customer_id.to_list())


@pytest.mark.parametrize("share", [0.003, 0.25, 0.999])
def test_the_hash_can_be_worked_out_by_anybody(share: float) -> None:
    limit = share * 2**128
    by_hand = {
        one
        for one in IDS
        if int(hashlib.md5(f"neigung:learn:{one}".encode()).hexdigest(), 16) < limit
    }
    assert chosen(share) == by_hand
    assert len(by_hand) == pytest.approx(share * len(IDS), abs=60)


def test_more_rows_are_a_superset_and_another_salt_is_drawn_apart() -> None:
    assert chosen(0.1) < chosen(0.2) < chosen(0.5)
    both = chosen(0.5) & chosen(0.5, "test")
    assert len(both) == pytest.approx(0.25 * len(IDS), abs=60)


def test_it_is_not_the_sample_of_those_who_hash_the_bare_id() -> None:
    """A shop that offers something to whose MD5 begins with 0 would else be half learned from."""
    low = {one for one in IDS if hashlib.md5(one.encode()).hexdigest() < "2"}
    inside = chosen(0.125)
    assert len(low & inside) == pytest.approx(len(low) / 8, abs=25)
