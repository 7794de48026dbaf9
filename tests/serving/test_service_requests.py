"""More than 10,000 bad requests to a running service, generated and thought out: none breaks it.

What holds for every single answer is in `wire.Wire.judge`: no 5xx but an intended 503, problem
details that name paths, answers as the service's own document describes them.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import given
from hypothesis import strategies as st
from schemathesis import GenerationMode

from neigung.profiles.mending import CUSTOMER_ID, spelled
from tests.processes import ask_each
from tests.serving.generated import as_asked, is_right, quickly, without_keys
from tests.serving.hostile import BROKEN, DEEPLY, EDGES, INSTANTS, MARK, TEXTS, WRONG
from tests.serving.odd_requests import BODY, MODELS, ODD, OFFERS, PREDICT
from tests.serving.running import Running
from tests.serving.wire import Answered, Asked, Wire, places, replaced, rows_of

AT, CUTOFF = "2025-03-01T10:00:00Z", "2025-04-01T00:00:00Z"
BUYER, OTHER, TARGET = "k001", "k002", "c00000001"
CANARY = 77123.4567
MEMORY = 100_000_000


@pytest.fixture(scope="module")
def wire(service: Running) -> Iterator[Wire]:
    one = Wire(service)
    yield one
    one.close()


@pytest.fixture(scope="module")
def rows(wire: Wire) -> dict[str, Any]:
    """A profile with a row in every table, all columns filled, the store's own among them."""
    found = rows_of(wire.document, AT)
    own = {"income": "high", "household_size": 2, "newsletter": True, "born": "1980-01-01"}
    found["customers"][0] |= own
    found["order_lines"][0]["net_value"] = CANARY
    # Categories that the model knows, as many profiles without any such are refused.
    found["order_lines"][0]["channel"] = "web"
    found["returns"][0]["reason"] = "size"
    found["loyalty"][0]["tier"] = "gold"
    return found


@pytest.fixture(scope="module")
def good(rows: dict[str, Any]) -> tuple[Asked, ...]:
    profile = {"profile": rows, "cutoff": CUTOFF}
    return (
        Asked.json(PREDICT, {"customers": [{"customer_id": BUYER}, {"customer_id": TARGET}]}),
        Asked.json(PREDICT, {"customers": [profile], "studies": ["buy"], "language": "de"}),
        Asked.json(OFFERS, {"customers": [{"customer_id": TARGET}, profile], "budget": 5}),
        Asked(MODELS, method="GET"),
    )


@pytest.fixture(scope="module", autouse=True)
def unharmed(
    service: Running,
    wire: Wire,
    good: tuple[Asked, ...],
    rows: dict[str, Any],
    slow: list[bytes],
) -> Iterator[None]:
    """After everything here: answers and memory as before, an output that gives nobody away."""
    told = len(service.log())
    workers = service.workers()
    answers = _answers(wire, good)
    # The allocator keeps what the largest requests took, once; what comes on top is lost.
    many = {"customers": [{"profile": rows, "cutoff": CUTOFF}] * 1000, "studies": ["buy"]}
    wire.ask_all([Asked.json(PREDICT, many)] * 3 + [Asked(PREDICT, b" " * 16_000_000)] * 12)
    before = _memory(workers)
    yield
    assert _answers(wire, good) == answers
    assert service.workers() == workers
    after = _memory(workers)
    print(f"\n{wire.sent} requests: {wire.statuses}; bytes before {before}, after {after}")
    # The largest requests may all have come to one worker before, and to another meanwhile.
    assert max(after.values()) < max(before.values()) + MEMORY, (before, after)
    _assert_discreet(service.log()[told:])


@pytest.fixture(scope="module")
def slow(wire: Wire) -> Iterator[list[bytes]]:
    """Bodies that trickle in while all else goes on, and what they were answered."""
    found: list[bytes] = []
    asked = Asked(PREDICT, b" " * 1000)
    pieces = (wire.head(asked), *[b" "] * 24)
    threads = [
        threading.Thread(target=lambda: found.append(wire.raw(*pieces, pause=0.5)))
        for _ in range(20)
    ]
    for one in threads:
        one.start()
    yield found
    for one in threads:
        one.join()


