"""An expression of a mapping means what it says, never fails on a row, and cannot be anything but an expression."""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from playbook.errors import MappingError
from playbook.intake.expressions import Expression, compile

KINDS = {
    **{"a": "text", "Firmen name": "text", "i": "count", "j": "count", "x": "number", "y": "number"},
    **{"t": "time", "u": "time", "f": "flag"},
}
TYPES = {"text": "varchar", "count": "bigint", "number": "double", "time": "timestamp", "flag": "boolean"}
PLACE = {name: f"v{i}" for i, name in enumerate(KINDS)}
CONNECTION = duckdb.connect()


def compiled(text: str) -> Expression:
    return compile(text, KINDS, PLACE.__getitem__, where="mapping.yml: sources.s.derive.d")


def value(made: Expression, row: dict[str, Any]) -> Any:
    cells = ", ".join(f"?::{TYPES[kind]} as {PLACE[name]}" for name, kind in KINDS.items())
    query = f"select {made.sql} from (select {cells})"
    return CONNECTION.execute(query, [row.get(name) for name in KINDS]).fetchall()[0][0]


# ---- a second implementation: expressions as (text, function of the row), composed by kind --------------------


def lifted(function):
    """Return the function, giving None where an argument is None, as SQL does."""
    return lambda *given: None if any(one is None for one in given) else function(*given)


def whole(number: int) -> int | None:
    return number if -(2**63) <= number < 2**63 else None


def finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def figure(sign: str, a: Any, b: Any) -> Any:
    if isinstance(a, int) and isinstance(b, int) and sign != "/":
        if sign == "%":
            return None if b == 0 else int(math.copysign(1, a)) * (abs(a) % abs(b))
        return whole({"+": a + b, "-": a - b, "*": a * b}[sign])
    a, b = float(a), float(b)
    if sign in "/%" and b == 0:
        return None
    try:
        return finite(
            {"+": lambda: a + b, "-": lambda: a - b, "*": lambda: a * b}.get(
                sign, lambda: a / b if sign == "/" else math.fmod(a, b)
            )()
        )
    except OverflowError:
        return None


def settled(one: Any) -> Any:
    return None if one == "" else one


def either(a: Any, b: Any) -> Any:
    return True if True in (a, b) else None if None in (a, b) else False


def both(a: Any, b: Any) -> Any:
    return False if False in (a, b) else None if None in (a, b) else True


