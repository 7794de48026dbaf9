"""Values that no well-behaved client would send, as JSON text."""

from __future__ import annotations

import json

MARK = "hush-7f3a"
"""Stands in every text here, so that it can be searched for where none of it may be."""

DEEP = 10_000

NUMBERS = (
    b"1e400", b"-1e400", b"1" + b"0" * 400, b"1e308", b"-1e308", b"1.7976931348623157e308",
    b"-0.0", b"-0", b"5e-324", b"1e-400", b"0.123456789012345678901234567890",
    b"123456789012345678901234567890.5", b"9223372036854775808", b"-9223372036854775809",
    b"18446744073709551616", b"9007199254740993", b"99999999999999.99995", b"1e10", b"-1", b"0",
)  # fmt: skip
"""Numbers of JSON, some of them valid somewhere."""

BROKEN = (
    b"NaN", b"Infinity", b"-Infinity", b"01", b"+1", b"1.", b".5", b"0x10", b"1e", b"undefined",
    b"'a'", b'"\x00"', b'"\n"', b'"\xff"', b'"\xc0\x80"', b'"\xed\xa0\x80"', b'"\\ud800"',
    b'"\\udc00\\ud800"', b'"\\x41"', b'"', b"", b"[1,]", b'{"a":1,}', b"// a",
)  # fmt: skip
"""What is no JSON, though some parsers take it; the text of a lone surrogate among it."""

KINDS = (
    b"null", b"true", b"false", b"[]", b"{}", b"[[1]]", b'{"a":{}}', b'""', b'" "', b'"\\u00a0"',
    b'[null]', b'{"":""}', b'{"__proto__":{"a":1}}',
)  # fmt: skip

NUMBERS_AS_TEXT = (
    '"NaN"', '"1e400"', '"-Infinity"', '"1e308"', '"0x10"', '"1_000"', '"１２"', '"٣"', '"1,5"',
    '"12.5€"', '"1743465600"', '"' + "9" * 40 + '"', '"' + "9" * 5000 + '"',
)  # fmt: skip

INSTANTS = (
    "0001-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00", "10000-01-01T00:00:00Z",
    "1899-12-31T23:59:59Z", "1900-01-01T00:00:00+14:00", "2200-12-31T23:59:59-12:00",
    "2201-01-01T00:00:00Z", "2016-12-31T23:59:60Z", "2025-02-30T00:00:00Z",
    "2025-03-01T00:00:00+24:00", "2025-03-01T00:00:00+99:99", "2025-03-01T25:00:00Z",
    "2025-03-01T00:00:00Europe/Berlin", "01.03.2025", "03/01/2025", "now", "infinity", "epoch",
    "-infinity", "P1D", "2025-13-01", "+2025-03-01", "294247-01-10T04:00:54Z",
)  # fmt: skip
"""Times that are none, or lie outside of 1900 to 2200 in UTC."""

EDGES = (
    "1900-01-01T00:00:00Z", "2200-12-31T23:59:59.999999Z", "2025-03-01T00:00:00+14:00",
    "2025-03-01T00:00:00-12:00", "2025-03-01T00:00:00.123456789Z", "2024-02-29", "2025-W09-6",
    "20250301T000000Z", "2025-03-01 00:00", "2025-03-01T00:00:00+00:00", "1969-12-31T23:59:59Z",
)  # fmt: skip
"""Times at the edge of what is taken."""

TEXTS = (
    f"{MARK}' OR 1=1; DROP TABLE order_lines; --",
    f'{MARK}"); DROP TABLE consents; --',
    f"<script>alert('{MARK}')</script><img src=x onerror=alert(1)>",
    f"{MARK}\x00after",
    "\x00",
    f"\u202e{MARK}\u2066\u200f",
    f"{MARK}\U0001f468\u200d\U0001f469\u200d\U0001f467",
    f"{MARK}\u00e9",
    f"{MARK}e\u0301",
    f"{MARK}\ufeff\u200b\ufffe\uffff",
    f"{MARK}\r\nSet-Cookie: a=b\r\n\r\n",
    f"{MARK}\u2028\u2029\x85\x1b[31m",
    f"{MARK}{{{{7*7}}}}${{jndi:ldap://x}}%s%n%(a)s{{0}}{{language}}",
    f"../../../{MARK}/etc/passwd",
    f"{MARK}" * 2_000,
    f"{MARK}" + "\u0301" * 500,
    "\U0010ffff" + MARK,
    "__proto__",
    "customer_id",
    "-1",
    "true",
    "NaN",
)
"""Texts that are allowed, and must be nothing but texts."""

DEEPLY = (b"[" * DEEP + b"]" * DEEP, b'{"a":' * DEEP + b"1" + b"}" * DEEP)

WRONG = (
    *NUMBERS, *KINDS, *(text.encode() for text in NUMBERS_AS_TEXT),
    *(json.dumps(text).encode() for text in (INSTANTS[0], INSTANTS[2], *TEXTS[:4])),
)  # fmt: skip
"""Values that are wrong in most places."""
