"""Who is covered by which legal basis, from statements in every order."""

import datetime as dt
from typing import Any

import ibis
import pandas as pd
import pytest

from neigung.errors import ProfileError
from neigung.profiles.consent import covered
from neigung.profiles.store import Profiles
from neigung.study import LegalBasis
from tests.stores import small_store

CUTOFF = dt.datetime(2025, 6, 1)
CONSENT = LegalBasis(consent="profiling")
INTEREST = LegalBasis(legitimate_interest="profiling")

Statement = tuple[str, str | None, bool]


def is_covered(statements: list[Statement], basis: LegalBasis, **more: Any) -> bool:
    """Whether customer a is covered after statements of (day, channel, granted)."""
    lines = pd.DataFrame(
        {
            "customer_id": ["a", "other"],
            "order_id": ["1", "2"],
            "occurred_at": pd.Timestamp("2025-01-01"),
            "net_value": 1.0,
        }
    )
    consents = pd.DataFrame(
        [
            {
                "customer_id": "a",
                "occurred_at": pd.Timestamp(day),
                "purpose": "profiling",
                "channel": channel,
                "granted": granted,
            }
            | more
            for day, channel, granted in statements
        ]
        + [
            {
                "customer_id": "other",
                "occurred_at": pd.Timestamp("2025-01-01"),
                "purpose": "profiling",
                "channel": None,
                "granted": True,
            }
        ]
    )
    consents["channel"] = consents["channel"].astype("string")
    profiles = Profiles.from_tables({"order_lines": lines, "consents": consents})
    cutoffs = ibis.memtable({"cutoff": [CUTOFF]}, schema={"cutoff": "timestamp(6)"})
    found = covered(profiles, cutoffs, basis)
    assert found is not None
    return "a" in set(found.customer_id.execute())


@pytest.mark.parametrize(
    ("statements", "by_consent", "by_interest"),
    [
        ([], False, True),
        ([("2025-02-01", None, True)], True, True),
        ([("2025-02-01", None, False)], False, False),
        ([("2025-02-01", None, True), ("2025-03-01", None, False)], False, False),
        ([("2025-02-01", None, False), ("2025-03-01", None, True)], True, True),
        # after the cutoff, it does not count yet
        ([("2025-02-01", None, True), ("2025-06-01", None, False)], True, True),
        # yes and no at the same instant: no
        ([("2025-02-01", None, True), ("2025-02-01", None, False)], False, False),
        # one channel refused
        ([("2025-02-01", "email", True), ("2025-02-01", "phone", False)], True, False),
        # a general statement overrules earlier ones for a channel
        ([("2025-02-01", "email", True), ("2025-03-01", None, False)], False, False),
        ([("2025-02-01", "email", False), ("2025-03-01", None, True)], True, True),
        ([("2025-02-01", None, False), ("2025-03-01", "email", True)], True, False),
        # a channel in other spellings
        ([("2025-02-01", "email", True), ("2025-03-01", "E-Mail", False)], False, False),
        ([("2025-02-01", "e_mail", False), ("2025-03-01", " EMAIL ", True)], True, True),
        # mail is email to some, a letter to others: no means both, yes only what it says
        ([("2025-02-01", "email", True), ("2025-03-01", "Mail", False)], False, False),
        ([("2025-02-01", "email", False), ("2025-03-01", "mail", True)], True, False),
        ([("2025-02-01", "mail", False), ("2025-03-01", "mail", True)], True, True),
        ([("2025-02-01", "mail", False), ("2025-03-01", "email", True)], True, False),
        # a blank channel, a word for nothing and a word for all are every channel
        ([("2025-02-01", "email", True), ("2025-03-01", " ", False)], False, False),
        ([("2025-02-01", "email", True), ("2025-03-01", "\xa0", False)], False, False),
        ([("2025-02-01", "email", True), ("2025-03-01", "NULL", False)], False, False),
        ([("2025-02-01", "email", True), ("2025-03-01", "ALL", False)], False, False),
    ],
)
def test_statements(statements: list[Statement], by_consent: bool, by_interest: bool) -> None:
    assert is_covered(statements, CONSENT) is by_consent
    assert is_covered(statements, INTEREST) is by_interest


def test_a_withdrawal_that_nobody_knew_does_not_count_yet() -> None:
    late = {"known_at": pd.Timestamp("2025-07-01")}
    assert is_covered([("2025-02-01", None, False)], INTEREST, **late)


def test_another_purpose_is_no_consent() -> None:
    assert not is_covered([("2025-02-01", None, True)], CONSENT, purpose="marketing")


@pytest.mark.parametrize("basis", [CONSENT, INTEREST], ids=["consent", "interest"])
def test_pairs_are_looked_at_each_at_their_own_instant(basis: LegalBasis) -> None:
    """Given customers with cutoffs, the answer is that for everybody, for these alone."""
    tables = small_store(30)
    consents = tables["consents"]
    turned = consents.assign(
        granted=~consents["granted"].astype(bool),
        occurred_at=consents["occurred_at"] + pd.Timedelta(days=90),
        known_at=consents["known_at"] + pd.Timedelta(days=90),
    )
    tables["consents"] = pd.concat([consents, turned[::2]], ignore_index=True)
    profiles = Profiles.from_tables(tables)
    offers = profiles.table("offers")
    pairs = offers.select("customer_id", cutoff=offers.occurred_at)
    some = covered(profiles, pairs, basis)
    everybody = covered(profiles, pairs.select("cutoff").distinct(), basis)
    assert some is not None
    assert everybody is not None
    expected = everybody.semi_join(pairs, ["customer_id", "cutoff"])
    keys = ["customer_id", "cutoff"]
    found = some.to_pandas().sort_values(keys, ignore_index=True)
    pd.testing.assert_frame_equal(found, expected.to_pandas().sort_values(keys, ignore_index=True))
    assert 0 < len(found) < pairs.count().to_pyarrow().as_py()


def test_a_store_without_consents() -> None:
    lines = pd.DataFrame(
        {"customer_id": ["a"], "order_id": ["1"], "occurred_at": [CUTOFF], "net_value": [1.0]}
    )
    profiles = Profiles.from_tables({"order_lines": lines})
    cutoffs = ibis.memtable({"cutoff": [CUTOFF]}, schema={"cutoff": "timestamp(6)"})
    with pytest.raises(ProfileError, match="needs the table consents"):
        covered(profiles, cutoffs, CONSENT)
    assert covered(profiles, cutoffs, INTEREST) is None
    assert covered(profiles, cutoffs, LegalBasis(none_needed="a test")) is None


@pytest.mark.parametrize("purpose", ["Profiling", " PROFILING\xa0"])
def test_a_purpose_in_other_case_is_the_same(purpose: str) -> None:
    assert not is_covered([("2025-02-01", None, False)], INTEREST, purpose=purpose)


def test_an_unknown_purpose_is_refused_with_what_to_do() -> None:
    with pytest.raises(ProfileError, match=r"must be one of profiling, marketing.* none out that"):
        is_covered([("2025-02-01", None, False)], INTEREST, purpose="newsletter")