def read_number(text: str) -> float | None:
    fits = re.fullmatch(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?", text, re.ASCII)
    return finite(float(text)) if fits else None


def hours(time: datetime) -> int:
    return (time - datetime(1, 1, 1)) // timedelta(hours=1)


def rounded(number: float) -> float:
    return (
        float(Decimal(number).quantize(Decimal(1), ROUND_HALF_UP, context=None))
        if abs(number) < 1e20
        else number
    )


COMPARE = {
    **{"=": lambda a, b: a == b, "<>": lambda a, b: a != b, "<": lambda a, b: a < b},
    **{"<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b},
}
LITERALS = {
    "text": st.sampled_from(["", "x", "it's", "12", "-3.5", "1e400", "é, B", ","]),
    "count": st.integers(0, 5) | st.sampled_from([2**53 - 1, 1000]),
    "number": st.sampled_from([0.0, 0.5, 2.5, 1e308, 1e-308, 3.0]),
    "time": st.datetimes(datetime(1990, 1, 1), datetime(2030, 1, 1)).map(lambda t: t.replace(microsecond=0)),
    "flag": st.booleans(),
}


def spelled(kind: str, one: Any) -> str:
    if kind == "text":
        return "'" + one.replace("'", "''") + "'"
    return f"timestamp '{one}'" if kind == "time" else repr(one).lower()


@st.composite
def expressions(draw, kind: str, depth: int = 3):
    """Draw an expression of a kind: its text, and a function that computes it from a row."""
    if depth == 0 or draw(st.integers(0, 5)) == 0:
        if draw(st.booleans()):
            name = draw(st.sampled_from([name for name, its in KINDS.items() if its == kind]))
            return (f'"{name}"', lambda row: row[name])
        one = draw(LITERALS[kind])
        return (spelled(kind, one), lambda row: one)

    def some(of: str):
        return draw(expressions(of, depth - 1))

    def made(form: str, function, *parts):
        text = form.format(*(part[0] for part in parts))
        return (text, lambda row: function(*(part[1](row) for part in parts)))

    def tested(form: str, function, *parts):  # where a text of no letters counts as null
        return made(form, lambda *given: function(*map(settled, given)), *parts)

    if draw(st.integers(0, 3)) == 0:
        choice = draw(st.sampled_from(["coalesce", "nullif", "if", "case", "least", "greatest"]))
        one, two = some(kind), some(kind)
        if choice == "coalesce":
            return tested("coalesce({}, {})", lambda a, b: b if a is None else a, one, two)
        if choice == "nullif":
            return tested("nullif({}, {})", lambda a, b: None if a == b and a is not None else a, one, two)
        if choice == "if":
            return tested("if({}, {}, {})", lambda c, a, b: a if c else b, some("flag"), one, two)
        if choice == "case":
            return tested(
                "case when {} then {} else {} end", lambda c, a, b: a if c else b, some("flag"), one, two
            )
        best = min if choice == "least" else max
        function = lambda a, b: best((c for c in (a, b) if c is not None), default=None)  # noqa: E731
        return tested(choice + "({}, {})", function, one, two)
    return draw(_of_kind(kind, some, made, tested))


@st.composite
def _of_kind(draw, kind, some, made, tested):
    pick = lambda *names: draw(st.sampled_from(names))  # noqa: E731
    n = draw(st.integers(1, 4))
    if kind == "text":
        choice = pick(
            "lower",
            "upper",
            "trim",
            "left",
            "right",
            "substring",
            "split",
            "replace",
            "||",
            "concat",
            "re",
            "c",
        )
        if choice in ("lower", "upper"):
            return made(choice + "({})", lifted(getattr(str, choice)), some("text"))
        if choice == "trim":
            return made("trim({})", lifted(lambda s: s.strip(" ")), some("text"))
        if choice == "left":
            return made(f"left({{}}, {n})", lifted(lambda s: s[:n]), some("text"))
        if choice == "right":
            return made(f"right({{}}, -{n})", lifted(lambda s: s[n:]), some("text"))
        if choice == "substring":
            return made(f"substring({{}}, {n}, 2)", lifted(lambda s: s[n - 1 : n + 1]), some("text"))
        if choice == "split":
            return made(
                f"split_part({{}}, ', ', {n})",
                lifted(lambda s: (s.split(", ") + [""] * n)[n - 1]),
                some("text"),
            )
        if choice == "replace":
            return made("replace({}, 'a', '''')", lifted(lambda s: s.replace("a", "'")), some("text"))
        if choice == "re":
            found = lambda s: m[1] if (m := re.search("([a-z]+),?", s)) else ""  # noqa: E731
            return made("regexp_extract({}, '([a-z]+),?', 1)", lifted(found), some("text"))
        if choice == "c":
            return made("to_text({})", lifted(str), some("count"))
        if choice == "||":
            return made("({} || {})", lifted(lambda a, b: a + b), some("text"), some("text"))
        return made("concat({}, {})", lambda a, b: (a or "") + (b or ""), some("text"), some("text"))
    if kind in ("count", "number"):
        other = kind if kind == "count" else pick("count", "number")
        choice = pick("+", "-", "*", "%", "-1", "abs", "more")
        if choice in "+-*%":
            return made(
                "({} " + choice + " {})", lifted(lambda a, b: figure(choice, a, b)), some(kind), some(other)
            )
        if choice == "-1":
            return made("(-{})", lifted(lambda a: whole(-a) if kind == "count" else -a), some(kind))
        if choice == "abs":
            return made("abs({})", lifted(lambda a: whole(abs(a)) if kind == "count" else abs(a)), some(kind))
        if kind == "number":
            choice = pick("/", "round", "floor", "ceil", "read")
            if choice == "/":
                return made("({} / {})", lifted(lambda a, b: figure("/", a, b)), some(other), some(kind))
            if choice == "read":
                return made("to_number({})", lifted(read_number), some("text"))
            function = {"round": rounded, "floor": math.floor, "ceil": math.ceil}[choice]
            return made(choice + "({})", lifted(lambda a: float(function(a))), some("number"))
        choice = pick("length", "year", "month", "day", "days", "hours", "read")
        if choice == "length":
            return made("length({})", lifted(len), some("text"))
        if choice == "days":
            return made(
                "date_diff('day', {}, {})",
                lifted(lambda a, b: (b.date() - a.date()).days),
                some("time"),
                some("time"),
            )
        if choice == "hours":
            return made(
                "date_diff('hour', {}, {})",
                lifted(lambda a, b: hours(b) - hours(a)),
                some("time"),
                some("time"),
            )
        if choice == "read":
            whole_float = lambda a: int(a) if a == math.trunc(a) and abs(a) < 2**53 else None  # noqa: E731
            return made("to_count({})", lifted(whole_float), some("number"))
        return made(choice + "({})", lifted(lambda t: getattr(t, choice)), some("time"))
    if kind == "time":
        choice = pick("days", "hours", "text")
        if choice == "text":
            return made("to_time(to_text({}))", lambda t: t, some("time"))
        step = timedelta(**{choice: n})
        sign = pick("+", "-")
        return made(
            f"({{}} {sign} interval {n} {choice})",
            lifted(lambda t: t + step if sign == "+" else t - step),
            some("time"),
        )
    of = pick(*TYPES)
    choice = pick("compare", "and", "or", "not", "null", "in", "between")
    if choice == "compare":
        sign = pick(*COMPARE)
        return tested("({} " + sign + " {})", lifted(COMPARE[sign]), some(of), some(of))
    if choice in ("and", "or"):
        return made("({} " + choice + " {})", both if choice == "and" else either, some("flag"), some("flag"))
    if choice == "not":
        return made("(not {})", lifted(lambda a: not a), some("flag"))
    if choice == "null":
        return tested("({} is not null)", lambda a: a is not None, some(of))
    if choice == "in":
        among = lambda a, b, c: either(lifted(COMPARE["="])(a, b), lifted(COMPARE["="])(a, c))  # noqa: E731
        return tested("({} in ({}, {}))", among, some(of), some(of), some(of))
    within = lambda a, b, c: both(lifted(COMPARE[">="])(a, b), lifted(COMPARE["<="])(a, c))  # noqa: E731
    return tested("({} between {} and {})", within, some(of), some(of), some(of))


TEXTS = st.text("aBcé ,;'\"1-.%日🙂", min_size=1, max_size=8) | st.sampled_from(
    ["12", "1e5", "Lee, Ann", "-7", "1e999"]
)
COUNTS = st.integers(-9, 9) | st.sampled_from([2**53 - 1, 1 - 2**53, 10**9])
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0.0, 2.5, -1.5, 1e308])
TIMES = st.datetimes(datetime(1990, 1, 1), datetime(2030, 1, 1))
CELLS = {"text": TEXTS, "count": COUNTS, "number": NUMBERS, "time": TIMES, "flag": st.booleans()}
ROWS = st.fixed_dictionaries({name: st.none() | CELLS[kind] for name, kind in KINDS.items()})


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(list(TYPES)).flatmap(lambda kind: st.tuples(st.just(kind), expressions(kind), ROWS)))
def test_an_expression_means_what_a_second_implementation_says(case):
    """Random expressions of every kind on random rows, with gaps and extremes, against plain Python."""
    kind, (text, function), row = case
    made = compiled(text)
    assert made.kind == kind
    assert value(made, row) == settled(function(row)), text


