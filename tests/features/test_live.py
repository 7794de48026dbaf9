"""Features of profiles that come with a request equal those of the batch, to the last bit."""

from __future__ import annotations

import datetime as dt
import json
import random
import threading
from pathlib import Path

import pandas as pd
import pytest

from neigung.errors import FeatureError, InputError
from neigung.features.live import LiveFeatures, LiveRows
from neigung.features.live_tables import UnfitValueError
from neigung.profiles.rows import ROWS, ProfileRows
from neigung.profiles.store import Profiles
from neigung.scoring.cutoffs import instant
from neigung.simulation.simulate import simulate
from tests.features.live_stores import CUTOFF, Batch, hostile_store, requests, study_of
from tests.stores import small_store

BASES = (
    {"none_needed": "a test"},
    {"consent": "profiling"},
    {"legitimate_interest": "profiling"},
    {"consent": "marketing"},
    {"legitimate_interest": "marketing"},
)


@pytest.fixture(scope="module")
def raw() -> dict[str, pd.DataFrame]:
    return hostile_store()


@pytest.fixture(scope="module")
def store(raw: dict[str, pd.DataFrame]) -> Profiles:
    return Profiles.from_tables(raw)


@pytest.fixture(scope="module")
def batch(store: Profiles) -> Batch:
    return Batch.of(study_of(), store, CUTOFF)


@pytest.fixture(scope="module")
def profiles(raw: dict[str, pd.DataFrame]) -> dict[str, ProfileRows]:
    return requests(raw)


@pytest.fixture(scope="module")
def live(batch: Batch) -> LiveFeatures:
    return batch.live()


def test_every_customer_and_feature_of_a_hostile_store(
    batch: Batch, live: LiveFeatures, profiles: dict[str, ProfileRows]
) -> None:
    assert len(batch.frame) > 30
    assert batch.frame.notna().any().all(), "a feature that nobody has proves nothing"
    found = live.compute(list(profiles.values()), [CUTOFF] * len(profiles))
    batch.assert_equal(found, profiles)


def test_one_customer_at_a_time_whatever_came_before(
    batch: Batch, live: LiveFeatures, profiles: dict[str, ProfileRows]
) -> None:
    order = list(profiles)
    random.Random(5).shuffle(order)
    for customer in order:
        batch.assert_equal(live.compute([profiles[customer]], [CUTOFF]), [customer])


def test_a_column_alone_equals_that_among_all(
    batch: Batch, profiles: dict[str, ProfileRows]
) -> None:
    names = ["order_pace", "attribute_rank", "product_age_90d", "attribute_income"]
    live = batch.live(names)
    found = live.compute(list(profiles.values()), [CUTOFF] * len(profiles))
    assert list(found.values) == names == [column.name for column in live.columns]
    batch.assert_equal(found, profiles)


@pytest.mark.parametrize("basis", BASES, ids=str)
def test_the_legal_basis_decides_as_in_the_batch(
    store: Profiles, profiles: dict[str, ProfileRows], basis: dict[str, str]
) -> None:
    names = ["order_count_90d", "days_since_open_cart"]
    study = study_of(basis, population={"active_within_days": 90}, features=names)
    batch = Batch.of(study, store, CUTOFF)
    found = batch.live().compute(list(profiles.values()), [CUTOFF] * len(profiles))
    batch.assert_equal(found, profiles)
    assert "not_in_population" in found.refused
    assert ("no_consent" in found.refused) == ("none_needed" not in basis)


def test_an_untidy_store_with_all_tables() -> None:
    raw = small_store(60)
    batch = Batch.of(study_of({"consent": "profiling"}), Profiles.from_tables(raw), CUTOFF)
    profiles = requests(raw)
    found = batch.live().compute(list(profiles.values()), [CUTOFF] * len(profiles))
    batch.assert_equal(found, profiles)
    assert len(batch.frame.columns) > 180


def test_a_simulated_store_one_by_one(tmp_path: Path) -> None:
    simulate(tmp_path / "store", customers=400, seed=2)
    store = Profiles.open(tmp_path / "store")
    cutoff = instant("latest", store)
    batch = Batch.of(study_of({"legitimate_interest": "profiling"}), store, cutoff)
    raw = {name: store.table(name).to_pyarrow().to_pandas() for name in store.tables}
    profiles, live = requests(raw), batch.live()
    found = live.compute(list(profiles.values()), [cutoff] * len(profiles))
    batch.assert_equal(found, profiles)
    for customer in list(profiles)[::20]:
        batch.assert_equal(live.compute([profiles[customer]], [cutoff]), [customer])