def test_cases_of_the_served_document(wire: Wire) -> None:
    """Schemathesis: every keyword of the schema kept and broken, one at a time."""
    sent = 0
    for path in (PREDICT, OFFERS):
        schema = schemathesis.openapi.from_dict(without_keys(wire.document))
        operation = schema[path]["POST"]
        cases = schema.iter_coverage_cases(
            operation=operation,
            generation_modes=[GenerationMode.NEGATIVE, GenerationMode.POSITIVE],
            generation_config=schema.config.generation_for(operation=operation),
        )
        # Those that keep the schema cost a prediction each, and every third of them will do.
        kept = [c for number, c in enumerate(cases) if number % 3 == 0 or not is_right(c)]
        answers = wire.ask_all(one for case in kept if (one := as_asked(case)) is not None)
        sent += len(answers)
        assert {200, 422} <= {answer.status for answer in answers}
    assert sent > 400


@pytest.mark.parametrize("table", ["", "customers", "order_lines", "consents"])
@pytest.mark.parametrize("path", [PREDICT, OFFERS])
def test_generated_from_the_served_document(wire: Wire, path: str, table: str) -> None:
    """Schemathesis: whole requests, right and wrong ones, with the rows of one table."""
    # With all tables at once a request takes a third of a second to be made up.
    document = without_keys(wire.document)
    schemas = document["components"]["schemas"]
    for name in set(schemas["ProfileRows"]["properties"]) - {table, "customer_id"}:
        del schemas["ProfileRows"]["properties"][name]
    operation = schemathesis.openapi.from_dict(document)[path]["POST"]
    made: list[Asked] = []

    def collect(case: schemathesis.Case) -> None:
        asked = as_asked(case)
        made.extend([asked] if asked is not None else [])

    for mode in (GenerationMode.NEGATIVE, GenerationMode.POSITIVE):
        quickly(25)(given(operation.as_strategy(mode))(collect))()
    wire.ask_all(made)
    assert len(made) > 30


@pytest.mark.slow
def test_every_wrong_value_in_every_place(wire: Wire, rows: dict[str, Any]) -> None:
    predict = {
        "customers": [{"profile": rows, "cutoff": CUTOFF}],
        "studies": ["buy"],
        "reasons": 3,
        "language": "en",
    }
    offers = {
        "customers": [{"customer_id": TARGET}],
        "study": "discount",
        "margin_rate": 0.4,
        "contact_cost": 0.1,
        "minimum_margin": 0.1,
        "budget": 10,
        "reasons": 0,
    }
    asked = [
        Asked(path, replaced(content, place, token))
        for path, content in ((PREDICT, predict), (OFFERS, offers))
        for place in places(content)
        for token in (*WRONG, *BROKEN, *DEEPLY)
        if not _is_text(content, place) or not _may_be_text(token)
    ]
    answers = wire.ask_all(asked)
    assert len(answers) > 4000
    refused = [answer for answer in answers if answer.status in (400, 403, 422)]
    assert len(refused) > 0.9 * len(answers)


Json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([*EDGES, *INSTANTS, *TEXTS]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=5,
)


@pytest.mark.slow
def test_generated_values_in_some_places(wire: Wire, rows: dict[str, Any]) -> None:
    """Hypothesis: several values at once, anything that JSON can say, in any place."""
    content = {
        "customers": [{"customer_id": BUYER}, {"profile": rows, "cutoff": CUTOFF}],
        "studies": ["buy"],
        "reasons": 1,
    }
    everywhere = places(content)
    changes = st.lists(st.tuples(st.sampled_from(everywhere), Json), min_size=1, max_size=3)

    @quickly(200)
    @given(st.lists(changes, min_size=15, max_size=15))
    def ask(batch: list[list[tuple[tuple[str | int, ...], Any]]]) -> None:
        asked = []
        for several in batch:
            changed: Any = content
            # From the inside out, so that no place is gone before its turn.
            for place, value in sorted(several, key=lambda one: -len(one[0])):
                changed = json.loads(replaced(changed, place, json.dumps(value).encode()))
            asked.append(Asked.json(PREDICT, changed))
        answers = wire.ask_all(asked)
        assert len(answers) == len(asked)

    before = wire.sent
    ask()
    assert wire.sent - before > 2000


def test_hostile_texts_in_every_text_column_are_only_texts(
    wire: Wire, rows: dict[str, Any]
) -> None:
    columns = [place for place in places(rows) if _is_text(rows, place) and place[-1] != "purpose"]
    customers = [
        {"profile": json.loads(replaced(rows, place, json.dumps(text).encode())), "cutoff": CUTOFF}
        for place in columns
        for text in TEXTS
        if spelled(text, CUSTOMER_ID)
        and not (place[-1] == "kind" and place[0] in ("responses", "loyalty"))
    ]
    assert len(customers) > 400
    chunks = [customers[start : start + 100] for start in range(0, len(customers), 100)]
    answers = wire.ask_all(
        Asked.json(PREDICT, {"customers": chunk, "studies": ["buy"]}) for chunk in chunks
    )
    told = [one for answer in answers for one in answer.content["customers"]]
    assert len(told) == len(customers)
    assert all(one["predictions"] for one in told)


