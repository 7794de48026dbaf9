from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from neigung.serving.problems import MEDIA_TYPE, Problem, invalid, retold, standard


class Line(BaseModel):
    model_config = ConfigDict(extra="forbid")

    net_value: Annotated[float, Field(le=1e9, allow_inf_nan=False)]
    kind: Literal["view", "cart"] = "view"

    @field_validator("kind")
    @classmethod
    def _never_cart(cls, kind: str) -> str:
        if kind == "cart":
            raise ValueError("a kind other than this is needed. Choose one")
        return kind


class Push(BaseModel):
    by: Literal["push"]


class Post(BaseModel):
    by: Literal["post"]


class Customer(BaseModel):
    lines: list[Line]
    contact: Annotated[Push | Post, Field(discriminator="by")] | None = None
    attributes: dict[str, int] = {}


class Request(BaseModel):
    customers: Annotated[list[Customer], Field(max_length=3)]


def errors(text: str) -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        Request.model_validate_json(text)
    return caught.value


def told(text: str) -> dict[str, str]:
    return {error["path"]: error["message"] for error in invalid(errors(text)).errors}


def test_problem_details_have_the_members_of_the_rfc() -> None:
    problem = Problem(409, "conflict", "Conflict", "Look.", headers={"Retry-After": "1"})
    assert json.loads(problem.body("r-1")) == {
        "type": "urn:neigung:problem:conflict",
        "title": "Conflict",
        "status": 409,
        "detail": "Look.",
        "instance": "urn:neigung:request:r-1",
    }
    response = problem.response()
    assert response.status_code == 409
    assert response.headers["content-type"] == MEDIA_TYPE
    assert response.headers["retry-after"] == "1"
    assert "instance" not in json.loads(bytes(response.body))


def test_a_problem_can_be_raised() -> None:
    with pytest.raises(Problem, match="404 Not found: There is nothing") as caught:
        raise standard(404)
    assert caught.value.status == 404


def test_each_wrong_field_has_its_path_and_a_message() -> None:
    assert told(
        '{"customers": [{"lines": [{"net_value": "x"}, {"net_value": NaN}, {"net_value": 1e10}]},'
        '{"lines": [{}, {"net_value": 1, "kind": "geheim"}, {"net_value": 1, "kind": "cart"},'
        '{"net_value": 1, "extra": 1}, []]}, {"lines": null}]}'
    ) == {
        "customers.0.lines.0.net_value": "This must be a valid number, found text.",
        "customers.0.lines.1.net_value": "This must be a finite number. Leave the field out if "
        "there is none.",
        "customers.0.lines.2.net_value": "This must be less than or equal to 1000000000.",
        "customers.1.lines.0.net_value": "This field is needed and is not there. Add it.",
        "customers.1.lines.1.kind": "This must be 'view' or 'cart'.",
        "customers.1.lines.2.kind": "a kind other than this is needed. Choose one.",
        "customers.1.lines.3.extra": "This field is not known here. Leave it out, or mend its "
        "name.",
        "customers.1.lines.4": "This must be an object, found a list.",
        "customers.2.lines": "This must be a valid array, found null.",
    }


def test_the_body_itself_has_a_path_too() -> None:
    assert told("[]") == {"body": "This must be an object, found a list."}


def test_too_many_rows_are_counted() -> None:
    text = json.dumps({"customers": [{"lines": []}] * 4})
    assert told(text) == {"customers": "List should have at most 3 items after validation, not 4."}


@pytest.mark.parametrize(
    "text",
    [
        '{"customers": [{"lines": [{"net_value": "Max Geheim"}]}]}',
        '{"customers": [{"lines": [{"net_value": 1, "kind": "Max Geheim"}]}]}',
        '{"customers": [{"lines": [], "contact": {"by": "Max Geheim"}}]}',
        '{"customers": "Max Geheim"}',
        '{"customers": ["Max Geheim"]}',
        '{"customers": [Max Geheim',
        '"Max Geheim"',
    ],
)
def test_what_was_sent_is_not_told_again(text: str) -> None:
    for given in (errors(text), errors(text).errors(include_context=False, include_input=False)):
        body = invalid(given).body("r").decode()
        assert "Geheim" not in body
        assert "Max" not in body