def test_a_store_with_order_lines_only(raw: dict[str, pd.DataFrame]) -> None:
    few = raw["order_lines"][["customer_id", "occurred_at", "order_id", "net_value", "category"]]
    store = Profiles.from_tables({"order_lines": few})
    batch = Batch.of(study_of(), store, CUTOFF)
    # What the store does not have is ignored, however much of it the request brings.
    profiles = requests({**raw, "order_lines": few})
    found = batch.live().compute(list(profiles.values()), [CUTOFF] * len(profiles))
    batch.assert_equal(found, profiles)


def test_each_profile_has_its_own_cutoff(store: Profiles, profiles: dict[str, ProfileRows]) -> None:
    names = [
        "order_count_30d",
        "order_gap_median",
        "visit_days_90d",
        "attribute_rank",
        "open_share",
    ]
    study = study_of(features=names)
    cutoffs = [CUTOFF - dt.timedelta(days=60, hours=5), CUTOFF]
    batches = [Batch.of(study, store, cutoff) for cutoff in cutoffs]
    both = [(customer, at) for customer in profiles for at in (0, 1)]
    found = (
        batches[0]
        .live()
        .compute([profiles[customer] for customer, _ in both], [cutoffs[at] for _, at in both])
    )
    for at, expected in enumerate(batches):
        part = LiveRows(
            {name: values[at::2] for name, values in found.values.items()}, found.refused[at::2]
        )
        expected.assert_equal(part, profiles)


def test_own_features_of_the_study(
    tmp_path: Path, store: Profiles, profiles: dict[str, ProfileRows]
) -> None:
    (tmp_path / "mine.py").write_text(
        '''
from neigung.features.feature import feature
from neigung.features.sources import COMBINED, ORDER_LINES

@feature(ORDER_LINES, windows=(30, 365), needs=("own_weight",))
def weight(lines, within):
    """Weight.

    de: Gewicht.
    """
    return lines.own_weight.cast("decimal(18, 2)").sum(where=within)

@feature(ORDER_LINES, windows=(365,), kind="category", empty="none")
def first_voucher(lines, within):
    """First voucher.

    de: Erster Gutschein.
    """
    return lines.voucher_code.min(where=within & (lines.net_value > 0))

@feature(COMBINED, of=("weight",))
def weight_share(row):
    """Share.

    de: Anteil.
    """
    return row.weight_30d / row.weight_365d.nullif(0)
''',
        encoding="utf-8",
    )
    study = study_of(
        my_features=str(tmp_path / "mine.py"),
        features=["weight", "first_voucher", "weight_share", "order_count"],
    )
    batch = Batch.of(study, store, CUTOFF)
    assert batch.frame["weight_share"].notna().any()
    found = batch.live().compute(list(profiles.values()), [CUTOFF] * len(profiles))
    batch.assert_equal(found, profiles)


def test_a_feature_of_everyones_rows_is_refused_at_the_start(tmp_path: Path, batch: Batch) -> None:
    (tmp_path / "mine.py").write_text(
        '''
from neigung.features.feature import Source, feature

EVERYONE = Source("all", ("order_lines",), lambda past: past.everyone("order_lines"), "x", True)

@feature(EVERYONE)
def lines_of_all(lines):
    """Lines.

    de: Zeilen.
    """
    return lines.count()
''',
        encoding="utf-8",
    )
    study = study_of(my_features=str(tmp_path / "mine.py"))
    with pytest.raises(FeatureError, match=r"everyone's rows of order_lines.*past\.shared"):
        LiveFeatures(study, batch.tables, batch.shared, ["lines_of_all"])


