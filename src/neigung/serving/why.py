"""What the decision log tells of a customer, for the person itself: `neigung why`, `forget`.

Articles 15 and 22 GDPR ask for meaningful information about the logic involved: what was predicted,
from what, how, and what it means, in plain words.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import textwrap
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from neigung.errors import InputError
from neigung.language import ENGLISH, Language, Message, checked
from neigung.language.numbers import count_text, date_text
from neigung.language.units import arm_text, effect_text, money_text, percent_text
from neigung.report.page import texts
from neigung.serving.decision_log import DecisionLog
from neigung.serving.entry import Entry, Told
from neigung.serving.places import LOG_KEY_VARIABLE
from neigung.serving.secret import load_secret

WIDTH = 100


def why(
    log: DecisionLog,
    customer_id: str,
    at: dt.datetime | None = None,
    language: Language = ENGLISH,
) -> str:
    """What was last predicted of a customer by each study, or what was in force at `at` (UTC).

    Raises LogUnavailable, and InputError without an id.
    """
    return _Page(language).write(customer_id, log.why(customer_id, at), at)


def why_data(log: DecisionLog, customer_id: str, at: dt.datetime | None = None) -> dict[str, Any]:
    """The same as data for JSON, with every contribution; numbers that are none become null."""
    found = [_data(told) for told in log.why(customer_id, at)]
    when = None if at is None else at.isoformat()
    return {"customer_id": customer_id, "at": when, "predictions": found}


def forget(log: DecisionLog, customer_id: str, language: Language = ENGLISH) -> str:
    """Erase a customer's entries, and say how many there were; raises as `why`."""
    count = log.forget(customer_id)
    if not count:
        return _Page(language).say("forgot_none", customer=customer_id)
    return Message.counted(
        "One entry of customer {customer} was erased from the decision log. Backups keep it until "
        "they are replaced.",
        "{n:,} entries of customer {customer} were erased from the decision log. Backups keep them "
        "until they are replaced.",
        n=count,
        customer=customer_id,
    ).to(language)


def why_text(
    url: str, key: Path | str, customer_id: str, at: str | None = None, language: str = ENGLISH
) -> str:
    """`why` of the log at a URL, with its secret in the environment or in the file `key`.

    Raises InputError also for a log that does not exist, a time or a language that is none.
    """
    spoken = checked(language)
    when = _instant(at)
    with _opened(url, key) as log:
        return why(log, customer_id, when, spoken)


def why_json(
    url: str, key: Path | str, customer_id: str, at: str | None = None, language: str = ENGLISH
) -> str:
    """`why_data` of the log at a URL, as JSON; it holds the reasons in all languages."""
    checked(language)
    when = _instant(at)
    with _opened(url, key) as log:
        return json.dumps(why_data(log, customer_id, when), indent=1, ensure_ascii=False)


def forget_text(url: str, key: Path | str, customer_id: str, language: str = ENGLISH) -> str:
    """`forget` in the log at a URL."""
    spoken = checked(language)
    with _opened(url, key) as log:
        return forget(log, customer_id, spoken)


def purge_text(url: str, key: Path | str, days: int, language: str = ENGLISH) -> str:
    """Erase what is older than so many days from the log at a URL, and say how much it was."""
    spoken = checked(language)
    before = dt.datetime.now(dt.UTC).replace(tzinfo=None) - dt.timedelta(days=days)
    with _opened(url, key) as log:
        count = count_text(log.purge(before), spoken)
    return _Page(spoken).say("purged", count=count, day=date_text(before, spoken))


@cache
def _words() -> Any:
    return yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))


