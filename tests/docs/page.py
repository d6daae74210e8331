"""Parses a page: its shell blocks, their expected output, and the marks that say how to run them.

A mark is an HTML comment. Marks before an `sh` block (blank lines in between are allowed):

    <!-- not run: REASON -->      only parsed, by a test of the command line (cli/src/documented)
    <!-- terminal: 2 -->          runs in that terminal, a separate shell; the default is 1
    <!-- until: TEXT -->          keeps running; the next step follows when the terminal shows TEXT
    <!-- answers: y -->           typed at the prompts, in this order, separated by commas
    <!-- exit: 11 -->             expected exit code; the default is 0
    <!-- needs: curl -->          other programs that the block runs, separated by commas; tests/docs/bare_root,
                                  which does not have them, skips the block
    <!-- once: COMMAND -->        starts when COMMAND succeeds in that terminal, for blocks that are read minutes later

Mark before a `text` block that is not the output of the block above:

    <!-- not compared: REASON -->

Marks that are steps themselves:

    <!-- terminal 2 ends -->      waits for the block that `until` left running in that terminal
    <!-- terminal 2 ends: exit 1 -->
    <!-- Ctrl-C in terminal 1 --> interrupts that block

A `text` block directly below an `sh` block or below `terminal N ends` is the expected output: its lines must
appear in that order. `…` matches any text within a line.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

SHELL = "sh"
OUTPUT = "text"
# Not shell commands. Other tests read some of these blocks (shared/guardrails/tests/docs.rs).
DATA = {"json", "sql", "mysql", "sqlite", "http", "runner", "python", "yaml", "toml", "rust"}

FENCE = re.compile(r"^( *)```(.*)$")
COMMENT = re.compile(r"^ *<!--\s*(.*?)\s*-->\s*$")
MARKS = {"not run", "terminal", "until", "answers", "exit", "needs", "once", "not compared"}
MARK = re.compile(r"^(%s)\s*:\s*(.+)$" % "|".join(sorted(MARKS)))
ENDS = re.compile(r"^terminal (\d+) ends(?:: exit (\d+))?$")
INTERRUPT = re.compile(r"^Ctrl-C in terminal (\d+)$")
# A misspelled mark must not silently disable a check.
LIKE_A_MARK = re.compile(r"^(not[ -]?run|not[ -]?compared|terminal|until|answers?|exit|once|needs?|ctrl)\b", re.IGNORECASE)


class PageError(Exception):
    """The page cannot be run as it is written. The message starts with file and line."""


@dataclass
class Block:
    """Commands for one terminal, pasted at once."""

    line: int
    commands: str
    not_run: str | None = None
    terminal: int = 1
    until: str | None = None
    answers: list[str] = field(default_factory=list)
    exit: int = 0
    once: str | None = None
    needs: list[str] = field(default_factory=list)
    output: list[str] | None = None


@dataclass
class Ends:
    """Waits for the block that `until` left running in a terminal."""

    line: int
    terminal: int
    exit: int = 0
    output: list[str] | None = None


@dataclass
class Interrupt:
    """Types Ctrl-C in a terminal."""

    line: int
    terminal: int


@dataclass
class _Fence:
    line: int
    language: str
    content: list[str]


def _items(text, name):
    """Fences and comments in page order. Yields `None` for other lines that are not blank."""
    fence = indent = None
    for number, line in enumerate(text.splitlines(), 1):
        match = FENCE.match(line)
        if fence is not None:
            if match and not match[2].strip():
                yield fence
                fence = None
            else:
                fence.content.append(line.removeprefix(indent))
        elif match:
            indent, language = match[1], match[2].strip()
            fence = _Fence(number, language, [])
        elif comment := COMMENT.match(line):
            yield number, comment[1]
        elif line.strip():
            yield None
    if fence is not None:
        raise PageError(f"{name}:{fence.line}: the block is not closed")


def read(text, name):
    """The steps of a page, in order. Raises `PageError` for a block that would be neither run nor checked."""
    steps, marks, last = [], {}, None
    for item in _items(text, name):
        if isinstance(item, _Fence):
            last = _block(item, marks, last, steps, name)
            marks = {}
        elif isinstance(item, tuple):
            number, comment = item
            if match := ENDS.match(comment):
                last = Ends(number, int(match[1]), int(match[2] or 0))
                steps.append(last)
            elif match := INTERRUPT.match(comment):
                steps.append(Interrupt(number, int(match[1])))
                last = None
            elif match := MARK.match(comment):
                marks[match[1]] = (number, match[2])
            elif LIKE_A_MARK.match(comment):
                raise PageError(f"{name}:{number}: `{comment}` is not a mark; tests/docs/page.py lists them")
        else:
            _unused(marks, name)
            last = None
    _unused(marks, name)
    return steps


def _list(text):
    return [item.strip() for item in text.split(",") if item.strip()]


def _unused(marks, name):
    for mark, (number, _) in marks.items():
        raise PageError(f"{name}:{number}: no block follows the mark `{mark}`")


def _block(fence, marks, last, steps, name):
    """Adds a fence to the steps. Returns the step whose output the next fence may contain."""
    where = f"{name}:{fence.line}"
    language = fence.language.split()[0] if fence.language else ""
    allowed = {SHELL: MARKS - {"not compared"}, OUTPUT: {"not compared"}}.get(language, set())
    for mark in marks:
        if mark not in allowed:
            raise PageError(f"{where}: the mark `{mark}` does not apply to a block of `{language}`")
    value = {mark: text for mark, (_, text) in marks.items()}
    if language == SHELL:
        block = Block(fence.line, "\n".join(fence.content) + "\n")
        block.not_run = value.get("not run")
        if block.not_run and len(value) > 1:
            raise PageError(f"{where}: expected no other mark on a block that is not run")
        block.until, block.once = value.get("until"), value.get("once")
        block.answers, block.needs = (_list(value.get(mark, "")) for mark in ("answers", "needs"))
        for member in ("terminal", "exit"):
            if member in value:
                if not value[member].isdecimal():
                    raise PageError(f"{where}: `{member}` must be a number (got `{value[member]}`)")
                setattr(block, member, int(value[member]))
        steps.append(block)
        return block
    if language == OUTPUT:
        if "not compared" not in value and last is not None and not getattr(last, "not_run", None):
            last.output = fence.content
        return None
    if language not in DATA:
        raise PageError(
            f"{where}: expected a block of `sh`, `text` or data (got `{language or 'no language'}`); data is " + ", ".join(sorted(DATA))
        )
    return None


def pages(files):
    """The pages among the files of a repository: those at the top first, then `docs`."""
    found = [file for file in files if file.endswith(".md")]
    return sorted(found, key=lambda file: (Path(file).parts[0] == "docs", len(Path(file).parts), file))


def missing(output, wanted):
    """The first expected line that the output lacks, in order. `None` if it has all of them."""
    lines = iter(output.splitlines())
    for line in wanted:
        if not line.strip():
            continue
        pattern = re.compile(".*?".join(re.escape(part) for part in line.strip().split("…")))
        if not any(pattern.search(candidate) for candidate in lines):
            return line
    return None
