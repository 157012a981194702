"""Reads tables of rules; a mistake in one is named by its line."""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from mobilekit_converters.adaptations.table import ADAPTATIONS
from mobilekit_converters.errors import ProjectError, nearest
from mobilekit_converters.variants import Format
from mobilekit_delegates.rules.expression import Expression, ExpressionError, parse
from mobilekit_delegates.rules.table import OperatorEntry, Rule, Table

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_SECTIONS = ("table", "define", "operator", "rule", "warning")
_KEYS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "table": (
        frozenset({"delegate", "title", "format", "level", "levels", "source", "meaning"}),
        frozenset({"default", "partitions", "unpacks"}),
    ),
    "operator": (frozenset({"names"}), frozenset({"version", "since", "until", "source"})),
    "rule": (
        frozenset({"operators", "require", "reason", "source"}),
        frozenset({"when", "remedy", "adaptation", "since", "until", "whole"}),
    ),
    "warning": (
        frozenset({"operators", "reason", "source"}),
        frozenset({"when", "require", "remedy", "adaptation", "since", "until"}),
    ),
}
"""By section: the keys that it needs, and those that it may have."""

_TYPES: dict[str, tuple[type, ...]] = {
    "since": (int, float),
    "until": (int, float),
    "default": (int, float),
    "version": (int,),
    "partitions": (int,),
    "names": (list,),
    "operators": (list,),
    "levels": (list,),
    "unpacks": (list,),
    "whole": (bool,),
}
"""The types of the keys that are no texts."""

_WORDS: Mapping[type, str] = {
    bool: "true or false",
    float: "a number",
    int: "a whole number",
    list: "a list",
    str: "a text",
}
"""What a type is called in TOML's words."""


