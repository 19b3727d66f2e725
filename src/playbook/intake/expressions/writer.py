"""Writing a parsed expression of a mapping anew, as SQL that cannot fail."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from playbook.errors import nearest
from playbook.intake.cells import ISO_TIME, WHOLE
from playbook.intake.expressions import parts as grammar
from playbook.intake.expressions.parts import Part
from playbook.store.schemas import SQL_TYPES
from playbook.store.sqltext import literal

DEEPEST = 60  # levels in an expression
UNITS = ("second", "minute", "hour", "day", "week", "month", "year")


def write(
    tree: exp.Expr, kinds: Mapping[str, str], cell: Callable[[str], str]
) -> tuple[Part, tuple[str, ...]]:
    """Return what a parsed expression becomes, and the columns it uses; see `playbook.intake.expressions.compile`.

    Raises
    ------
    ValueError
        When it uses anything off the list, an unknown column, or a column of the wrong kind.
    """
    writer = _Writer(kinds, cell)
    part = grammar.settled(writer.part(tree))
    return part, tuple(dict.fromkeys(writer.used))


@dataclass
class _Writer:
    """Writes a parsed expression as SQL, part by part."""

    kinds: Mapping[str, str]
    cell: Callable[[str], str]
    used: list[str] = field(default_factory=list)
    depth: int = 0

    def part(self, node: Any) -> Part:
        """Return a part of the expression; raise a ValueError when it is not allowed or does not fit."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise ValueError("the expression is nested too deeply; split it into two columns")
        if type(node) in _WRITERS:
            done = _WRITERS[type(node)](self, node)
        elif type(node) in grammar.PLAIN:
            done = self.plain(node, grammar.PLAIN[type(node)])
        else:
            raise ValueError(grammar.refusal(node))
        self.depth -= 1
        if len(done.sql) > grammar.LONGEST_SQL:
            raise ValueError("the expression is too long; split it into two columns")
        return done

    def whole(self, node: exp.Expr, expected: str, within: exp.Expr) -> Part:
        """Return a part as the kind that its place expects, still loose."""
        return grammar.fitted(self.part(node), node, expected, within)

    def firm(self, node: exp.Expr, expected: str, within: exp.Expr) -> str:
        return grammar.settled(self.whole(node, expected, within)).sql

    def alike(self, nodes: Sequence[exp.Expr], within: exp.Expr) -> tuple[list[str], str]:
        """Return parts as the one kind that all of them have; a count fits a number, a quoted date a time."""
        parts = [self.part(node) for node in nodes]
        kinds = {part.kind for part in parts} - {grammar.NOTHING}
        if kinds == {"count", "number"}:
            kinds = {"number"}
        texts = [node for node, part in zip(nodes, parts, strict=True) if part.kind == "text"]
        if kinds == {"text", "time"} and all(grammar.is_quoted(node) for node in texts):
            kinds = {"time"}
        if len(kinds) > 1:
            found = [
                (node, part.kind)
                for node, part in zip(nodes, parts, strict=True)
                if part.kind != grammar.NOTHING
            ]
            node, kind = next(one for one in found if one[1] != found[0][1])
            raise ValueError(
                f"in `{grammar.shown(within)}`: {grammar.shown(found[0][0])} is {grammar.with_article(found[0][1])}, "
                f"but {grammar.shown(node)} is {grammar.with_article(kind)}{grammar.how_to_mend(kind, found[0][1])}"
            )
        kind = kinds.pop() if kinds else "text"
        fitted = [grammar.fitted(part, node, kind, within) for node, part in zip(nodes, parts, strict=True)]
        return [grammar.settled(part).sql for part in fitted], kind

    def plain(self, node: exp.Expr, function: grammar.Function) -> Part:
        given = [node.args.get(key) for key in function.keys]
        grammar.only(node, function.keys)
        missing = next((i for i, argument in enumerate(given) if argument is None), len(given))
        if missing < function.needed or any(argument is not None for argument in given[missing:]):
            raise ValueError(
                f"`{grammar.shown(node)}`: {function.name} takes {function.needed} arguments or more"
            )
        parts = [self.whole(a, k, node) for a, k in zip(given[:missing], function.takes, strict=False) if a]
        sql = f"{function.name}({', '.join(part.sql for part in parts)})"
        if function.may_fail:
            sql = f"try({sql})"
        loose = function.gives == "text" or any(part.loose and part.kind == "number" for part in parts)
        return Part(sql, function.gives, loose)

    def literal(self, node: exp.Literal) -> Part:
        if node.is_string:
            return Part(literal(node.this), "text", node.this == "")
        if re.fullmatch("[0-9]+", node.this) and int(node.this) < WHOLE:
            return Part(f"{int(node.this)}::bigint", "count")
        if not math.isfinite(float(node.this)):
            raise ValueError(f"{node.this} is too large for a number")
        return Part(f"'{float(node.this)!r}'::double", "number")

    def column(self, node: exp.Column) -> Part:
        name = ".".join(part.name for part in node.parts)
        if any(type(part) is not exp.Identifier for part in node.parts) or name not in self.kinds:
            raise ValueError(f"unknown column '{name}'; {nearest(name, self.kinds)}")
        self.used.append(name)
        return Part(f"({self.cell(name)})", self.kinds[name])

    def arithmetic(self, node: exp.Binary) -> Part:
        sign = grammar.ARITHMETIC[type(node)]
        if isinstance(node.right, exp.Interval) and sign in "+-":
            return self.shifted(node, sign)
        left, right = self.figure(node.left, node), self.figure(node.right, node)
        if left.kind == right.kind == "count" and sign != "/":
            divisor = f"nullif({right.sql}, 0)" if sign == "%" else right.sql
            return Part(f"try({left.sql} {sign} {divisor})", "count")
        # An infinite divisor would come out as 0; the other signs keep what is not finite.
        divisor = grammar.settled(right).sql if sign in "/%" else right.sql
        return Part(f"({left.sql}::double {sign} {divisor}::double)", "number", True)

    def figure(self, node: exp.Expr, within: exp.Expr) -> Part:
        part = self.part(node)
        if part.kind not in ("number", "count", grammar.NOTHING):
            problem = grammar.mismatch(node, part.kind, "number or a count", within)
            days = "; date_diff('day', start, end) counts the days" if part.kind == "time" else ""
            raise ValueError(problem + days)
        return part._replace(kind="count", sql="null::bigint") if part.kind == grammar.NOTHING else part

    def shifted(self, node: exp.Binary, sign: str) -> Part:
        interval = node.right
        unit = str(interval.args.get("unit") or "").lower().removesuffix("s")
        if unit not in UNITS:
            raise ValueError(f"in `{grammar.shown(node)}`: unknown unit of time; {nearest(unit, UNITS)}")
        number = interval.this
        if grammar.is_quoted(number):  # so the parser keeps a bare number too
            if not re.fullmatch("[0-9]{1,9}", number.this):
                raise ValueError(f"in `{grammar.shown(node)}`: '{number.this}' is not a whole number")
            number = exp.Literal.number(number.this)
        time, count = self.firm(node.left, "time", node), self.firm(number, "count", node)
        return Part(f"try({time} {sign} interval ({count}) {unit})", "time")

    def negative(self, node: exp.Neg) -> Part:
        part = self.figure(node.this, node)
        sql = f"try(0::bigint - {part.sql})" if part.kind == "count" else f"(-{part.sql})"
        return part._replace(sql=sql)

    def absolute(self, node: exp.Abs) -> Part:
        part = self.figure(node.this, node)
        return part._replace(sql=f"try(abs({part.sql}))" if part.kind == "count" else f"abs({part.sql})")

    def rounded(self, node: exp.Round) -> Part:
        grammar.only(node, ("this", "decimals"))
        part = self.whole(node.this, "number", node)
        digits = grammar.whole_number(node.args.get("decimals"), node, -15, 15)
        return part._replace(sql=f"round({part.sql}, {digits or 0})", loose=True)

    def compared(self, node: exp.Binary) -> Part:
        (left, right), _ = self.alike([node.left, node.right], node)
        return Part(f"({left} {grammar.COMPARISONS[type(node)]} {right})", "flag")

    def both(self, node: exp.Binary) -> Part:
        sign = "and" if type(node) is exp.And else "or"
        left, right = self.firm(node.left, "flag", node), self.firm(node.right, "flag", node)
        return Part(f"({left} {sign} {right})", "flag")

    def negated(self, node: exp.Not) -> Part:
        return Part(f"(not {self.firm(node.this, 'flag', node)})", "flag")

    def is_null(self, node: exp.Is) -> Part:
        if type(node.right) is not exp.Null:
            raise ValueError(f"in `{grammar.shown(node)}`: after 'is' only null and not null can stand")
        return Part(f"({grammar.settled(self.part(node.this)).sql} is null)", "flag")

    def one_of(self, node: exp.In) -> Part:
        grammar.only(node, ("this", "expressions"))
        if not node.expressions:
            raise ValueError(f"in `{grammar.shown(node)}`: the list is empty")
        (cell, *listed), _ = self.alike([node.this, *node.expressions], node)
        return Part(f"({cell} in ({', '.join(listed)}))", "flag")

    def between(self, node: exp.Between) -> Part:
        grammar.only(node, ("this", "low", "high"))
        (cell, low, high), _ = self.alike([node.this, node.args["low"], node.args["high"]], node)
        return Part(f"({cell} between {low} and {high})", "flag")

    def case(self, node: exp.Case | exp.If) -> Part:
        grammar.only(
            node, ("this", "ifs", "default") if type(node) is exp.Case else ("this", "true", "false")
        )
        branches = node.args["ifs"] if type(node) is exp.Case else [node]
        other = node.args.get("default" if type(node) is exp.Case else "false") or exp.Null()
        given = node.this if type(node) is exp.Case else None
        tests = []
        for branch in branches:
            test = exp.EQ(this=given.copy(), expression=branch.this.copy()) if given else branch.this
            tests.append(self.firm(test, "flag", node))
        values, kind = self.alike([*(branch.args["true"] for branch in branches), other], node)
        cases = " ".join(f"when {test} then {value}" for test, value in zip(tests, values, strict=False))
        return Part(f"(case {cases} else {values[-1]} end)", kind, False)

    def nullif(self, node: exp.Nullif) -> Part:
        (value, other), kind = self.alike([node.this, node.expression], node)
        return Part(f"(case when {value} = {other} then null else {value} end)", kind)

    def chosen(self, node: exp.Expr) -> Part:
        name = {exp.Coalesce: "coalesce", exp.Least: "least", exp.Greatest: "greatest"}[type(node)]  # type: ignore[index]
        grammar.only(node, ("this", "expressions"))
        values, kind = self.alike([node.this, *node.expressions], node)
        return Part(f"{name}({', '.join(values)})", kind)

    def joined(self, node: exp.Expr) -> Part:
        """Return `a || b`, null when either is, or concat(a, b), which leaves out what is null."""
        grammar.only(node, ("this", "expression", "expressions"))
        if type(node) is exp.DPipe:
            left, right = (grammar.as_text(self.part(part)) for part in (node.left, node.right))
            return Part(f"({left} || {right})", "text", True)
        texts = [grammar.as_text(self.part(part)) for part in node.expressions]
        return Part(f"concat({', '.join(texts)})", "text", True)

    def matched(self, node: exp.Expr) -> Part:
        extract = type(node) is exp.RegexpExtract
        grammar.only(node, ("this", "expression", "group") if extract else ("this", "expression"))
        pattern, group = node.expression, grammar.whole_number(node.args.get("group"), node, 0, 9) or 0
        if not grammar.is_quoted(pattern):
            raise ValueError(f"in `{grammar.shown(node)}`: a pattern is a text in single quotes")
        grammar.check_pattern(pattern.this, group)
        arguments = f"{self.whole(node.this, 'text', node).sql}, {literal(pattern.this)}"
        if extract:
            return Part(f"regexp_extract({arguments}, {group})", "text", True)
        return Part(f"regexp_matches({arguments})", "flag")

    def extract(self, node: exp.Extract) -> Part:
        part = node.name.lower()
        if part not in ("year", "month", "day"):
            raise ValueError(f"in `{grammar.shown(node)}`: only year, month and day can be taken from a time")
        return Part(f"{part}({self.firm(node.expression, 'time', node)})", "count")

    def difference(self, node: exp.DateDiff) -> Part:
        grammar.only(node, ("this", "expression", "unit"))
        unit = str(node.args.get("unit") or "").lower()
        if unit not in ("day", "hour"):
            raise ValueError(f"in `{grammar.shown(node)}`: expected date_diff('day', start, end) or 'hour'")
        start, end = self.firm(node.expression, "time", node), self.firm(node.this, "time", node)
        return Part(f"date_diff('{unit}', {start}, {end})", "count")

    def converted(self, node: exp.Expr) -> Part:
        name = str(node.this).lower() if type(node) is exp.Anonymous else "to_number"
        arguments = node.expressions if type(node) is exp.Anonymous else [node.this]
        if name not in ("to_text", "to_time", "to_count", "to_number"):
            raise ValueError(grammar.refusal(node))
        grammar.only(node, ("this", "expressions"))
        if len(arguments) != 1 and not (name == "to_time" and len(arguments) == 2):
            raise ValueError(f"in `{grammar.shown(node)}`: {name} takes one argument")
        if name == "to_text":
            part = self.part(arguments[0])
            return Part(grammar.as_text(part), "text", part.loose)
        if name == "to_time":
            return self.to_time(node, arguments)
        return self.to_figure(node, arguments[0], name.removeprefix("to_"))

    def to_figure(self, node: exp.Expr, argument: exp.Expr, kind: str) -> Part:
        part = self.part(argument)
        number = f"try_cast({part.sql} as double)"
        fits = f"isfinite({number})"
        if part.kind in ("text", grammar.NOTHING):
            fits = f"regexp_full_match({part.sql}::varchar, '{grammar.NUMBER}') and {fits}"
        elif part.kind == "count":
            return part if kind == "count" else Part(f"{part.sql}::double", "number")
        elif part.kind != "number":
            raise ValueError(grammar.mismatch(argument, part.kind, "text or a number", node))
        if kind == "count":
            fits += f" and {number} = trunc({number}) and abs({number}) < {WHOLE}"
        return Part(f"(case when {fits} then try_cast({number} as {SQL_TYPES[kind]}) end)", kind)

    def to_time(self, node: exp.Expr, arguments: list[exp.Expr]) -> Part:
        text = self.whole(arguments[0], "text", node).sql
        if len(arguments) == 1:
            fits = f"regexp_full_match({text}, '{ISO_TIME}')"
            return Part(f"(case when {fits} then try_cast({text} as timestamp) end)", "time")
        form = arguments[1]
        if not grammar.is_quoted(form):
            raise ValueError(
                f"in `{grammar.shown(node)}`: a format is a text in single quotes, like '%d.%m.%Y'"
            )
        grammar.check_format(form.this)
        # 'infinity' and 'epoch' would be read by every format.
        digits = f"regexp_matches({text}, '[0-9]')"
        return Part(f"(case when {digits} then try_strptime({text}, {literal(form.this)}) end)", "time")

    def dated(self, node: exp.Cast) -> Part:
        """Return date '2024-01-31', which the parser takes for a cast; there are no others."""
        to = node.to.this
        if not grammar.is_quoted(node.this) or to not in (
            exp.DType.DATE,
            exp.DType.TIMESTAMP,
            exp.DType.TIMESTAMPNTZ,
        ):
            raise ValueError(
                f"in `{grammar.shown(node)}`: write to_number, to_count, to_text or to_time(...)"
            )
        return grammar.time(node.this.this)


