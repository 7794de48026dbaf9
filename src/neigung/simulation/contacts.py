"""Newsletters, their responses and fatigue, and the consents that customers withdraw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from neigung.simulation.clock import DAY, HOUR, Bools, Floats, Ints
from neigung.simulation.columns import by_owner, ids, pick, rank, times
from neigung.simulation.customers import PUT_OFF, Customers
from neigung.simulation.retailer import Retailer

CHANNELS = ("email", "push", "post")
RESPONSES = ("bounce", "open", "click", "unsubscribe", "redeem")
NEVER = 1 << 33
UNSUBSCRIBED = 2 * HOUR
"""So long after a contact its unsubscription comes."""
_WEEK = 7 * DAY


@dataclass
class Contacts:
    """Contacts: whose, when, through which channel, in which campaign (an index).

    redeemed: when the contact's voucher was used (NEVER: it was not).
    recent: contacts in the 30 days before.
    """

    owner: Ints
    at: Ints
    channel: Ints
    campaign: Ints
    redeemed: Ints
    recent: Ints

    def take(self, rows: Ints | Bools) -> Contacts:
        """These contacts only, in this order."""
        return Contacts(
            self.owner[rows], self.at[rows], self.channel[rows],
            self.campaign[rows], self.redeemed[rows], self.recent[rows],
        )  # fmt: skip


def join_contacts(parts: list[Contacts]) -> Contacts:
    """All contacts of the parts."""
    return Contacts(
        np.concatenate([part.owner for part in parts]),
        np.concatenate([part.at for part in parts]),
        np.concatenate([part.channel for part in parts]),
        np.concatenate([part.campaign for part in parts]),
        np.concatenate([part.redeemed for part in parts]),
        np.concatenate([part.recent for part in parts]),
    )


def newsletters(
    rng: np.random.Generator, who: Customers, shop: Retailer, end: int
) -> tuple[Contacts, Ints]:
    """The weekly newsletters, and when each customer withdraws marketing consent (or NEVER).

    A newsletter is campaign number `week`. Customers who never allowed marketing have withdrawn
    at the beginning of time. The list is sorted by customer and time.
    """
    count = len(who)
    weeks = (end - DAY) // _WEEK
    first = np.maximum(who.joined, 0) // _WEEK + 1
    span = np.maximum(weeks - first, 0)
    often = rng.gamma(1.5, shop.contacts_per_year / 52 / 1.5, count)
    sent = rng.poisson(np.minimum(often, 1.0) * span * who.marketing)
    owner = np.repeat(np.arange(count), sent)
    week = first[owner] + (rng.random(len(owner)) * span[owner]).astype(np.int64)
    key = np.unique(owner * 512 + week)
    owner, week = key >> 9, key & 511
    at = week * _WEEK + 3 * DAY + 7 * HOUR
    drawn = rng.random(len(owner))
    mobile = who.app[owner] & (drawn < 0.4)
    channel = np.where(drawn > 0.94, 2, np.where(mobile, 1, 0))
    recent = recent_contacts(owner, at)
    contacts = Contacts(owner, at, channel, week, np.full(len(owner), NEVER), recent)

    tired = rng.random(len(owner)) < 0.0012 * (1 + recent) * np.where(
        who.movable[owner] == PUT_OFF, 3.0, 1.0
    )
    quiet = rng.exponential(365 / shop.withdrawals_per_year, count) * DAY
    withdrawn = np.minimum(np.maximum(who.joined, 0) + quiet, NEVER).astype(np.int64)
    np.minimum.at(withdrawn, owner[tired], at[tired] + UNSUBSCRIBED)
    withdrawn[~who.marketing] = -NEVER
    return contacts.take(at < withdrawn[owner]), withdrawn


def recent_contacts(owner: Ints, at: Ints, days: int = 30) -> Ints:
    """How many contacts of the same customer came in the days before each; sorted input."""
    key = (owner << 34) + at
    return np.arange(len(key)) - np.searchsorted(key, key - days * DAY)


def attention(recent: Ints, shop: Retailer) -> Floats:
    """What fatigue leaves of a customer's attention."""
    left: Floats = np.exp(-shop.fatigue * np.minimum(recent, 8))
    return left