ROW = {"a": "Lee, Ann", "Firmen name": None, "i": 7, "j": 0, "x": 2.5, "y": 1e308, "f": True}
ROW |= {"t": datetime(2024, 1, 31, 23, 30), "u": datetime(2024, 3, 1)}
EXAMPLES = {
    **{
        "round(x)": 3.0,
        "round(x * 1.01, 1)": 2.5,
        "round(1234.5, -2)": 1200.0,
        "x % 2": 0.5,
        "i % 4": 3,
        "-i / 2": -3.5,
    },
    **{
        "i / j": None,
        "i % j": None,
        "y * 10": None,
        "1 / (y * 10)": None,
        "9007199254740991 * i * i * i": 3089469344376159913,
    },
    **{
        "split_part(a, ', ', 1)": "Lee",
        "split_part(a, ';', 2)": None,
        "coalesce(split_part(a, ';', 2), 'none')": "none",
    },
    **{"extract(day from t)": 31, "day(t)": 31, "date_diff('day', t, u)": 30, "date_diff('hour', t, u)": 697},
    **{
        "t + interval 1 month": datetime(2024, 2, 29, 23, 30),
        "t - interval (i) days": datetime(2024, 1, 24, 23, 30),
    },
    **{
        "t >= '2024-01-31'": True,
        "t between '2024-01-01' and date '2024-01-31'": False,
        "a || x || i": "Lee, Ann2.57",
    },
    **{"to_time('31.01.2024', '%d.%m.%Y')": datetime(2024, 1, 31), "to_time('31.02.2024', '%d.%m.%Y')": None},
    **{
        "to_time('infinity', '%Y')": None,
        "to_count('3.0')": 3,
        "to_count('3,5')": None,
        "to_number(' 1')": None,
    },
    **{
        "case i when 7 then 'seven' end": "seven",
        "case a when 'Lee' then 1 end": None,
        "a = ''": None,
        "'' is null": True,
    },
    **{
        "i in (1, x, 7)": True,
        '"Firmen name" || a': None,
        'concat("Firmen name", a)': "Lee, Ann",
        "f and null": None,
    },
    **{
        "regexp_matches(a, '^Lee')": True,
        "regexp_extract(a, ', (.*)', 1)": "Ann",
        "greatest(i, x, null)": 7.0,
    },
}