@functools.cache
def read_table(path: Path) -> Table:
    """Read a table of rules.

    Raises:
        ProjectError: it cannot be read, or holds a mistake; the message names file and line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectError(f"The table of rules {path} cannot be read: {error}.") from error
    return _Reader(path.name, text).table()


class _Reader:
    def __init__(self, name: str, text: str) -> None:
        self._name = name
        self._lines = text.splitlines()
        try:
            self._document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            found = re.search(r"at line (\d+)", str(error))
            line = int(found[1]) if found else max(len(self._lines), 1)
            raise self._error(line, f"it is no TOML: {error}") from error

    def table(self) -> Table:
        for section in self._document:
            if section not in _SECTIONS:
                raise self._error(
                    self._line_of(section), f"there is no section {section!r}", _SECTIONS, section
                )
        head = self._document.get("table")
        line = self._line_of("table")
        if not isinstance(head, dict):
            raise self._error(1, "it has no section [table]")
        self._check_keys("table", head, line)
        if head["format"] not in get_args(Format):
            raise self._error(
                self._line_of_key(line, "format"), f"format is one of {', '.join(get_args(Format))}"
            )
        levels = tuple(head["levels"])
        if not levels or not all(_is_number(level) for level in levels):
            raise self._error(self._line_of_key(line, "levels"), "levels are numbers, one at least")
        if head.get("default", levels[-1]) not in levels:
            raise self._error(self._line_of_key(line, "default"), "default is none of the levels")
        if head.get("partitions", 1) < 1:
            raise self._error(self._line_of_key(line, "partitions"), "partitions is 1 at least")
        return Table(
            delegate=head["delegate"],
            title=head["title"],
            format=head["format"],
            level=head["level"],
            levels=levels,
            default=head.get("default", levels[-1]),
            source=head["source"],
            meaning=head["meaning"],
            partitions=head.get("partitions"),
            unpacks=tuple(head["unpacks"]) if "unpacks" in head else None,
            operators=self._by_name(self._operators()),
            rules=self._by_operator(self._rules("rule")),
            warnings=self._by_operator(self._rules("warning")),
            definitions=self._definitions(),
        )

    def _definitions(self) -> dict[str, Expression]:
        line = self._line_of("define")
        found: dict[str, Expression] = {}
        texts: Any = self._document.get("define", {})
        if not isinstance(texts, dict):
            raise self._error(line, "write define as a table [define]")
        for name, text in texts.items():
            at = self._line_of_key(line, name)
            if not isinstance(text, str):
                raise self._error(at, f"{name} is a condition in quotes, not {text!r}")
            found[name] = self._expression(text, at)
            later = found[name].names & texts.keys() - found.keys() | found[name].names & {name}
            if later:
                raise self._error(at, f"{name} uses {min(later)}, which is not defined before it")
        return found

    def _operators(self) -> Iterator[OperatorEntry]:
        for entry, line in self._entries("operator"):
            for name in entry["names"]:
                yield OperatorEntry(
                    name=name,
                    version=entry.get("version"),
                    since=entry.get("since"),
                    until=entry.get("until"),
                    source=entry.get("source", ""),
                    line=line,
                )

    def _rules(self, section: str) -> Iterator[Rule]:
        for entry, line in self._entries(section):
            yield Rule(
                operators=tuple(entry["operators"]),
                # Without one, a warning is for each node that it concerns.
                require=self._expression(
                    entry.get("require", "False"), self._line_of_key(line, "require")
                ),
                when=self._expression(entry["when"], self._line_of_key(line, "when"))
                if "when" in entry
                else None,
                reason=entry["reason"],
                source=entry["source"],
                remedy=entry.get("remedy", ""),
                adaptation=entry.get("adaptation", ""),
                since=entry.get("since"),
                until=entry.get("until"),
                whole=entry.get("whole", False),
                line=line,
            )

    def _by_name(self, entries: Iterator[OperatorEntry]) -> dict[str, tuple[OperatorEntry, ...]]:
        found: dict[str, tuple[OperatorEntry, ...]] = {}
        for entry in entries:
            found[entry.name] = (*found.get(entry.name, ()), entry)
        return found

    def _by_operator(self, rules: Iterator[Rule]) -> dict[str, tuple[Rule, ...]]:
        listed = {name for entry in self._document.get("operator", []) for name in entry["names"]}
        found: dict[str, tuple[Rule, ...]] = {}
        for rule in rules:
            for name in rule.operators:
                if name != "*" and name not in listed and not rule.whole:
                    raise self._error(
                        self._line_of_key(rule.line, "operators"),
                        f"no [[operator]] lists {name!r}",
                        listed,
                        name,
                    )
                found[name] = (*found.get(name, ()), rule)
        return found

    def _entries(self, section: str) -> Iterator[tuple[Mapping[str, Any], int]]:
        entries: Any = self._document.get(section, [])
        lines = self._headers(section)
        if not isinstance(entries, list) or len(lines) != len(entries):
            raise self._error(
                self._line_of(section), f"write each {section} as a table [[{section}]]"
            )
        for entry, line in zip(list(entries), lines, strict=True):
            self._check_keys(section, entry, line)
            yield entry, line

    def _check_keys(self, section: str, entry: Mapping[str, Any], line: int) -> None:
        needed, optional = _KEYS[section]
        for key, value in entry.items():
            at = self._line_of_key(line, key)
            if key not in needed | optional:
                raise self._error(at, f"there is no key {key!r}", sorted(needed | optional), key)
            types = _TYPES.get(key, (str,))
            if not isinstance(value, types) or isinstance(value, bool) != (types == (bool,)):
                raise self._error(at, f"{key} is {_WORDS[types[-1]]}, not {value!r}")
            if key in ("names", "operators", "unpacks") and not _are_texts(value):
                raise self._error(at, f"{key} is a list of texts, one at least")
            if key == "adaptation" and value not in ADAPTATIONS:
                raise self._error(at, f"there is no adaptation {value!r}", ADAPTATIONS, str(value))
        for key in sorted(needed - entry.keys()):
            raise self._error(line, f"{key} is missing")

    def _expression(self, text: object, line: int) -> Expression:
        try:
            return parse(str(text))
        except ExpressionError as error:
            raise self._error(line, f"the condition {text!r} is wrong: {error}") from error

    def _headers(self, section: str) -> list[int]:
        pattern = re.compile(rf"\s*\[\[\s*{section}\s*\]\]")
        return [number for number, line in enumerate(self._lines, 1) if pattern.match(line)]

    def _line_of(self, section: str) -> int:
        pattern = re.compile(rf"\s*(\[+\s*{re.escape(section)}\b|{re.escape(section)}\s*=)")
        return next((n for n, line in enumerate(self._lines, 1) if pattern.match(line)), 1)

    def _line_of_key(self, header: int, key: str) -> int:
        """Return the line of a key below a header, the header's where it is not found."""
        for number, line in enumerate(self._lines[header:], header + 1):
            if re.match(r"\s*\[", line):
                break
            if re.match(rf"\s*{re.escape(key)}\s*=", line):
                return number
        return header

    def _error(self, line: int, what: str, known: Any = (), name: str = "") -> ProjectError:
        hint = nearest(name, known) if name else ""
        return ProjectError(f"{self._name}, line {line}: {what}.{hint}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _are_texts(values: Any) -> bool:
    return bool(values) and all(isinstance(value, str) for value in values)