def test_hostile_ids_are_only_unknown(wire: Wire, rows: dict[str, Any]) -> None:
    texts = [text[:256] for text in TEXTS]
    by_id = {"customers": [{"customer_id": text} for text in texts]}
    for path in (PREDICT, OFFERS):
        answer = wire.ask(Asked.json(path, by_id)).content["customers"]
        assert [one["customer_id"] for one in answer] == texts
        codes = {
            one["code"] for each in answer for one in each.get("refusals", [each.get("refusal")])
        }
        assert codes == {"unknown_customer"}
    profiles = [{"profile": {**rows, "customer_id": text}, "cutoff": CUTOFF} for text in texts]
    answer = wire.ask(Asked.json(PREDICT, {"customers": profiles, "studies": ["buy"]}))
    assert [one["customer_id"] for one in answer.content["customers"]] == texts


def test_unicode_forms_of_an_id_are_different_ids(wire: Wire) -> None:
    full_width = "ｋ001"
    for text in (full_width, f"{BUYER} ", f"{BUYER}\x00", BUYER.upper(), f"{BUYER}\u200b"):
        answer = wire.ask(Asked.json(PREDICT, {"customers": [{"customer_id": text}]}))
        assert not answer.content["customers"][0]["predictions"], ascii(text)


def test_times_at_the_edges(wire: Wire, rows: dict[str, Any]) -> None:
    line = rows["order_lines"][0]
    asked = []
    for text in EDGES:
        moved = {**rows, "order_lines": [{**line, "occurred_at": text}]}
        asked.append({"profile": rows, "cutoff": text})
        asked.append({"profile": moved, "cutoff": CUTOFF})
    for answer in wire.ask_all(Asked.json(PREDICT, {"customers": [one]}) for one in asked):
        assert answer.status == 200
    asked = [{"profile": rows, "cutoff": text} for text in INSTANTS]
    for answer in wire.ask_all(Asked.json(PREDICT, {"customers": [one]}) for one in asked):
        assert (answer.status, answer.paths) == (422, ["customers.0.cutoff"])


def test_amounts_whose_sums_overflow(wire: Wire, rows: dict[str, Any]) -> None:
    def many(table: str, number: int, **values: Any) -> dict[str, Any]:
        row = {**rows[table][0], **values}
        return {"profile": {**rows, table: [row] * number}, "cutoff": CUTOFF}

    largest = 99_999_999_999_999
    customers = [
        many("order_lines", 9000, net_value=largest, discount_value=largest, quantity=1.7e308),
        many("order_lines", 3, net_value=-largest, quantity=-1.7e308),
        many("order_lines", 2, net_value=0.0, discount_value=0.0, quantity=0.0),
        many("returns", 3, value=-largest),
        many("loyalty", 3, kind="earn", points=1.7e308),
        many("loyalty", 3, kind="earn", points=-1.7e308),
        many("service_cases", 3, satisfaction=1.7e308),
        many("customers", 1, household_size=-1.7e308),
        many("offers", 3, discount_rate=5e-324, assignment_probability=5e-324),
    ]
    for answer in wire.ask_all(Asked.json(PREDICT, {"customers": [one]}) for one in customers):
        assert answer.status in (200, 422)
        # What is too large to be computed with is told by whose it is.
        assert all(path.startswith("customers.0.profile") for path in answer.paths)
    mixed = [{"customer_id": BUYER}, *customers]
    assert wire.ask(Asked.json(PREDICT, {"customers": mixed})).status in (200, 422)