class _Page:
    """The answer in one language."""

    def __init__(self, language: Language) -> None:
        self.language: Language = language
        self.report = texts(language)

    def say(self, key: str, **values: Any) -> str:
        return Message(_words()[key]).to(self.language, **values)

    def write(self, customer_id: str, found: list[Told], at: dt.datetime | None) -> str:
        as_of = "" if at is None else self.say("as_of", at=self._time(at))
        if not found:
            return self.say("none", customer=customer_id, as_of=as_of)
        title = self.say("title", customer=customer_id) + as_of
        lines = [title, "=" * len(title)]
        for number, told in enumerate(found, 1):
            lines += ["", *self._study(number, told)]
        meanings = ["logic", "estimate", "use", "rights"]
        if any("arms" in told.entry.outputs for told in found):
            meanings.insert(2, "effects")
        lines += ["", self.say("meaning")]
        lines += [line for key in meanings for line in _bullet(self.say(key))]
        lines += ["", self.say("absent"), *_bullet(self.say("not_stored"))]
        return "\n".join(lines)

    def _study(self, number: int, told: Told) -> Iterator[str]:
        entry = told.entry
        offered = self.say("offered") if entry.kind == "offer" else ""
        yield self.say("study", number=number, study=entry.study) + offered
        facts = [
            (self.say("question"), self._question(entry)),
            (self.say("answer"), [*self._answer(entry)]),
            (
                self.say("answered"),
                [self.say("answered_to", at=self._time(told.at), client=entry.client)],
            ),
            (
                self.say("model"),
                [self.say("model_is", version=entry.version, digest=entry.artefact_digest[:16])],
            ),
            (
                self.say("data"),
                [
                    self.say(
                        "snapshot" if entry.source == "snapshot" else "profile",
                        cutoff=self._time(entry.cutoff),
                        digest=entry.features_digest[:16],
                    )
                ],
            ),
            (self.report["legal_basis"], self._legal_basis(entry)),
        ]
        for name, parts in facts:
            if len(parts) == 1:
                yield from _wrapped(f"{name}: {parts[0]}", "   ")
            elif parts:
                yield f"   {name}:"
                yield from (line for part in parts for line in _bullet(part))
        yield f"   {self.say('reasons')}:"
        for reason in entry.reasons:
            yield from _bullet(self._reason(entry, reason.text(self.language), reason.contribution))
        if not entry.reasons:
            yield from _bullet(self.say("no_reasons"))
        if entry.contributions is not None:
            yield from _wrapped(self._balance(entry, entry.contributions), "   ")

    def _question(self, entry: Entry) -> list[str]:
        target = entry.definition.get("target")
        if target is None:
            return []
        from pydantic import TypeAdapter

        from neigung.study import Target
        from neigung.targets.target import in_words

        return [in_words(TypeAdapter(Target).validate_python(target), self.language)]

    def _legal_basis(self, entry: Entry) -> list[str]:
        given: Mapping[str, Any] = entry.definition.get("legal_basis", {})
        return [
            str(self.report[basis]).format(purpose=self.report.get(purpose, purpose))
            for basis, purpose in given.items()
            if purpose is not None
        ]

    def _answer(self, entry: Entry) -> Iterator[str]:
        """What was answered, part by part; what is not known here is told as it is."""
        left = dict(entry.outputs)
        if "probability" in left:
            share = self._share(left.pop("probability"))
            told = [self.say("probability", probability=share)]
            if "percentile" in left:
                part = self._share(left.pop("percentile") / 100)
                told.append(self.say("percentile", percentile=part))
            if "band" in left:
                band = left.pop("band")
                told.append(self.say("band", band=self.report["bands"].get(band, band)))
            yield ", ".join(told)
        left.pop("outcome", None)
        for arm, numbers in left.pop("arms", {}).items():
            yield self._arm(entry, arm, numbers)
        if "necessary_discount" in left:
            yield self.say("discount", rate=self._share(left.pop("necessary_discount")))
        if "recommended_arm" in left:
            yield self.say("recommended", arm=arm_text(left.pop("recommended_arm"), self.language))
        yield from (f"{name}: {value}" for name, value in left.items())

    def _arm(self, entry: Entry, arm: str, numbers: Mapping[str, float]) -> str:
        name = arm_text(arm, self.language)
        if "uplift" in numbers:
            effect, low, high = (
                effect_text(numbers[key], entry.unit, self.language)
                for key in ("uplift", "low", "high")
            )
            return self.say("effect", arm=name, effect=effect, low=low, high=high)
        money = {key: money_text(numbers[key], self.language) for key in ("value", "margin")}
        probability = self._share(numbers["probability"])
        return self.say("expected", arm=name, probability=probability, **money)

    def _reason(self, entry: Entry, sentence: str, contribution: float) -> str:
        if entry.arm is not None:  # the sentence itself says more or less
            return sentence
        return f"{sentence} – {self.say('raises' if contribution > 0 else 'lowers')}"

    def _balance(self, entry: Entry, contributions: np.ndarray[Any, Any]) -> str:
        values, base = contributions[:-1], float(contributions[-1])
        if entry.unit == "log_odds":
            start = self._share(1 / (1 + math.exp(-max(-700.0, min(700.0, base)))))
        else:
            start = effect_text(base, entry.unit, self.language)
        up, down = int((values > 0).sum()), int((values < 0).sum())
        return self.say(
            "balance" if entry.arm is None else "balance_arm",
            all=len(values),
            up=up,
            down=down,
            same=len(values) - up - down,
            base=start,
            arm=arm_text(entry.arm or "", self.language),
        )

    def _share(self, value: float) -> str:
        return percent_text(float(value), self.language)

    def _time(self, when: dt.datetime) -> str:
        clock = f"{when:%H:%M:%S}"
        return Message("{day:date} {clock} UTC", day=when, clock=clock).to(self.language)


def _bullet(text: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent="   - ", subsequent_indent="     ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=indent, subsequent_indent=indent + "  ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def _data(told: Told) -> dict[str, Any]:
    entry = told.entry
    values = entry.contributions
    named = None if values is None else dict(zip(entry.columns, values.tolist(), strict=False))
    data = {
        "at": told.at.isoformat(),
        "study": entry.study,
        "kind": entry.kind,
        "version": entry.version,
        "artefact_digest": entry.artefact_digest,
        "definition": entry.definition,
        "cutoff": entry.cutoff.isoformat(),
        "source": entry.source,
        "features_digest": entry.features_digest,
        "outputs": entry.outputs,
        "unit": entry.unit,
        "arm": entry.arm,
        "base": None if values is None else float(values[-1]),
        "contributions": named,
        "reasons": [
            {
                "feature": one.feature,
                "value": one.value,
                "contribution": one.contribution,
                "text_en": one.text_en,
                "text_de": one.text_de,
            }
            for one in entry.reasons
        ],
        "client": entry.client,
    }
    plain: dict[str, Any] = _finite(data)
    return plain


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _instant(at: str | None) -> dt.datetime | None:
    if at is None:
        return None
    try:
        when = dt.datetime.fromisoformat(at)
    except ValueError:
        raise InputError(
            Message(
                "A time such as 2026-03-01 or 2026-03-01T14:30 (UTC) is needed, found '{at}'.",
                at=at,
            )
        ) from None
    return when if when.tzinfo is None else when.astimezone(dt.UTC).replace(tzinfo=None)


def _opened(url: str, key: Path | str) -> DecisionLog:
    return DecisionLog.open(url, load_secret(LOG_KEY_VARIABLE, key), create=False)
