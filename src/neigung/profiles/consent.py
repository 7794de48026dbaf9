"""Whom a study's legal basis covers at a cutoff."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from dataclasses import dataclass
from pathlib import Path

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from neigung.errors import ProfileError
from neigung.profiles.mending import CUSTOMER_ID, spelled
from neigung.profiles.store import Profiles
from neigung.profiles.timeline import KEYS, known_before
from neigung.study import LegalBasis


def covered(profiles: Profiles, cutoffs: ir.Table, basis: LegalBasis) -> ir.Table | None:
    """Everybody the legal basis covers, per cutoff; None when it covers all.

    Parameters
    ----------
    profiles : the profile store.
    cutoffs : table with the column `cutoff`; with `customer_id` too, only these customers are
        looked at, each at their own cutoffs.
    basis : with `consent`, who has not said yes is not covered; with `legitimate_interest`,
        everybody is covered who has not objected (Article 21 GDPR); `none_needed` covers all.

    A statement without a channel speaks for all channels, until a later statement for one channel.
    Channels are told apart by their letters and digits alone, so that `E-Mail` is `email`.
    Of contradicting statements of the same instant the refusal counts.

    Returns a table of `customer_id` and `cutoff`. Raises ProfileError when consent is needed and
    the store has no consents.
    """
    if basis.none_needed is not None:
        return None
    purpose = basis.consent or basis.legitimate_interest
    if "consents" not in profiles:
        if basis.consent:
            raise _no_consents(profiles, basis.consent)
        return None
    verdicts = _verdicts(profiles.table("consents"), cutoffs, str(purpose))
    if basis.consent:
        return verdicts.filter(verdicts.any_yes).select(*KEYS)
    refused = verdicts.filter(~verdicts.all_yes).select(*KEYS)
    if "customer_id" in cutoffs.columns:
        return cutoffs.select(*KEYS).distinct().anti_join(refused, KEYS)
    return customers(profiles).cross_join(cutoffs).anti_join(refused, KEYS)


_ALL_CHANNELS = ("all", "any", "every", "alle", "allchannels", "allekanäle")
"""Words with which a statement says that it is for every channel."""

_MAIL = ("email", "mail")


@dataclass(frozen=True)
class Standing:
    """Whom a legal basis covers by the statements of a store, to be asked customer by customer.

    `basis` is `none_needed`, `consent` or `legitimate_interest`; `customer_ids` (sorted) are those
    who made a statement for its purpose, `agreed` whether they are covered by it.

    >>> standing = Standing("consent", pa.array(["a", "b"]), np.array([True, False]))
    >>> [standing.covers(who) for who in ("a", "b", "c")]
    [True, False, False]
    """

    basis: str
    customer_ids: pa.Array
    agreed: npt.NDArray[np.bool_]

    def said(self, customer_id: str) -> bool | None:
        """What the customer's own statements come to, None without any."""
        customer_id = spelled(customer_id, CUSTOMER_ID) or customer_id
        row = bisect_left(self.customer_ids, customer_id, key=lambda one: one.as_py())
        if row == len(self.customer_ids) or self.customer_ids[row].as_py() != customer_id:
            return None
        return bool(self.agreed[row])

    def covers(self, customer_id: str) -> bool:
        """Whether the customer may be profiled."""
        said = self.said(customer_id)
        return self.basis != "consent" if said is None else said


def standing(location: str | Path, basis: LegalBasis, now: dt.datetime) -> Standing:
    """Whom the statements known before `now` cover, read from the store's table consents alone.

    Raises ProfileError as `covered` does, and when the table cannot be read.
    """
    if basis.none_needed is not None:
        return Standing("none_needed", pa.array([], pa.string()), np.empty(0, dtype=bool))
    kind = "consent" if basis.consent else "legitimate_interest"
    profiles = Profiles.open(location, only=("consents",))
    # It is read again and again beside the answering of requests, which come first.
    profiles.connection.raw_sql("SET threads = 1")
    if "consents" not in profiles:
        if basis.consent:
            raise _no_consents(profiles, basis.consent)
        return Standing(kind, pa.array([], pa.string()), np.empty(0, dtype=bool))
    instant = profiles.engine.instants([now])
    purpose = str(basis.consent or basis.legitimate_interest)
    verdicts = _verdicts(profiles.table("consents"), instant, purpose)
    agreed = verdicts.any_yes if basis.consent else verdicts.all_yes
    rows = verdicts.select("customer_id", agreed=agreed).to_pyarrow().sort_by("customer_id")
    profiles.connection.disconnect()
    return Standing(
        kind,
        rows["customer_id"].combine_chunks(),
        rows["agreed"].to_numpy(zero_copy_only=False).astype(bool),
    )


def customers(profiles: Profiles) -> ir.Table:
    """Every customer who stands in any table: one column, `customer_id`."""
    ids = [table.select("customer_id") for table in profiles.tables.values()]
    return ibis.union(*ids, distinct=True) if len(ids) > 1 else ids[0].distinct()


def _no_consents(profiles: Profiles, purpose: str) -> ProfileError:
    return ProfileError(
        f"The legal basis 'consent: {purpose}' needs the table consents, and "
        f"{profiles.location} has none. Add the table, or name another legal_basis."
    )


def _verdicts(consents: ir.Table, cutoffs: ir.Table, purpose: str) -> ir.Table:
    """Per customer and cutoff, whether any and whether all statements that hold are yes."""
    of_purpose = consents.filter(consents.purpose == purpose)
    if "customer_id" in cutoffs.columns:
        said = known_before(of_purpose.join(cutoffs.select(*KEYS).distinct(), "customer_id"))
    else:
        said = known_before(of_purpose.cross_join(cutoffs))
    said = said.select(*KEYS, "occurred_at", "granted", channel=_channel(said))
    newest = said.group_by(*KEYS, "channel").mutate(newest=said.occurred_at.max())
    newest = newest.filter(newest.occurred_at == newest.newest)
    # granted.all(): a refusal of the same instant wins
    statements = newest.group_by(*KEYS, "channel").agg(
        occurred_at=newest.occurred_at.max(), granted=newest.granted.all()
    )
    general = statements.occurred_at.max(where=statements.channel == "")
    # "Mail" is email to some and a letter to others: in doubt, a later no to one is one to both.
    mail = statements.channel.isin(_MAIL)
    refused = statements.occurred_at.max(where=mail & ~statements.granted)
    statements = statements.group_by(*KEYS).mutate(general_at=general, refused_at=refused)
    undone = statements.channel.isin(_MAIL) & (statements.occurred_at <= statements.refused_at)
    statements = statements.mutate(granted=statements.granted & ~undone.fill_null(False))
    holding = statements.filter(
        (statements.channel == "")
        | statements.general_at.isnull()
        | (statements.occurred_at > statements.general_at)
    )
    return holding.group_by(*KEYS).agg(any_yes=holding.granted.any(), all_yes=holding.granted.all())


def _channel(statements: ir.Table) -> ir.Value:
    """The channel of statements by its letters and digits; "" for all channels."""
    if "channel" not in statements.columns:
        return ibis.literal("")
    plain = statements.channel.coalesce("").lower().re_replace(r"[^\p{L}\p{N}]+", "")
    return ibis.ifelse(plain.isin(_ALL_CHANNELS), "", plain)