def test_a_source_that_speaks_without_rows_is_asked_all_the_same(
    tmp_path: Path, store: Profiles, profiles: dict[str, ProfileRows]
) -> None:
    (tmp_path / "mine.py").write_text(
        '''
from neigung.features.feature import Source, feature
from neigung.profiles.timeline import KEYS

def _all(past):
    spine = past.spine.mutate(days_ago=0.0)
    return spine.left_join(past.rows("loyalty").select(*KEYS, "kind"), KEYS)

SPINE = Source("loyalty or not", ("loyalty",), _all, "x")

@feature(SPINE)
def rows_or_one(rows):
    """Rows.

    de: Zeilen.
    """
    return rows.count()
''',
        encoding="utf-8",
    )
    study = study_of(my_features=str(tmp_path / "mine.py"), features=["rows_or_one"])
    batch = Batch.of(study, store, CUTOFF)
    assert batch.frame["rows_or_one"].min() == 1
    live = batch.live()
    for customer, profile in profiles.items():
        batch.assert_equal(live.compute([profile], [CUTOFF]), [customer])


def test_what_a_customer_said_counts_where_the_store_has_no_consents(
    raw: dict[str, pd.DataFrame], batch: Batch
) -> None:
    tables = {name: columns for name, columns in batch.tables.items() if name != "consents"}
    line = {"occurred_at": "2025-02-27", "order_id": 1, "net_value": 5}
    said = {"occurred_at": "2025-02-01", "purpose": "profiling"}

    def refused(basis: dict[str, str], *granted: bool) -> str | None:
        live = LiveFeatures(study_of(basis), tables, batch.shared, ["order_count_7d"])
        consents = [said | {"granted": one} for one in granted]
        profile = ProfileRows(order_lines=[line], consents=consents)
        return live.compute([profile], [CUTOFF]).refused[0]

    assert refused({"legitimate_interest": "profiling"}) is None
    assert refused({"legitimate_interest": "profiling"}, False) == "no_consent"
    assert refused({"consent": "profiling"}) == "no_consent"
    assert refused({"consent": "profiling"}, True) is None
    assert refused({"consent": "profiling"}, True, False) == "no_consent"


def test_a_consent_that_the_store_knows_counts_unless_the_profile_says_otherwise(
    batch: Batch,
) -> None:
    line = {"occurred_at": "2025-02-27", "order_id": 1, "net_value": 5}
    no = {"occurred_at": "2025-02-01", "purpose": "profiling", "granted": False}
    silent = ProfileRows(order_lines=[line])
    refusing = ProfileRows(order_lines=[line], consents=[no])
    study = study_of({"consent": "profiling"})
    live = LiveFeatures(study, batch.tables, batch.shared, ["order_count_7d"])
    profiles = [silent, silent, silent, refusing]
    found = live.compute(profiles, [CUTOFF] * 4, [True, None, False, True])
    assert found.refused == [None, "no_consent", "no_consent", "no_consent"]
    assert found.values["order_count_7d"][0] == 1
    # And the next call knows nothing of it.
    assert live.compute([silent], [CUTOFF]).refused == ["no_consent"]


def test_who_is_refused_has_no_features(live: LiveFeatures) -> None:
    found = live.compute([ProfileRows(), ProfileRows(visits=[])], [CUTOFF] * 2)
    assert found.refused == ["not_in_population"] * 2
    for column in live.columns:
        values = found.values[column.name]
        assert len(values) == 2
        assert pd.isna(values).all()


def test_nobody_asked_nothing_answered(live: LiveFeatures) -> None:
    found = live.compute([], [])
    assert found.refused == []
    assert {len(values) for values in found.values.values()} == {0}


def test_the_customers_id_is_not_needed_and_may_repeat(
    batch: Batch, live: LiveFeatures, profiles: dict[str, ProfileRows]
) -> None:
    first, second = list(batch.frame.index[:2])
    nameless = [
        profiles[one].model_dump(mode="json", exclude={"customer_id"}) for one in (first, second)
    ]
    for part in nameless:
        for name in ROWS:
            for row in part[name]:
                row["customer_id"] = "same"
    given = [ProfileRows.model_validate_json(json.dumps(part)) for part in nameless]
    batch.assert_equal(live.compute(given, [CUTOFF] * 2), [first, second])


def test_cutoffs_with_a_zone(
    batch: Batch, live: LiveFeatures, profiles: dict[str, ProfileRows]
) -> None:
    cutoff = CUTOFF.replace(tzinfo=dt.UTC).astimezone(dt.timezone(dt.timedelta(hours=9)))
    customer = batch.frame.index[3]
    batch.assert_equal(live.compute([profiles[customer]], [cutoff]), [customer])