@pytest.mark.parametrize("text", EXAMPLES)
def test_examples(text):
    """What one row gives, by hand."""
    assert value(compiled(text), ROW) == EXAMPLES[text]


EXTREMES = {
    "text": [None, "x", "infinity", "9" * 400, "0000-00-00", "2024-02-30", "\U0010ffff", "a\0b"],
    "count": [None, 0, -1, 2**63 - 1, -(2**63), 2**32 + 1],
    "number": [None, 0.0, 1e308, -1e308, 5e-324, 2.0**63],
    "time": [None, datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59)],
    "flag": [None, True, False],
}
EVERY_OPERATION = [
    *(f"{a} {sign} {b}" for a in "ix" for b in "jy" for sign in "+-*/%"),
    *(
        "-i",
        "-x",
        "abs(i)",
        "abs(x)",
        "round(x, 15)",
        "round(x, -15)",
        "floor(x)",
        "ceil(x)",
        "1 / (x * y) / (1 / x)",
    ),
    *(
        "left(a, i)",
        "right(a, i)",
        "substring(a, i)",
        "substring(a, i, j)",
        'split_part(a, "Firmen name", i)',
    ),
    *(
        'replace(a, "Firmen name", a)',
        "length(a)",
        "lower(a) || upper(a)",
        "trim(a)",
        "a || x || i || t || f",
    ),
    *(
        "regexp_extract(a, '(.)(.)?', 2)",
        "regexp_matches(a, '^.')",
        "to_number(a)",
        "to_count(a)",
        "to_count(x)",
    ),
    *("to_time(a)", "to_time(a, '%Y-%m-%d')", "to_time(a, '%d.%m.%y %H:%M')", "to_text(x)", "to_text(t)"),
    *(
        f"t {sign} interval (i) {unit}"
        for sign in "+-"
        for unit in ("second", "hour", "days", "week", "months", "years")
    ),
    *("year(t)", "month(t)", "day(t)", "date_diff('day', t, u)", "date_diff('hour', t, u)"),
    *(
        "greatest(i, x)",
        "least(a, 'm')",
        "x in (i, y)",
        "i between x and y",
        "case i when x then 1 else j end",
    ),
]