def contact_tables(
    rng: np.random.Generator,
    contacts: Contacts,
    who: Customers,
    left_shop: Ints,
    withdrawn: Ints,
    names: pa.Array,
    first: int,
    campaigns: list[str],
    shop: Retailer,
) -> tuple[dict[str, pa.Array], dict[str, pa.Array]]:
    """The tables contacts and responses.

    A withdrawal that long after a contact was that contact's doing: an unsubscription.
    """
    contacts = contacts.take(by_owner(contacts.owner, contacts.at))
    owner, at, count = contacts.owner, contacts.at, len(contacts.owner)
    contact_ids = ids("k", (owner + first, 8), (rank(owner, len(who)), 4))
    table = {
        "customer_id": pick(names, owner),
        "occurred_at": times(at),
        "contact_id": contact_ids,
        "channel": pick(CHANNELS, contacts.channel),
        "campaign_id": pick(campaigns, contacts.campaign),
    }
    digital = contacts.channel < 2
    bounced = digital & (rng.random(count) < 0.01)
    left = withdrawn[owner] == at + UNSUBSCRIBED
    used = contacts.redeemed < NEVER
    keen = who.attention[owner] * attention(contacts.recent, shop)
    keen = np.where(at < left_shop[owner], keen, 0.4 * keen)
    opened = digital & ((rng.random(count) < keen) & ~bounced | left | used)
    opened_at = at + (rng.exponential(0.25, count) * DAY).astype(np.int64) + 60
    opened_at = np.where(left, np.minimum(opened_at, at + HOUR), opened_at)
    opened_at = np.where(used, np.minimum(opened_at, (at + contacts.redeemed) // 2), opened_at)
    liking = np.clip(0.15 * np.exp(0.8 * who.thrift[owner]), 0, 0.8)
    clicked = opened & ((rng.random(count) < liking) | used)
    clicked_at = opened_at + 45
    parts = (
        (bounced & ~left & ~used, at + 30),
        (opened, opened_at),
        (clicked, np.where(used, np.minimum(clicked_at, contacts.redeemed), clicked_at)),
        (left, at + UNSUBSCRIBED),
        (used, contacts.redeemed),
    )
    rows = [np.flatnonzero(where) for where, _ in parts]
    contact = np.concatenate(rows)
    when = np.concatenate([time[row] for row, (_, time) in zip(rows, parts, strict=True)])
    kind = np.repeat(np.arange(len(parts)), [len(row) for row in rows])
    order = np.argsort(contact, kind="stable")
    contact, when, kind = contact[order], when[order], kind[order]
    responses = {
        "customer_id": pick(names, owner[contact]),
        "occurred_at": times(when),
        "contact_id": contact_ids.take(pa.array(contact)),
        "kind": pick(RESPONSES, kind),
    }
    return table, responses


def consents_table(
    rng: np.random.Generator, who: Customers, withdrawn: Ints, names: pa.Array, end: int
) -> dict[str, pa.Array]:
    """The table consents: what was said on joining, and withdrawals since."""
    count = len(who)
    everyone = np.arange(count)
    quiet = rng.exponential(365 / 0.01, count) * DAY
    objected = np.minimum(np.maximum(who.joined, 0) + quiet, NEVER).astype(np.int64)
    no_profile = np.flatnonzero((objected < end) & who.profiling)
    no_mail = np.flatnonzero((withdrawn >= 0) & (withdrawn < end))
    owner = np.concatenate([everyone, everyone, no_profile, no_mail])
    at = np.concatenate([who.joined, who.joined, objected[no_profile], withdrawn[no_mail]])
    marketing = np.repeat([False, True, False, True], [count, count, len(no_profile), len(no_mail)])
    granted = np.concatenate(
        [who.profiling, who.marketing, np.zeros(len(no_profile) + len(no_mail), bool)]
    )
    order = np.argsort(owner, kind="stable")
    owner, at, marketing, granted = owner[order], at[order], marketing[order], granted[order]
    return {
        "customer_id": pick(names, owner),
        "occurred_at": times(at),
        "purpose": pick(("profiling", "marketing"), marketing.astype(np.int32)),
        "granted": pa.array(granted),
    }