def test_numbers_of_offers_at_their_edges(wire: Wire) -> None:
    customers = [{"customer_id": f"c{number:08d}"} for number in range(1, 60)]
    edges: dict[str, tuple[Any, ...]] = {
        "budget": (0, -0.0, 5e-324, 1e-300, 1e9),
        "revenue_target": (0, 5e-324, 1e9),
        "margin_rate": (5e-324, 1e-300, 1),
        "minimum_margin": (0, 5e-324, 1),
        "contact_cost": (0, 5e-324, 1e9, {}, {MARK: 1}, {"5%": 1}, {"none": 1}),
    }
    asked = [{name: value} for name, values in edges.items() for value in values]
    asked += [
        {"budget": 1e9, "margin_rate": 5e-324, "contact_cost": 1e9},
        {"revenue_target": 1e9, "minimum_margin": 1, "contact_cost": 1e9},
        {"revenue_target": 5e-324, "margin_rate": 1, "contact_cost": 5e-324},
    ]
    answers = wire.ask_all(
        Asked.json(OFFERS, {"customers": customers, "reasons": 0, **one}) for one in asked
    )
    for one, answer in zip(asked, answers, strict=True):
        # None is null in JSON: what cannot be planned is told, not answered with holes.
        assert answer.status == 200 or set(answer.paths) <= set(one), answer.body
        assert MARK.encode() not in answer.body
    assert _answers(wire, [Asked.json(OFFERS, {"customers": customers, "budget": 0})])


def test_how_many(wire: Wire, rows: dict[str, Any]) -> None:
    by_id, empty = {"customer_id": BUYER}, {"profile": {}}
    whole = {"profile": rows, "cutoff": CUTOFF}
    visits = {"profile": {**rows, "visits": rows["visits"] * 10_001}, "cutoff": CUTOFF}
    expected: list[tuple[dict[str, Any], int, list[str]]] = [
        ({"customers": [by_id] * 1000}, 200, []),
        ({"customers": [by_id] * 1001}, 422, ["customers"]),
        ({"customers": []}, 422, ["customers"]),
        ({"customers": [empty] * 1000}, 200, []),
        ({"customers": [whole] * 1000}, 200, []),
        ({"customers": [visits]}, 422, ["customers.0.profile.visits"]),
        ({"customers": [by_id], "studies": []}, 422, ["studies"]),
        ({"customers": [by_id], "studies": ["buy"] * 100}, 200, []),
        ({"customers": [by_id], "studies": ["buy"] * 101}, 422, ["studies"]),
        ({"customers": [by_id], "studies": ["x" * 64]}, 422, ["studies.0"]),
        ({"customers": [by_id], "reasons": 20}, 200, []),
        ({"customers": [by_id], "reasons": 21}, 422, ["reasons"]),
        ({"customers": [{"customer_id": "x" * 257}]}, 422, ["customers.0.customer_id"]),
        ({"customers": [{}] * 1000}, 422, [f"customers.{number}" for number in range(20)]),
    ]
    asked = [Asked.json(PREDICT, {"studies": ["buy"], **content}) for content, _, _ in expected]
    for answer, (_, status, paths) in zip(wire.ask_all(asked), expected, strict=True):
        assert (answer.status, answer.paths) == (status, paths)


def test_contradictions(wire: Wire, rows: dict[str, Any]) -> None:
    one = {"customer_id": BUYER}
    other = {**rows, "customer_id": f"{MARK}-a"}
    other["visits"] = [{**rows["visits"][0], "customer_id": f"{MARK}-b"}]
    expected: list[tuple[str, dict[str, Any], int, list[str]]] = [
        (PREDICT, {"customers": [{**one, "profile": rows}]}, 422, ["customers.0"]),
        (PREDICT, {"customers": [{**one, "cutoff": CUTOFF}]}, 422, ["customers.0"]),
        (PREDICT, {"customers": [{"profile": other}]}, 422, ["customers.0.profile"]),
        (PREDICT, {"customers": [one], "studies": [MARK]}, 403, ["studies.0"]),
        (PREDICT, {"customers": [one], "studies": ["buy", MARK]}, 403, ["studies.1"]),
        (PREDICT, {"customers": [one], MARK: 1}, 422, [MARK]),
        (OFFERS, {"customers": [one], "study": "buy"}, 403, ["study"]),
        (OFFERS, {"customers": [one], "budget": 1, "revenue_target": 1}, 422, ["body"]),
        (OFFERS, {"customers": [one], "studies": ["buy"]}, 422, ["studies"]),
    ]
    asked = [Asked.json(path, content) for path, content, _, _ in expected]
    for answer, (*_, status, paths) in zip(wire.ask_all(asked), expected, strict=True):
        assert (answer.status, answer.paths) == (status, paths)