@pytest.mark.parametrize("text", EVERY_OPERATION)
def test_no_value_makes_an_operation_fail(text):
    """Every operation is evaluated on every combination of extreme values of the columns it uses."""
    made = compiled(text)
    tables = []
    for name, kind in KINDS.items():
        cells = EXTREMES[kind] if name in made.columns else [None]
        CONNECTION.execute(f"create or replace table t_{PLACE[name]} ({PLACE[name]} {TYPES[kind]})")
        CONNECTION.executemany(f"insert into t_{PLACE[name]} values (?)", [[cell] for cell in cells])
        tables.append(f"t_{PLACE[name]}")
    broken = "count(case when d in ('inf', '-inf', 'nan') then 1 end)"
    query = f"select count(*), {broken} from (select ({made.sql})::varchar as d from"
    rows, broken = CONNECTION.execute(f"{query} {' cross join '.join(tables)})").fetchall()[0]
    assert rows > 0
    assert broken == 0


@given(st.floats(allow_nan=False, allow_infinity=False))
@example(17850.0)
@example(1e300)
def test_a_number_survives_becoming_text(number):
    """The text of a number reads back as that number, and a whole one has no decimals."""
    text = value(compiled("to_text(x)"), {"x": number})
    assert float(text) == number
    assert not text.endswith(".0")


MISTAKES = {
    "Firma": "unknown column 'Firma'; did you mean 'Firmen name'?",
    "i * a": "in `i * a`: a is text; expected a number or a count (to_number(...) reads a text)",
    "lower(i)": "in `LOWER(i)`: i is a count; expected text (to_text(...) writes it)",
    "a = 1": "in `a = 1`: a is text, but 1 is a count (to_text(...) writes it)",
    "t > a": "in `t > a`: t is a time, but a is text (to_time(...) reads a text)",
    "if(i, 1, 2)": "in `CASE WHEN i THEN 1 ELSE 2 END`: i is a count; expected a flag",
    "t - u": "in `t - u`: t is a time; expected a number or a count; date_diff('day', start, end) counts the days",
    "t + interval 2 fortnight": "in `t + INTERVAL '2' FORTNIGHT`: unknown unit of time",
    "t > '31.01.2024'": "'31.01.2024' is not a time like '2024-01-31' or '2024-01-31 14:30'",
    "uper(a)": "unknown function 'uper'; did you mean 'upper'?",
    "i::int": "in `CAST(i AS INT)`: write to_number, to_count, to_text or to_time(...)",
    "regexp_extract(a, '(')": "'(' is not a pattern (",
    "to_time(a, '%Q')": "'%Q' is not a format of times (",
    "1 +": "`1 +` cannot be read as an expression",
    "": "expected an expression, got nothing",
    "+".join("i" * 900): "nested too deeply; split it into two columns",
    "i" * 3000: "an expression may have 2,000 letters, this has 3,000",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_one_line_that_says_what_and_where(text):
    """The line holds file and key, the part that is wrong, and how to mend it."""
    with pytest.raises(MappingError) as caught:
        compiled(text)
    line = str(caught.value)
    assert line.startswith("mapping.yml: sources.s.derive.d: ")
    assert MISTAKES[text] in line
    assert "\n" not in line


HOSTILE = """
(select 1) | exists(select 1) | i in (select 1) | a from t | a; drop table t | 1 union select 2
with c as (select 1) select 1
read_csv('/etc/passwd') | read_text('/etc/passwd') | getenv('HOME') | glob('*') | current_setting('x') | pg_sleep(9)
? | $1 | $name | :name | * | columns('a') | t.* | COLUMNS(*) | a::int | cast(a as json) | try_cast(a as double) | try(a)
lower(a) over () | sum(i) | count(*) | count(i) | max(i) | row_number() over (order by i) | sum(i) filter (where f)
random() | now() | current_date | current_timestamp | uuid() | nextval('s') | setseed(0.5) | hash(a) | version()
a[1] | a[1:2] | [1, 2] | {'a': 1} | struct_pack(a := 1) | list_value(1) | map {'a': 1} | x -> x + 1 | array_agg(a)
a like '%' | a ilike 'x' | a glob '*' | a similar to 'x' | a collate nocase | repeat(a, 1000000000) | lpad(a, 9, ' ')
a -> '$' | a ->> 'x' | json_extract(a, '$') | i ** 2 | i ^ 2 | i << 60 | i & 1 | ~i | i // 0 | pow(x, 1000) | exp(x) | x!
t at time zone 'UTC' | extract(epoch from t) | date_trunc('day', t) | strftime(t, '%Y') | interval 3 day | t + to_days(3)
pragma version | attach 'x' | copy t to 'x' | install httpfs | load httpfs | set x = 1 | call f() | export database 'x'
insert into t values (1) | create table t(i int) | select 1 | values (1) | a as b | distinct a
lower(distinct a) | $$a$$ | e'a'
list_aggregate([1], 'sum') | query('select 1') | main.t.a | 'unclosed | "unclosed | /* | (i | i) | a b | case | @a | #1
"""


@pytest.mark.parametrize("text", [one.strip() for one in re.split(r" \| |\n", HOSTILE) if one.strip()])
def test_what_is_no_plain_expression_is_refused(text):
    """Queries, statements, files, side effects, other types and unlisted functions: MappingError, nothing else."""
    with pytest.raises(MappingError):
        compiled(text)


PIECES = [
    "(",
    ")",
    ",",
    "+",
    "-",
    "*",
    "/",
    "%",
    ".",
    ";",
    "'",
    '"',
    "::",
    "[",
    "]",
    "{",
    "}",
    "$",
    "?",
    "--",
    "/*",
    "*/",
]
PIECES += [
    "i",
    "a",
    "x",
    "t",
    "f",
    "select",
    "from",
    "lower",
    "case",
    "when",
    "then",
    "end",
    "null",
    "and",
    "or",
    "not",
    "in",
]
PIECES += [
    "between",
    "is",
    "interval",
    "day",
    "date",
    "'1'",
    "1",
    "1e9",
    "\0",
    "\n",
    "||",
    "->",
    "=>",
    ":=",
    "@",
    "#",
    "\\",
    "é",
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join) | st.text(max_size=30))
def test_any_text_is_an_expression_or_one_line(text):
    """Whatever the text, it is refused with a MappingError, or it is SQL that runs."""
    try:
        made = compiled(text)
    except MappingError as error:
        line = str(error)
    else:
        line = ""
    assert "\n" not in line
    if not line:
        value(made, {"a": "x", "i": 0, "x": 0.0, "t": datetime(2024, 1, 1), "f": True})


