"""Entries of the decision log as rows of its tables, customers under a keyed hash."""

from __future__ import annotations

import datetime as dt
import hmac
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import sqlalchemy as sa

from neigung.errors import InputError
from neigung.serving.entry import (
    DEFINITION,
    Entry,
    Told,
    instant,
    microseconds,
    pack,
    squeeze,
    unpack,
)
from neigung.serving.log_tables import BUCKETS
from neigung.serving.requests import RequestKey
from neigung.serving.secret import SHORTEST


class Version(NamedTuple):
    """What answered: a version of a study's model, by one kind of answer."""

    study: str
    kind: str
    version: int
    artefact_digest: str

    @classmethod
    def of(cls, entry: Entry) -> Version:
        """That of an entry."""
        return cls(entry.study, entry.kind, entry.version, entry.artefact_digest)


@dataclass(eq=False)
class Write:
    """Rows that are to be written together, and what became of them.

    `versions` are those of the rows, `firsts` an entry of each; the ids of the versions are filled
    in when they are known. `request` is the row of an idempotency key.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    versions: list[Version] = field(default_factory=list)
    firsts: dict[Version, Entry] = field(default_factory=dict)
    request: dict[str, Any] | None = None
    done: bool = False
    failure: Exception | None = None


class Keyed:
    """Hashes that only who has the key can make (HMAC-SHA256).

    >>> keyed = Keyed(b"0" * 32)
    >>> keyed.hash("ab", "c") == keyed.hash("a", "bc")
    False
    """

    def __init__(self, key: bytes) -> None:
        if len(key) < SHORTEST:
            raise InputError(
                f"The decision log needs a key of at least {SHORTEST} bytes, found {len(key)}. "
                "Give a longer one."
            )
        self._key = key

    def hash(self, *parts: str | bytes) -> bytes:
        """Of the parts, each with its length: no two lists of parts give the same bytes."""
        coded = [p if isinstance(p, bytes) else p.encode("utf-8", "surrogatepass") for p in parts]
        joined = b"".join(len(part).to_bytes(8, "big") + part for part in coded)
        return hmac.digest(self._key, joined, "sha256")

    def owner(self, customer_id: str) -> tuple[int, bytes]:
        """Bucket and hash under which a customer's entries stand; InputError without an id."""
        if not customer_id:
            raise InputError("A customer's id is needed, found none. Give the id.")
        return _bucketed(self.hash("customer", customer_id))

    def prepared(
        self, entries: Sequence[Entry], at: dt.datetime, request: RequestKey | None
    ) -> Write:
        """What is to be written; the costly part, which needs no database."""
        stamp, write, name = microseconds(at), Write(), b""
        if request is not None:
            name = self.hash("request", request.client, request.key)
            body = self.hash("body", request.body_digest)
            write.request = {"at": stamp, "name": name, "body": body}
        for entry in entries:
            packed, version = pack(entry), Version.of(entry)
            # A profile without an id is nobody's: nobody can ask for it.
            known = entry.customer_id
            bucket, owner = self.owner(known) if known else _bucketed(os.urandom(32))
            once = self.hash("once", name, known, repr(version), packed)[:16] if name else None
            write.versions.append(version)
            write.firsts.setdefault(version, entry)
            row = {"bucket": bucket, "at": stamp, "once": once, "owner": owner}
            write.rows.append(row | {"body": squeeze(packed)})
        return write


def _bucketed(owner: bytes) -> tuple[int, bytes]:
    return BUCKETS + int.from_bytes(owner[:2], "big") % BUCKETS, owner


def content(entry: Entry) -> str:
    """What is kept of an entry's version, as JSON."""
    definition = {name: entry.definition[name] for name in DEFINITION if name in entry.definition}
    return json.dumps({"columns": entry.columns, "definition": definition})


def told(customer_id: str, row: sa.Row[Any]) -> Told:
    """The entry of a row that holds its version too."""
    kept = json.loads(row.content)
    entry = unpack(
        row.body,
        customer_id=customer_id,
        study=row.study,
        version=row.version,
        artefact_digest=row.artefact_digest,
        kind=row.kind,
        columns=tuple(kept["columns"]),
        definition=kept["definition"],
    )
    return Told(instant(row.at), entry)