def test_threads_share_one(
    batch: Batch, live: LiveFeatures, profiles: dict[str, ProfileRows]
) -> None:
    problems: list[BaseException] = []

    def work(customers: list[str]) -> None:
        try:
            for customer in customers:
                batch.assert_equal(live.compute([profiles[customer]], [CUTOFF]), [customer])
        except BaseException as error:
            problems.append(error)

    threads = [
        threading.Thread(target=work, args=(list(profiles)[start:24:4],)) for start in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("many", "rank must be a whole number"),
        ([1], "rank must be a whole number"),
        (2**70, "rank must be a whole number"),
    ],
)
def test_an_attribute_that_the_store_cannot_hold(
    live: LiveFeatures, value: object, wanted: str
) -> None:
    bad = ProfileRows(customers=[{"occurred_at": "2025-01-01"}, {"rank": value}])
    with pytest.raises(UnfitValueError, match=rf"Profile 1, customers\.1\.{wanted}") as caught:
        live.compute([ProfileRows(), bad], [CUTOFF] * 2)
    assert (caught.value.profile, caught.value.path) == (1, "customers.1.rank")


def test_amounts_too_large_name_the_profile_and_leave_no_trace(
    batch: Batch, live: LiveFeatures, profiles: dict[str, ProfileRows]
) -> None:
    customer = batch.frame.index[0]
    huge = {"occurred_at": "2025-02-27", "net_value": 99_999_999_999_999, "quantity": 1}
    bad = ProfileRows(order_lines=[huge | {"order_id": n} for n in range(200)])
    with pytest.raises(
        UnfitValueError, match="Profile 1 must have values to compute with"
    ) as caught:
        live.compute([profiles[customer], bad], [CUTOFF] * 2)
    assert "99999" not in str(caught.value)
    batch.assert_equal(live.compute([profiles[customer]], [CUTOFF]), [customer])


def test_columns_that_cannot_be_computed_are_named(batch: Batch) -> None:
    tables = {"order_lines": batch.tables["order_lines"]}
    with pytest.raises(FeatureError, match=r"visit_count_7d are needed.*no table visits"):
        LiveFeatures(study_of(), tables, {}, ["order_count_7d", "visit_count_7d"])
    with pytest.raises(FeatureError, match="'order_cuont_7d', which nobody defines"):
        LiveFeatures(study_of(), tables, {}, ["order_cuont_7d"])


def test_each_profile_needs_a_cutoff(live: LiveFeatures) -> None:
    with pytest.raises(InputError, match="1 profiles, 0 cutoffs"):
        live.compute([ProfileRows()], [])


def test_memory_does_not_keep_rows(live: LiveFeatures, profiles: dict[str, ProfileRows]) -> None:
    live.compute(list(profiles.values()), [CUTOFF] * len(profiles))
    engine = live._engine
    assert all(one.rows.num_rows == 0 for one in engine._inputs.values())
    held = engine._con.execute("SELECT count(*) FROM order_lines").fetchone()
    assert held == (0,)


def test_a_consent_withdrawn_after_the_cutoff_counts_when_the_question_is_asked(
    batch: Batch,
) -> None:
    line = {"occurred_at": "2025-02-20", "order_id": 1, "net_value": 5}
    yes = {"occurred_at": "2025-02-01", "purpose": "profiling", "granted": True}
    no = {"occurred_at": "2025-04-01", "purpose": "profiling", "granted": False}
    agreed = ProfileRows(order_lines=[line], consents=[yes])
    withdrawn = ProfileRows(order_lines=[line], consents=[yes, no])
    now = dt.datetime(2025, 6, 1)
    for basis in ({"consent": "profiling"}, {"legitimate_interest": "profiling"}):
        live = LiveFeatures(study_of(basis), batch.tables, batch.shared, ["order_count_7d"])
        asked = [agreed, withdrawn], [CUTOFF] * 2
        assert live.compute(*asked, now=now).refused == [None, "no_consent"]
        assert live.compute(*asked, now=CUTOFF).refused == [None, None]
        assert live.compute(*asked).refused == [None, None]