@pytest.mark.parametrize(
    "levels", ["coalesce({}, j)", "nullif({}, j)", "case {} when 1 then 2 end", "({} + x)", "(1 / {})"]
)
def test_deep_expressions_run_or_are_refused_soon(levels):
    """None is taken that DuckDB would find too deep, and none grows without bound."""
    text, taken = "x", 0
    while len(text) < 1_900:
        text = levels.format(text)
        try:
            made = compiled(text)
        except MappingError as error:
            line = str(error)
            break
        assert len(made.sql) < 200_000
        value(made, {"x": 2.0, "j": 3})
        taken += 1
    assert taken >= 8
    assert line.endswith("split it into two columns")


def test_what_comes_from_the_mapping_stays_a_literal():
    """Quotes in a text are data: the result is that text, letter by letter."""
    hostile = "'); drop table t; --"
    assert value(compiled("'" + hostile.replace("'", "''") + "'"), {}) == hostile


def test_columns_are_named_once_in_the_order_they_are_met():
    """Also a column of a joined source and one with a blank in its name."""
    kinds = {"contacts.E Mail": "text", "Firmen name": "text", "i": "count"}
    text = 'coalesce("Firmen name", contacts."E Mail", "Firmen name")'
    made = compile(text, kinds, lambda name: "v0", where="")
    assert made.columns == ("Firmen name", "contacts.E Mail")
    assert compile('"contacts.E Mail"', kinds, lambda name: "v0", where="").columns == ("contacts.E Mail",)
