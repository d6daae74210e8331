#!/usr/bin/env python3
"""Checks the references of the documentation: each page is one test.

    tests/docs/links.py [ROOT]

A page fails if

- a link or picture leads to a file, folder or heading that does not exist;
- inline code names a path of this repository that does not exist (`shared/app/src/change.rs`, also a module without
  its `.rs`, also a glob);
- inline code names a test that does not exist: a sentence of five words or more (`a_vote_is_bound_to_what_was_seen`);
- it lies below docs/ and no chain of links from README.md reaches it.

Addresses on the web are not fetched. Ends with `test result: …`; exit 1 if a page fails.
"""
import os
import re
import sys
import unicodedata
from pathlib import Path
from urllib.parse import unquote

# Folders without pages of this project.
SKIPPED = {".git", ".aws-sam", ".venv", "node_modules", "target"}
# Links that GitHub resolves against the repository's address, not its files.
OF_GITHUB = {"../../security/advisories/new"}
# Inline code that begins like this is a path of the repository.
TOP = r"(?:\.cargo|\.ci|\.config|\.github|cli|docs|functions|infra|shared|tests|xtask)"

FENCE = re.compile(r"^ {0,3}(?:> ?)*(`{3,}|~{3,})")
CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.S)
COMMENT = re.compile(r"<!--.*?-->", re.S)
# [text](target), ![text](target "title"), [text](<target>); the text may hold brackets of a picture.
INLINE = re.compile(r"\]\(\s*(<[^>]*>|[^\s()]*(?:\([^\s()]*\)[^\s()]*)*)(?:\s+(?:\"[^\"]*\"|'[^']*'))?\s*\)")
REFERENCE = re.compile(r"^ {0,3}\[(?!\^)[^\]]+\]:\s*(\S+)", re.M)
HTML = re.compile(r"<(?:a|img|source)\b[^>]*?\b(?:href|src|srcset)\s*=\s*[\"']([^\"']+)[\"']", re.I)
ANCHOR = re.compile(r"<[a-z]+\b[^>]*?\b(?:id|name)\s*=\s*[\"']([^\"']+)[\"']", re.I)
HEADING = re.compile(r"^ {0,3}(#{1,6})[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$", re.M)
SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*:", re.I)
PATH = re.compile(rf"^{TOP}/[\w./*@+-]+$")
TEST = re.compile(r"^[a-z0-9]+(?:_[a-z0-9]+){4,}$")
FUNCTION = re.compile(r"\bfn (\w+)")


def prose(text):
    """The page without its fenced blocks and comments, line for line."""
    lines, fence = [], None
    for line in text.splitlines():
        mark = FENCE.match(line.lstrip())
        if fence:
            if mark and mark.group(1).startswith(fence) and not line.strip().strip(fence[0]):
                fence = None
            lines.append("")
        elif mark:
            fence = mark.group(1)
            lines.append("")
        else:
            lines.append(line)
    return COMMENT.sub(lambda comment: "\n" * comment.group().count("\n"), "\n".join(lines))


def without_code(text):
    return CODE.sub(lambda code: " " * len(code.group()), text)


def slug(heading):
    """The anchor that GitHub gives a heading: letters, digits, `_` and `-` stay, blanks become `-`."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    kept = (c for c in text.strip().lower() if c in " -_" or unicodedata.category(c)[0] in "LNM")
    return "".join(kept).replace(" ", "-")


def anchors(text):
    found, seen = set(ANCHOR.findall(text)), {}
    for _, heading in HEADING.findall(text):
        name = slug(heading)
        seen[name] = seen.get(name, -1) + 1
        found.add(f"{name}-{seen[name]}" if seen[name] else name)
    return found


def links(text):
    plain = without_code(text)
    targets = INLINE.findall(plain) + REFERENCE.findall(plain) + HTML.findall(plain)
    return [target.strip("<>") for target in targets]


class Site:
    def __init__(self, root):
        self.root = root
        self.pages, self.functions = {}, set()
        for folder, folders, files in os.walk(root):
            folders[:] = sorted(set(folders) - SKIPPED)
            for name in sorted(files):
                path = Path(folder, name)
                if name.endswith(".md"):
                    self.pages[path] = prose(path.read_text(encoding="utf-8"))
                elif name.endswith(".rs"):
                    self.functions.update(FUNCTION.findall(path.read_text(encoding="utf-8")))
        self.anchors = {path: anchors(text) for path, text in self.pages.items()}
        self.leads_to = {path: set() for path in self.pages}

    def follow(self, page, target):
        """What is wrong with a link, or None; remembers which page it leads to."""
        if SCHEME.match(target) or target in OF_GITHUB:
            return None
        path, _, anchor = target.partition("#")
        end = Path(os.path.normpath(page.parent / unquote(path))) if path else page
        if path.startswith("/") or not end.is_relative_to(self.root):
            return f"({target}) leads out of the repository"
        if not end.exists():
            return f"({target}): there is no {end.relative_to(self.root)}"
        if end in self.pages:
            self.leads_to[page].add(end)
            if anchor and unquote(anchor) not in self.anchors[end]:
                return f"({target}): {end.relative_to(self.root)} has no heading #{anchor}"
        elif anchor and not re.fullmatch(r"L\d+(-L\d+)?", anchor):
            return f"({target}): #{anchor} is no line of a file"
        return None

    def faults(self, page):
        text = self.pages[page]
        for target in links(text):
            if fault := self.follow(page, target):
                yield fault
        for _, code in CODE.findall(text):
            if PATH.match(code) and not self.has_path(code.rstrip("/")):
                yield f"`{code}`: no such path"
            if TEST.match(code) and code not in self.functions:
                yield f"`{code}`: no such test"

    def has_path(self, code):
        return any(self.root.glob(code)) or (self.root / f"{code}.rs").is_file()

    def unreachable(self):
        """Pages of docs/ that a reader who starts at README.md does not find."""
        reached, open_pages = set(), [self.root / "README.md"]
        while open_pages:
            page = open_pages.pop()
            if page not in reached:
                reached.add(page)
                open_pages.extend(self.leads_to.get(page, ()))
        # README.md leads to the folder of decisions as a whole.
        return {
            page for page in self.pages
            if page.is_relative_to(self.root / "docs") and page.parent.name != "adr" and page not in reached
        }


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2]).resolve()
    site = Site(root)
    faults = {page: list(site.faults(page)) for page in site.pages}
    for page in site.unreachable():
        faults[page].append("no chain of links from README.md leads here")
    failed = 0
    for page, found in sorted(faults.items()):
        name = page.relative_to(root)
        print(f"test {name} ... {'FAILED' if found else 'ok'}")
        for fault in found:
            print(f"  {name}: {fault}")
        failed += bool(found)
    print(f"test result: {'FAILED' if failed else 'ok'}. {len(faults) - failed} passed; {failed} failed")
    return 1 if failed or not faults else 0


if __name__ == "__main__":
    sys.exit(main())