_WRITERS: dict[type[Any], Callable[[_Writer, Any], Part]] = {
    exp.Literal: _Writer.literal,
    exp.Boolean: lambda writer, node: Part("true" if node.this else "false", "flag"),
    exp.Null: lambda writer, node: Part("null", grammar.NOTHING),
    exp.Column: _Writer.column,
    exp.Paren: lambda writer, node: writer.part(node.this),
    exp.Neg: _Writer.negative,
    exp.Abs: _Writer.absolute,
    exp.Round: _Writer.rounded,
    exp.Not: _Writer.negated,
    exp.And: _Writer.both,
    exp.Or: _Writer.both,
    exp.Is: _Writer.is_null,
    exp.In: _Writer.one_of,
    exp.Between: _Writer.between,
    exp.Case: _Writer.case,
    exp.If: _Writer.case,
    exp.Nullif: _Writer.nullif,
    exp.DPipe: _Writer.joined,
    exp.Concat: _Writer.joined,
    exp.RegexpExtract: _Writer.matched,
    exp.RegexpLike: _Writer.matched,
    exp.Extract: _Writer.extract,
    exp.DateDiff: _Writer.difference,
    exp.ToNumber: _Writer.converted,
    exp.Anonymous: _Writer.converted,
    exp.Cast: _Writer.dated,
    **dict.fromkeys((exp.Coalesce, exp.Least, exp.Greatest), _Writer.chosen),
    **dict.fromkeys(grammar.COMPARISONS, _Writer.compared),
    **dict.fromkeys(grammar.ARITHMETIC, _Writer.arithmetic),
}
