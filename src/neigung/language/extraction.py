"""How Babel finds the sentences of the code and of files of words: `make messages` calls it."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from typing import IO, Any

Found = tuple[int, str | None, Any, list[str]]
"""Line, function, its texts, comments: what Babel asks of a method of extraction."""


def python(
    content: IO[bytes],
    keywords: Mapping[str, Any],
    comment_tags: Collection[str],
    options: Mapping[str, Any],
) -> Iterator[Found]:
    """The texts that stand in calls of the keywords' functions.

    Unlike Babel's own method it finds them in calls within others, and refuses text put together
    at run time, which no catalogue could have; raises ValueError then.

    >>> import io
    >>> code = b'raise Error(Message("at {x}", x=[Message(NAMED), counted("1", "{n}", n=2)]))'
    >>> keywords = {"Message": None, "counted": None}
    >>> [found[1:3] for found in python(io.BytesIO(code), keywords, (), {})]
    [('Message', ('at {x}',)), ('counted', ('1', '{n}'))]
    """
    for node in ast.walk(ast.parse(content.read())):
        if not isinstance(node, ast.Call) or _name(node.func) not in keywords:
            continue
        if any(isinstance(one, ast.JoinedStr | ast.BinOp) for one in node.args):
            raise ValueError(
                f"line {node.lineno}: a sentence must stand as it is, its values named in braces "
                "and given beside it."
            )
        texts = tuple(one.value for one in node.args if isinstance(one, ast.Constant))
        if texts:
            yield node.lineno, _name(node.func), texts, []


def words(
    content: IO[bytes],
    keywords: Mapping[str, Any],
    comment_tags: Collection[str],
    options: Mapping[str, Any],
) -> Iterator[Found]:
    """The texts of a YAML file, as `message.translated` reads them.

    >>> import io
    >>> content = io.BytesIO(b"{a: [x], b: {context: c, say: y}}")
    >>> [found[1:3] for found in words(content, {}, (), {})]
    [(None, 'x'), ('within', ('c', 'y'))]
    """
    import yaml

    yield from _words(yaml.safe_load(content))


def _words(found: Any) -> Iterator[Found]:
    if isinstance(found, str):
        if found:
            yield 0, None, found, []
    elif isinstance(found, dict) and found.keys() == {"context", "say"}:
        yield 0, "within", (found["context"], found["say"]), []
    else:
        for one in found.values() if isinstance(found, dict) else found:
            yield from _words(one)


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
