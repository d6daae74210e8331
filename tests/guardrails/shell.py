#!/usr/bin/env python3
"""Compares the reading of shell scripts with that of tree-sitter-bash.

  shell.py --classify target/debug/examples/classify [--mutants N] [--seed N] SCRIPTS…

SCRIPTS are files or folders of shell scripts, or of commands with a line `%%` between them. Each script, each of its
statements and mutants of them are read by both. Where the guardrail understands a text that tree-sitter parses without an
error, it must name each program that tree-sitter names, also in substitutions, here-documents and bodies of functions.

Needs tree-sitter==0.26.1 and tree-sitter-bash==0.25.1, which come compiled. tree-sitter takes some texts otherwise than bash:
`! while …`, `\\ x` behind a line that goes on, and words behind a `-` that is followed by something like an assignment. Exit:
1 if more than one text in a thousand has a program that was not found.
"""

import argparse
import collections
import pathlib
import random
import re
import sys

import tree_sitter
import tree_sitter_bash

from targets import Classifier

PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_bash.language()))
# What is read by the guardrail as assignments or grammar, and by tree-sitter as commands.
GRAMMAR = {"[", "[[", "((", "time", "!", "{", "}"}
WORD = re.compile(r"\s+|[A-Za-z0-9_./-]+|.", re.S)
PIECES = ["rm x", "$(rm x)", "`rm x`", "; rm x", "| rm x", "&& rm x", "<(rm x)", "$((1))", "${x:-$(rm x)}", "\"$(rm x)\"", "'", "\"",
          "(", ")", "{ rm x; }", ";;", "\\", "\n", "#", " # ", "<<E\nrm x\nE\n", "<<E\n$(rm x)\nE\n", "if rm x; then", "fi", "&", "x=1",
          "x=$(rm x)", "sudo", "time", "!", "do", "done", "case x in", "esac", "f() {", "}", "[[ a ]]", "> f", "2>&1", "$'\\''", "''"]


def names(node, text, found):
    """The literal names of programs below a node, without those that tree-sitter reads otherwise than bash.

    Bash goes on with a word at a substitution (`a<(b)`) and behind a space that is escaped (`\\ a`). An assignment begins with
    a name (`*x=1` and `--x=1` are programs), and `x=$ y` runs y. Words of the grammar, and what is in a pair of `[ ]`, may not
    be told apart where redirections are between.
    """
    if node.type == "command_name" and is_plain(node, text):
        found.append(node.text.decode())
    for child in node.children:
        names(child, text, found)
    return found


def is_plain(node, text):
    inner = node.children[0] if node.child_count == 1 else node
    before, behind = text[node.start_byte - 2:node.start_byte], text[node.end_byte:node.end_byte + 2]
    alone = behind not in (b"<(", b">(") and (not behind or behind[:1] in b" \t\n;&|)<>") and before != b"\\ "
    assigned = [child.text for child in node.parent.children if child.type == "variable_assignment"]
    valid = all(re.match(rb"[A-Za-z_]\w*(\[[^]]*\])?\+?=(?!\$$|[<>]\()", one) for one in assigned)
    plain = inner.type == "word" and not re.search(rb"[\\*?\[{~]", inner.text) and inner.text[:1] not in b"-!"
    return alone and valid and plain and inner.text not in (b"else", b"then", b"do")


def statements(node):
    """Texts of a script that are scripts themselves."""
    for child in node.named_children:
        if child.type not in ("comment", "heredoc_body"):
            yield child.text.decode(errors="replace")
        if child.type in ("list", "if_statement", "while_statement", "for_statement", "function_definition", "compound_statement"):
            yield from statements(child)


def scripts(paths):
    for path in paths:
        path = pathlib.Path(path)
        files = [one for one in sorted(path.rglob("*")) if one.is_file()] if path.is_dir() else [path]
        for file in files:
            try:
                text = file.read_text()
            except (UnicodeDecodeError, PermissionError):
                continue
            first = text.split("\n", 1)[0]
            if file.suffix in (".sh", ".txt") or re.match(r"#!.*\b(ba|da)?sh\b", first):
                yield from text.split("\n%%\n")


def mutant(chance, all_parts):
    parts = list(chance.choice(all_parts))
    for _ in range(chance.choice((1, 1, 2, 3))):
        at = chance.randrange(len(parts) + 1)
        kind = chance.random()
        if kind < 0.5:
            parts[at:at] = [chance.choice(("", " ")), chance.choice(PIECES), chance.choice(("", " "))]
        elif kind < 0.7 and parts:
            del parts[min(at, len(parts) - 1)]
        elif kind < 0.85:
            other = chance.choice(all_parts)
            begin = chance.randrange(len(other) + 1)
            parts[at:at] = [" ", *other[begin:begin + 12], " "]
        elif parts:
            at = min(at, len(parts) - 1)
            parts[at:at] = [parts[at]]
    return "".join(parts)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("scripts", nargs="+")
    arguments.add_argument("--classify", required=True)
    arguments.add_argument("--mutants", type=int, default=100_000)
    arguments.add_argument("--seed", type=int, default=12)
    options = arguments.parse_args()
    base = []
    for text in scripts(options.scripts):
        base.append(text)
        base += statements(PARSER.parse(text.encode()).root_node)
    base = [text for text in dict.fromkeys(base) if 0 < len(text) < 20_000]
    small = [WORD.findall(text) for text in base if len(text) < 600]
    chance = random.Random(options.seed)
    counts, missed, seen = collections.Counter(), {}, set(base)
    classifier = Classifier(options.classify, "runner")

    def compare(texts):
        for text, answer in zip(texts, classifier.ask(texts)):
            counts["read"] += 1
            if not answer["understood"]:
                continue
            counts["understood"] += 1
            tree = PARSER.parse(text.encode()).root_node
            if tree.has_error:
                continue
            counts["compared"] += 1
            ours = {statement["verb"] for statement in answer["statements"]}
            # A path that ends in a slash names a folder.
            theirs = {name.rsplit("/", 1)[-1] for name in names(tree, text.encode(), [])} - GRAMMAR - {""}
            # Where a name is made when it runs, every rule blocks.
            for name in theirs - ours if "?" not in ours else ():
                missed.setdefault(name, []).append(text)

    for at in range(0, len(base), 16):
        compare(base[at:at + 16])
    while counts["read"] < options.mutants + len(base):
        batch = []
        while len(batch) < 64:
            text = mutant(chance, small)
            if text not in seen and len(text) < 1000 and "\0" not in text:
                seen.add(text)
                batch.append(text)
        compare(batch)
    classifier.close()
    print(f"{len(base)} texts and mutants: {dict(counts)}")
    for name, texts in sorted(missed.items(), key=lambda item: -len(item[1]))[:40]:
        print(f"{len(texts):6} {name!r}: {min(texts, key=len)!r}")
    return 1 if sum(map(len, missed.values())) * 1000 > counts["compared"] else 0


if __name__ == "__main__":
    sys.exit(main())