def test_long_names_of_fields_are_cut_and_tamed() -> None:
    text = json.dumps({"customers": [{"lines": [], "attributes": {"n" * 9999 + "\n": "x"}}]})
    (path,) = told(text)
    assert path == "customers.0.attributes." + "n" * 63 + "…"
    text = json.dumps({"customers": [{"lines": [], "attributes": {"a\u202e\nb": "x"}}]})
    assert list(told(text)) == ["customers.0.attributes.a??b"]


def test_a_hundred_errors_are_counted_and_twenty_told() -> None:
    problem = invalid(errors(json.dumps({"customers": [{"lines": [{}] * 100}]})))
    content = json.loads(problem.body())
    assert content["error_count"] == 100
    assert len(content["errors"]) == 20
    assert content["detail"].startswith("100 fields are wrong, and nothing was done.")
    one = invalid(errors('{"customers": [{"lines": [{}]}]}'))
    assert one.detail.startswith("1 field is wrong")


@pytest.mark.parametrize(
    "text", ["", "{", '{"customers": }', "[" * 100_000, '"\\ud800"', "nul", "{'a': 1}"]
)
def test_what_is_no_json_is_a_bad_request(text: str) -> None:
    problem = invalid(errors(text))
    assert (problem.status, problem.slug) == (400, "invalid-json")
    assert problem.detail.startswith("A body of valid JSON is needed, found: ")
    assert problem.detail.endswith(". Mend it and send it again.")
    assert len(problem.body()) < 600


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 408, 413, 415, 429, 431, 500, 503])
def test_standard_problems_say_what_to_do(status: int) -> None:
    problem = standard(status)
    assert problem.status == status
    assert problem.detail.endswith(".")
    assert standard(status, "Other.", {"A": "b"}).detail == "Other."


PLAIN = [(b"content-type", b"text/plain")]
JSON = [(b"Content-Type", b"application/json")]


def as_bentoml(text: str) -> bytes:
    """What BentoML 1.4 answers to input that pydantic refuses."""
    found = errors(text)
    detail = found.errors(include_context=False, include_input=False)
    return json.dumps({"error": "1 validation error for Request", "detail": detail}).encode()


def test_bentoml_validation_errors_become_422_with_paths() -> None:
    body = as_bentoml('{"customers": [{"lines": [{"net_value": "x"}]}]}')
    status, headers, out = retold(400, JSON, body, "r1")
    assert (status, headers) == (422, {})
    content = json.loads(out)
    assert content["instance"] == "urn:neigung:request:r1"
    assert content["errors"] == [
        {
            "path": "customers.0.lines.0.net_value",
            "message": "This must be a valid number.",
        }
    ]


def test_bentoml_bad_json_stays_400() -> None:
    status, _, out = retold(400, JSON, as_bentoml("{"), "r1")
    assert status == 400
    assert json.loads(out)["type"] == "urn:neigung:problem:invalid-json"


@pytest.mark.parametrize("status", [400, 404, 405, 429, 500, 501, 504])
@pytest.mark.parametrize(
    "body",
    [
        b'{"error": "secret at db.py:7"}',
        b'[{"error": "secret"}]',
        b"secret",
        b"",
        b"\xff",
        b'{"detail": "secret", "status": 500}',
        b'{"detail": ["secret"]}',
        b"[" * 100_000,
    ],
)
def test_other_errors_keep_their_status_only(status: int, body: bytes) -> None:
    told_status, _, out = retold(status, JSON, body, "r1")
    assert b"secret" not in out
    content: dict[str, Any] = json.loads(out)
    assert content["status"] == told_status
    assert told_status == status or (status == 400 and told_status == 422)
    assert content["instance"] == "urn:neigung:request:r1"


def test_a_problem_of_the_application_keeps_its_words() -> None:
    problem = Problem(422, "impossible", "Impossible", "Because.", [{"path": "a", "message": "b"}])
    headers = [(b"content-type", MEDIA_TYPE.encode())]
    status, _, out = retold(422, headers, problem.body(), "r1")
    assert status == 422
    assert json.loads(out) == json.loads(problem.body("r1"))
    assert json.loads(retold(409, headers, problem.body(), "r1")[2])["status"] == 409
    assert json.loads(retold(422, PLAIN, problem.body(), "r1")[2])["detail"] != "Because."
