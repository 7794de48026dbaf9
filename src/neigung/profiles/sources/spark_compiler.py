"""Ibis' SQL for Spark, where it must mean what it means on DuckDB.

Every rule here is a difference that changes a number: of features, of validation or of the digest.
Two engines must give the same feature table, so that a model may be trained on one and asked on
the other.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import sqlglot.expressions as sge
from ibis.backends.sql.compilers.base import NULL, TRUE
from ibis.backends.sql.compilers.pyspark import PySparkCompiler

_BLANKS = " \t\n\r\x0b\x0c"
_MICROS = 1_000_000.0
_FEWEST, _MOST = sge.convert(1e-4), sge.convert(1e15)


class SparkCompiler(PySparkCompiler):  # type: ignore[misc]
    """Ibis' compiler for Spark with DuckDB's meaning of casts, counts, times and quantiles."""

    __slots__ = ()

    SIMPLE_OPS = {ops.Hash: "xxhash64", ops.Mode: "mode"}  # noqa: RUF012 - Ibis reads it early
    """`hash` has 32 bits on Spark: two of a million different rows would look alike."""

    def visit_CountStar(self, op: Any, *, arg: Any, where: Any) -> Any:
        """A group without such rows counts 0, where a sum of nothing is missing."""
        if where is None:
            return super().visit_CountStar(op, arg=arg, where=where)
        return self.f.count(self.if_(where, sge.convert(1), NULL))

    def visit_Quantile(self, op: Any, *, arg: Any, quantile: Any, where: Any) -> Any:
        """Of decimals it is a decimal of the same digits, cut off; Spark gives a float."""
        kind = op.arg.dtype
        if where is not None:
            arg = self.if_(where, arg, NULL)
        if not kind.is_decimal() or not kind.scale:
            return self.f.percentile(arg, quantile)
        whole = self.cast(sge.Paren(this=arg * sge.convert(10**kind.scale)), dt.int64)
        return self._shifted(self.cast(self.f.percentile(whole, quantile), dt.int64), kind.scale)

    def visit_Median(self, op: Any, *, arg: Any, where: Any) -> Any:
        """The filter applies to the values, not to the constant that says which quantile."""
        return self.visit_Quantile(op, arg=arg, quantile=sge.convert(0.5), where=where)

    def visit_Mean(self, op: Any, *, arg: Any, where: Any) -> Any:
        """Of decimals it is a float; Spark rounds it to four digits more."""
        if not op.arg.dtype.is_decimal():
            return self.agg.avg(arg, where=where)
        total = self.cast(self.agg.sum(arg, where=where), dt.float64)
        return total / self.agg.count(arg, where=where)

    def visit_IsNull(self, op: Any, *, arg: Any) -> Any:
        """NaN is a number that is there."""
        return arg.is_(NULL)

    def visit_NotNull(self, op: Any, *, arg: Any) -> Any:
        """NaN is a number that is there."""
        return arg.is_(sge.Not(this=NULL))

    def visit_ExtractEpochSeconds(self, op: Any, *, arg: Any) -> Any:
        """With the fraction of the second."""
        micros = self.f.unix_micros(self.cast(arg, dt.timestamp))
        return self.cast(micros, dt.float64) / sge.convert(_MICROS)

    def visit_Strip(self, op: Any, *, arg: Any) -> Any:
        """Spark reads \\v in a text as the letter v."""
        blanks = [self.f.chr(sge.convert(ord(blank))) for blank in _BLANKS]
        return sge.Trim(this=arg, expression=self.f.concat(*blanks))

    def visit_RegexReplace(self, op: Any, *, arg: Any, pattern: Any, replacement: Any) -> Any:
        """Java calls the first group `$1`, and takes `\\1` for the digit 1."""
        text = re.sub(r"\\(\d)", r"$\1", replacement.this.replace("$", r"\$"))
        return self.f.anon.regexp_replace(arg, pattern, sge.convert(text))

    def visit_Cast(self, op: Any, *, arg: Any, to: Any) -> Any:
        """On their way to fewer digits numbers are rounded, not cut off."""
        kind = op.arg.dtype
        if kind.is_floating() and to.is_string():
            return self._text(arg)
        if kind.is_decimal() and to.is_string() and kind.precision == kind.scale:
            # Of digits after the point only, DuckDB writes no zero before it.
            zero, point = sge.convert("^(-?)0[.]"), sge.convert("$1.")
            return self.f.anon.regexp_replace(self.cast(arg, to), zero, point)
        rounded = self._rounded(arg, kind, to, self.cast)
        return super().visit_Cast(op, arg=arg, to=to) if rounded is None else rounded

    def visit_TryCast(self, op: Any, *, arg: Any, to: Any) -> Any:
        """As `visit_Cast`; of texts only what is written as a number or a time."""
        kind = op.arg.dtype

        def try_cast(arg: Any, to: dt.DataType) -> Any:
            return sge.TryCast(this=arg, to=self.type_mapper.from_ibis(to), safe=True)

        rounded = self._rounded(arg, kind, to, try_cast)
        if rounded is not None:
            return rounded
        found = try_cast(arg, to)
        if kind.is_string() and to.is_numeric() and not to.is_boolean():
            # "1d" and "1f" are numbers in Java.
            return self.if_(self.f.anon.rlike(arg, sge.convert("[dDfF] *$")), NULL, found)
        if kind.is_string() and to.is_timestamp():
            # "10:00" would be today, and "2024" the first of January.
            day = sge.convert("^ *[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}")
            return self.if_(self.f.anon.rlike(arg, day), found, NULL)
        return found

    def visit_ScalarUDF(self, op: Any, **arguments: Any) -> Any:
        """DuckDB's functions that Spark spells otherwise."""
        spelled = _SPELLED.get(op.__func_name__)
        if spelled is None:
            return super().visit_ScalarUDF(op, **arguments)
        return spelled(self, *arguments.values())

    def _text(self, number: Any) -> Any:
        """A float as text: 12345678.9 and 1e-09, where Java writes 1.23456789E7 and 1.0E-9."""
        f, text, size = self.f.anon, self.cast(number, dt.string), self.f.abs(number)
        plain = self.cast(self.cast(text, dt.Decimal(38, 22)), dt.string)
        plain = f.regexp_replace(plain, sge.convert("0+$"), sge.convert(""))
        plain = f.regexp_replace(plain, sge.convert("[.]$"), sge.convert(".0"))
        parts = [f.split_part(text, sge.convert("E"), sge.convert(part)) for part in (1, 2)]
        mantissa = f.regexp_replace(parts[0], sge.convert("[.]0$"), sge.convert(""))
        exponent = f.regexp_replace(parts[1], sge.convert("^([0-9])"), sge.convert("+$1"))
        exponent = f.regexp_replace(exponent, sge.convert("(?<=[+-])([0-9])$"), sge.convert("0$1"))
        return sge.Case(
            ifs=[
                self.if_(f.isnan(number), sge.convert("nan")),
                self.if_(size.eq(self.POS_INF), f.replace(f.lower(text), "inity", "")),
                self.if_(sge.Between(this=size, low=_FEWEST, high=_MOST), plain),
                self.if_(f.contains(text, sge.convert("E")), f.concat(mantissa, "e", exponent)),
            ],
            default=text,
        )

    def _rounded(self, arg: Any, kind: dt.DataType, to: dt.DataType, cast: Any) -> Any:
        if kind.is_decimal() and to.is_integer():
            return cast(self.f.anon.round(arg), to)
        if not kind.is_floating():
            return None
        if to.is_integer():
            return cast(self.f.anon.rint(arg), to)
        if not to.is_decimal():
            return None
        # Scaled before it is rounded: 1.00115 is 10011.5 ten-thousandths, or a bit less.
        whole = self.f.anon.round(sge.Paren(this=arg * sge.convert(float(10**to.scale))))
        return cast(self._shifted(cast(whole, dt.Decimal(37 - to.scale, 0)), to.scale), to)

    def _shifted(self, whole: Any, scale: int) -> Any:
        """A whole number of units of the last of `scale` digits, as a decimal of 38 digits."""
        unit = self.cast(sge.convert(f"{10**-scale:.{scale}f}"), dt.Decimal(scale, scale))
        digits = self.cast(whole, dt.Decimal(37 - scale, 0))
        return sge.Paren(this=digits * unit) if scale else digits


def _md5_number_lower(compiler: SparkCompiler, text: Any) -> Any:
    """The last eight bytes of the MD5, the last one first, as a number."""
    digest = compiler.f.md5(text)
    pairs = [compiler.f.anon.substring(digest, 2 * byte + 1, 2) for byte in reversed(range(8, 16))]
    number = compiler.f.anon.conv(compiler.f.concat(*pairs), sge.convert(16), sge.convert(10))
    return compiler.cast(number, dt.Decimal(20, 0))


_SPELLED: dict[str, Callable[..., Any]] = {
    "md5_number_lower": _md5_number_lower,
    "isfinite": lambda compiler, time: TRUE,  # Spark knows no time without end
    "nfc_normalize": lambda compiler, text: compiler.f.anon.neigung_nfc(text),
}

compiler = SparkCompiler()
