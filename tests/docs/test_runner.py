"""Tests of the runner: it must fail where it should."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

import page as pages
import run
import standins

# Prints its arguments and exits with the first one.
PROGRAM = """#!/bin/bash
case $1 in
  ask) read -r -p 'Sure? [y/N] ' answer; echo "you said $answer" ;;
  stay) trap 'echo stopped; exit 0' INT; echo ready; while :; do sleep 0.1; done ;;
  *) echo "called with $*"; exit "${1:-0}" ;;
esac
"""


def fence(language, text, before=""):
    return f"{before}\n```{language}\n{text}\n```\n"


class Page(unittest.TestCase):
    """`page.read`."""

    def read(self, text):
        return pages.read(text, "page.md")

    def refused(self, text, why):
        with self.assertRaisesRegex(pages.PageError, why):
            self.read(text)

    def test_blocks_keep_their_order_and_lose_the_indentation_of_their_list(self):
        steps = self.read("1. First\n\n   ```sh\n   a \\\n     b\n   ```\n\n" + fence("sh", "c"))
        self.assertEqual([step.commands for step in steps], ["a \\\n  b\n", "c\n"])
        self.assertEqual(steps[0].line, 3)

    def test_marks_belong_to_the_block_below_them(self):
        marks = "<!-- terminal: 2 -->\n<!-- until: it waits -->\n\n<!-- answers: y, n -->\n<!-- exit: 11 -->"
        marked, plain = self.read(fence("sh", "a", marks) + fence("sh", "b"))
        self.assertEqual((marked.terminal, marked.until, marked.answers, marked.exit), (2, "it waits", ["y", "n"], 11))
        self.assertEqual((plain.terminal, plain.until, plain.answers, plain.exit), (1, None, [], 0))

    def test_text_below_commands_is_their_output_and_elsewhere_a_picture(self):
        below, apart = self.read(
            fence("sh", "a") + fence("text", "said") + fence("sh", "b") + "\nprose\n" + fence("text", "drawn"))
        self.assertEqual((below.output, apart.output), (["said"], None))

    def test_what_a_waiting_terminal_prints_at_its_end_is_compared(self):
        steps = self.read(
            fence("sh", "a", "<!-- until: x -->") + "\nprose\n\n<!-- terminal 1 ends: exit 1 -->\n" + fence("text", "b")
            + "\n<!-- Ctrl-C in terminal 2 -->\n")
        self.assertEqual(steps[1:], [pages.Ends(8, 1, 1, ["b"]), pages.Interrupt(14, 2)])

    def test_a_block_that_is_neither_run_nor_data_is_refused(self):
        for language in ("", "bash", "console", "shell"):
            self.refused(fence(language, "countersign serve"), "expected a block of `sh`, `text` or data")

    def test_a_slip_in_a_mark_is_refused_and_does_not_switch_a_check_off(self):
        self.refused(fence("sh", "a", "<!-- not-run: AWS -->"), "is not a mark")
        self.refused(fence("sh", "a", "<!-- not run -->"), "is not a mark")
        self.refused("<!-- not run: AWS -->\nprose\n" + fence("sh", "a"), "no block follows")
        self.refused(fence("json", "{}", "<!-- not run: AWS -->"), "does not apply")
        self.refused(fence("sh", "a", "<!-- exit: one -->"), "must be a number")
        self.refused(fence("sh", "a", "<!-- not run: AWS -->\n<!-- exit: 1 -->"), "no other mark")
        self.refused("```sh\na\n", "not closed")
        self.assertEqual(len(self.read(fence("sh", "a", "<!-- a comment of any kind -->"))), 1)

    def test_output_is_compared_line_by_line_in_order_with_dots_for_anything(self):
        said = "one two\nthree\n  four\n"
        self.assertIsNone(pages.missing(said, ["one", "", "thr…", "four"]))
        self.assertIsNone(pages.missing(said, ["o… …o"]))
        self.assertEqual(pages.missing(said, ["three", "one"]), "one")
        self.assertEqual(pages.missing(said, ["one three"]), "one three")
        self.assertEqual(pages.missing(said, ["one", "one"]), "one")


class Following(unittest.TestCase):
    """`run.Reader`, with a program that exits as its arguments say."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="countersign-docs-test.")
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)
        program = standins.executable(self.folder / "program", PROGRAM)
        log = self.folder / "calls.jsonl"
        standins.recorder(self.folder / "bin" / "countersign", program, log)
        environment = {"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "HOME": str(self.folder), "TERM": "xterm"}
        self.reader = run.Reader(self.folder, environment, self.folder / "work", log)

    def problems(self, text):
        steps = pages.read(text, "page.md")
        return [problem for _, _, problems, _ in run.whole_page("page.md", steps, self.reader) for problem in problems]

    def assert_found(self, text, what):
        self.assertRegex("\n".join(self.problems(text)), what)

    def assert_fine(self, text):
        self.assertEqual(self.problems(text), [])

    def test_exit_code_2_is_found_whatever_the_shell_makes_of_it(self):
        for commands in (
            "countersign 2 || true", "countersign 2 | cat", "countersign 2 &\nwait", "if countersign 2; then :; fi",
            "echo $(countersign 2)", "! countersign 2", "(countersign 2; true)", "alias c=countersign\nc 2 || echo fine",
            # It has ended, and nobody has waited for it.
            "countersign 2 &\nwhile kill -0 $! 2>/dev/null; do sleep 0.1; done",
        ):
            with self.subTest(commands):
                self.setUp()
                self.assert_found(fence("sh", commands), "exit code 2 .usage error.: countersign 2")

    def test_a_call_in_the_background_that_is_wrong_is_found_at_the_end_of_the_page(self):
        self.assert_found(fence("sh", "{ sleep 0.3; countersign 2; } &"), r"^$|exit code 2")
        self.setUp()
        self.assert_found(fence("sh", "{ sleep 0.3; countersign 2; } &\n") + fence("sh", "sleep 1"), "exit code 2")

    def test_a_command_that_fails_is_found_unless_the_page_bears_it(self):
        self.assert_found(fence("sh", "countersign 1\necho on"), "exit code 1 of line 1 of the block: countersign 1")
        self.setUp()
        self.assert_found(fence("sh", "f() {\n  false\n}\nf\ntrue"), "exit code 1 of line")
        self.setUp()
        self.assert_found(fence("sh", "echo $unset"), "the shell exited")
        self.setUp()
        self.assert_fine(fence("sh", "countersign 1 || echo \"exit code $?\"") + fence("text", "called with 1\nexit code 1"))

    def test_another_exit_code_than_the_page_says_is_found(self):
        self.assert_fine(fence("sh", "countersign 11", "<!-- exit: 11 -->"))
        self.setUp()
        self.assert_found(fence("sh", "countersign 0", "<!-- exit: 11 -->"), "exit code 0, expected 11")

    def test_what_is_not_printed_is_found(self):
        self.assert_found(fence("sh", "countersign 0") + fence("text", "called by 0"), "`called by 0` was not printed")

    def test_a_shell_keeps_aliases_variables_and_its_folder_and_terminals_share_none(self):
        self.assert_fine(
            fence("sh", "mkdir -p down && cd down\nid=7\nalias c='countersign 0'")
            + fence("sh", "c $id; pwd") + fence("text", "called with 0 7\n…/down")
            + fence("sh", "type c || echo none; echo ${id:-none}", "<!-- terminal: 2 -->") + fence("text", "none\nnone"))

    def test_prompts_are_answered(self):
        self.assert_fine(fence("sh", "countersign ask", "<!-- answers: y -->") + fence("text", "Sure? [y/N] y\nyou said y"))
        self.setUp()
        self.assert_found(fence("sh", "countersign 0", "<!-- answers: y -->"), "no prompt")

    def test_what_stays_is_left_until_it_ends_or_is_interrupted(self):
        stays = fence("sh", "countersign stay", "<!-- until: ready -->")
        self.assert_fine(stays + fence("sh", "countersign 0", "<!-- terminal: 2 -->") + "\n<!-- Ctrl-C in terminal 1 -->\n")
        self.setUp()
        self.assert_fine(stays)
        self.setUp()
        self.assert_found(fence("sh", "countersign 0", "<!-- until: ready -->"), "exit code 0 before `ready` was printed")
        self.setUp()
        waits = fence("sh", "echo waits; sleep 1; countersign 1", "<!-- until: waits -->")
        self.assert_fine(waits + "\n<!-- terminal 1 ends: exit 1 -->\n" + fence("text", "called with 1"))
        self.setUp()
        self.assert_found(waits + "\n<!-- terminal 1 ends -->\n", "exit code 1, expected 0")

    def test_a_reader_who_comes_later_is_waited_for(self):
        self.assert_fine(fence("sh", "touch a & sleep 0.5; wait")
                         + fence("sh", "cat b && echo there", "<!-- once: mv a b 2> /dev/null || test -e b -->")
                         + fence("text", "there"))

    def test_nothing_stays_behind(self):
        self.assert_fine(fence("sh", "(trap '' TERM HUP; sleep 4711) &\nsleep 0.2"))
        self.assertNotIn("sleep 4711", subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout)


class Cargo(unittest.TestCase):
    """The stand-in for cargo: real cargo, real manifests without dependencies."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="countersign-docs-test.")
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)
        self.manifests = standins.manifests(run.ROOT, self.folder / "manifests")
        standins.executable(self.folder / "built" / "countersign", PROGRAM)

    def cargo(self, *args):
        stand_in = standins.cargo(self.folder / "cargo", self.manifests, self.folder / "built", self.folder / "target")
        return subprocess.run([stand_in, *args], capture_output=True, text=True, cwd=self.folder)

    def test_the_first_command_starts_countersign_and_leaves_it_where_a_build_would(self):
        ran = self.cargo("run", "--release", "--", "0", "--demo")
        self.assertEqual((ran.returncode, ran.stdout), (0, "called with 0 --demo\n"), ran.stderr)
        self.assertTrue((self.folder / "target" / "release" / "countersign").exists())

    def test_without_a_default_binary_it_fails_as_it_fails_for_a_reader(self):
        manifest = self.manifests / "cli" / "Cargo.toml"
        manifest.write_text(manifest.read_text().replace("default-run", "# default-run"))
        ran = self.cargo("run", "--release", "--", "serve", "--demo")
        self.assertIn("could not determine which binary to run", ran.stderr)
        self.assertNotEqual(ran.returncode, 0)


if __name__ == "__main__":
    unittest.main()