def test_duplicate_keys_and_customers(wire: Wire) -> None:
    doubled = b'{"customers":[{"customer_id":"k001"}],"customers":[{"customer_id":"k002"}]}'
    answer = wire.ask(Asked(PREDICT, doubled)).content["customers"]
    assert [one["customer_id"] for one in answer] == [OTHER]
    twice = [{"customer_id": TARGET}, {"customer_id": OTHER}, {"customer_id": TARGET}]
    for path in (PREDICT, OFFERS):
        first, _, last = wire.ask(Asked.json(path, {"customers": twice})).content["customers"]
        assert first == last


@pytest.mark.parametrize(("asked", "statuses"), ODD, ids=str)
def test_by_the_wire(wire: Wire, asked: Asked, statuses: set[int]) -> None:
    answer = wire.ask(asked)
    assert answer.status in statuses, answer.body
    assert MARK.encode() not in answer.body + repr(answer.headers).encode()


def test_an_idempotency_key_belongs_to_one_request(wire: Wire, rows: dict[str, Any]) -> None:
    first = {"customers": [{"customer_id": BUYER}]}
    other = {"customers": [{"customer_id": OTHER}]}
    again = [Asked.json(PREDICT, first, Idempotency_Key="once")] * 20
    assert len({answer.body for answer in wire.ask_all(again)}) == 1
    for path, content in ((PREDICT, other), (OFFERS, first)):
        answer = wire.ask(Asked.json(path, content, Idempotency_Key="once"))
        assert (answer.status, answer.content["type"]) == (
            422,
            "urn:neigung:problem:idempotency-key-reused",
        )
    bad = Asked.json(PREDICT, {"customers": []}, Idempotency_Key="bad")
    assert [answer.status for answer in wire.ask_all([bad, bad])] == [422, 422]
    assert wire.ask(Asked.json(PREDICT, first, Idempotency_Key="bad")).status == 200


def test_what_is_no_http(wire: Wire) -> None:
    head = wire.head(Asked(PREDICT, BODY))
    for sent in (
        b"\x00" * 1000,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500,  # TLS
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET\r\n\r\n",
        b"POST /v1/predict HTTP/9.9\r\n\r\n",
        b"POST http://elsewhere/v1/predict HTTP/1.1\r\n\r\n",
        head.replace(b"Content-Length: ", b"Content-Length: -"),
        head.replace(b"Content-Length: ", b"Content-Length: " + b"9" * 30),
        head.replace(b"Host: service", b"X: a\x00b"),
        head.replace(b"Host: service", b"Transfer-Encoding: chunked\r\nContent-Length: 5"),
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n",
    ):
        status = wire.raw(sent + b"\r\n\r\n", until=5.0)[:12]
        assert not status or re.match(rb"HTTP/1.[01] 4\d\d", status), (sent[:80], status)


def test_broken_off_bodies(wire: Wire) -> None:
    head = wire.head(Asked(PREDICT, BODY))
    for end in range(0, len(head) + len(BODY), 5):
        wire.send_and_leave((head + BODY)[:end])


def test_slow_bodies_are_given_up(slow: list[bytes]) -> None:
    for _ in range(200):
        if len(slow) == 20:
            break
        threading.Event().wait(0.1)
    assert {answer.split(b" ")[1] for answer in slow} == {b"408"}
    assert all(b"application/problem+json" in answer for answer in slow)


def _is_text(content: Any, place: tuple[str | int, ...]) -> bool:
    for name in place:
        content = content[name]
    free = not place or place[-1] not in ("occurred_at", "resolved_at", "cutoff", "born")
    return isinstance(content, str) and free


def _may_be_text(token: bytes) -> bool:
    try:
        value = json.loads(token)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, str | int) and not isinstance(value, bool)


def _answers(wire: Wire, asked: Any) -> list[set[bytes]]:
    """The different answers to each request, asked so often that every worker has answered."""
    found: list[set[bytes]] = []
    for one in asked:
        answers: list[Answered] = wire.ask_all([one] * 8)
        assert {answer.status for answer in answers} == {200}
        found.append({answer.body for answer in answers})
        assert len(found[-1]) == 1
    return found


def _memory(workers: list[int]) -> dict[int, int]:
    """Bytes that each process has for itself."""
    return ask_each(workers, lambda one: one.memory_full_info().uss)


def _assert_discreet(told: str) -> None:
    assert told, "nothing is logged, so nothing is tested"
    for secret in (MARK, "Traceback", "Error:", str(CANARY), "net_value", "neigung_", "DROP TABLE"):
        assert secret not in told, secret
    found = re.search(r"\b(k0\d\d|c0000\d{4})\b|/work|site-packages", told)
    assert not found, found
