"""Conditions: CEL, compiled and type-checked when a file is loaded, evaluated without surprises.

The library gives an evaluation error back as a value, and that value is true in Python; so only a
boolean that is true counts, and everything else is "no match" with a fault.
"""

import re
from dataclasses import dataclass

from cel_expr_python import cel

from triage.rules.document import closest
from triage.rules.facts import FACT_BY_NAME, FACTS
from triage.rules.readings import FactType, FactValue
from triage.rules.wording import mentions

MAX_EXPRESSION = 2_048
_POSITION = re.compile(r"<input>:(\d+):(\d+): (.*)")
_UNDECLARED = re.compile(r"undeclared reference to '([^']+)'")
_PATTERNS = re.compile(r"""\bmatches\(\s*([rR]?'(?:[^'\\]|\\.)*'|[rR]?"(?:[^"\\]|\\.)*")\s*\)""")
_STATUS = re.compile(r"^[A-Z_]+: ")
_MENDS = (
    ("no matching overload", "an int is written 5, a double 5.0, a string 'text', and a bool bare or with '!'"),
    ("yntax error", "compare with '==', join with '&&' and '||', put texts in quotes and close every bracket"),
    ("string literal", "close the quote, and write a backslash or a quote within it with a backslash before"),
    ("divide by zero", "ask first that it is not 0"),
    ("invalid regular expression", "write it as RE2 reads it"),
)
"""What helps against a complaint of the library that holds these words."""
_EMPTY: dict[FactType, FactValue] = {
    FactType.TEXT: "",
    FactType.WHOLE: 0,
    FactType.FRACTION: 0.0,
    FactType.YES_NO: False,
    FactType.TEXTS: [],
    FactType.TEXT_BY_TEXT: {},
}


class ExpressionFault(ValueError):
    """Why an expression is refused; ``line`` counts from 1 within it. Becomes a ``ConfigurationError``."""

    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled expression; ``facts`` are the names it uses."""

    expression: str
    facts: frozenset[str]
    compiled: cel.Expression

    def evaluate(self, activation: cel.Activation) -> bool | None:
        """Whether it matches; None when it could not be evaluated, which counts as no match."""
        try:
            found = self.compiled.eval(activation).value()
        except RuntimeError:
            return None
        # An error's value is its message, so this tells the two booleans from everything else.
        return found if found is True or found is False else None


class Language:
    """The one environment in which a file's conditions are compiled: its facts and ``mentions``."""

    def __init__(self) -> None:
        types = {
            FactType.TEXT: cel.Type.STRING,
            FactType.WHOLE: cel.Type.INT,
            FactType.FRACTION: cel.Type.DOUBLE,
            FactType.YES_NO: cel.Type.BOOL,
            FactType.TEXTS: cel.Type.List(cel.Type.STRING),
            FactType.TEXT_BY_TEXT: cel.Type.Map(cel.Type.STRING, cel.Type.STRING),
        }
        parameters = [cel.Type.STRING, cel.Type.List(cel.Type.STRING)]
        overload = cel.Overload("string_mentions_list", cel.Type.BOOL, parameters, True, mentions)
        self._env = cel.NewEnv(
            variables={fact.name: types[fact.type] for fact in FACTS},
            functions=[cel.FunctionDecl("mentions", [overload])],
        )

    def activation(self, values: dict[str, FactValue]) -> cel.Activation:
        return self._env.Activation(values)

    def compile(self, expression: str) -> Condition:
        """Raises ``ExpressionFault`` for what does not compile, is not a yes-or-no question, or fails when asked
        about an empty incident."""
        if len(expression) > MAX_EXPRESSION:
            raise ExpressionFault(
                f"the expression has {len(expression)} characters, at most {MAX_EXPRESSION} are read"
            )
        try:
            compiled = self._env.compile(expression)
        except RuntimeError as error:
            raise _told(str(error)) from None
        if compiled.return_type() != cel.Type.BOOL:
            kind = compiled.return_type().name().lower()
            message = f"expected a condition that is true or false; this one is of type {kind}, compare it"
            raise ExpressionFault(message)
        condition = Condition(expression, facts_in(expression), compiled)
        self._try(condition)
        return condition

    def _try(self, condition: Condition) -> None:
        empty = {name: _EMPTY[FACT_BY_NAME[name].type] for name in condition.facts}
        problem = self._problem(condition.compiled, empty)
        if problem is not None:
            raise ExpressionFault(f"fails on an incident that has no values: {problem}")
        for pattern in _PATTERNS.findall(condition.expression):
            # Short-circuits hide a broken pattern from the trial above.
            problem = self._problem(self._env.compile(f"''.matches({pattern})"), {})
            if problem is not None:
                raise ExpressionFault(f"the pattern {pattern}: {problem}")

    def _problem(self, compiled: cel.Expression, values: dict[str, FactValue]) -> str | None:
        try:
            found = compiled.eval(self.activation(values))
        except RuntimeError as error:
            return _mended(str(error).splitlines()[0])
        if found.type() == cel.Type.BOOL:
            return None
        if "Key not found in map" in str(found.value()):
            return (
                "a label may be missing; ask first, \"'name' in incident.labels && incident.labels['name'] == …\""
            )
        return _mended(str(found.value()))


def facts_in(expression: str) -> frozenset[str]:
    """Names of the facts that stand anywhere in ``expression``; one too many only costs its reading."""
    joined = re.sub(r"\s*\.\s*", ".", expression)
    return frozenset(name for name in FACT_BY_NAME if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", joined))


def _told(error: str) -> ExpressionFault:
    """The library's message: its first complaint, with the line, the column and a near name."""
    match = _POSITION.search(error)
    if match is None:
        return ExpressionFault(_mended(error.splitlines()[0]))
    line, column, message = int(match[1]), int(match[2]), match[3].removesuffix(" (in container '')")
    unknown = _UNDECLARED.search(message)
    if unknown:
        near = closest(unknown[1], [*FACT_BY_NAME, "mentions"]) or "; docs/facts.md has every fact"
        return ExpressionFault(f"unknown name {unknown[1]!r}{near} (column {column})", line)
    return ExpressionFault(_mended(f"{message} (column {column})"), line)


def _mended(complaint: str) -> str:
    complaint = _STATUS.sub("", complaint)
    return next((f"{complaint}; {mend}" for words, mend in _MENDS if words in complaint), complaint)
