"""Bash on a pseudo-terminal. Blocks are pasted into it, one after the other."""

import fcntl
import os
import re
import shutil
import signal
import struct
import subprocess
import termios
import threading
import time
from pathlib import Path

# Job control as in an interactive shell: without it bash starts background jobs with SIGINT ignored. The trap keeps
# the shell alive when Ctrl-C ends a command.
PREAMBLE = "shopt -s expand_aliases; set -m -E -u -o pipefail; trap : INT\n"
# Runs a block in the same shell, so that aliases, variables and jobs survive. Descriptor 8 gets the exit code and the
# line of each failed command that no `||` follows, then the exit code of the block. Not a loop: Ctrl-C would end it.
STEP = """trap 'echo "failed $? $LINENO" >&8' ERR
. '{file}'
__status=$?; trap - ERR; echo "ended $__status" >&8
"""
ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
# An unfinished line without new output for this long is a prompt.
PROMPT_SECONDS = 0.3
ROWS, COLUMNS = 50, 120


def _pipe():
    """A pipe with descriptors above 9: lower ones have a meaning in shell scripts."""
    ends = os.pipe()
    high = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 20) for end in ends)
    for end in ends:
        os.close(end)
    return high


def _own_terminal():
    """In the child process: takes the pseudo-terminal, and resets signals that were ignored when this program started."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


class TerminalError(Exception):
    """A block did not do what the page says."""


class Terminal:
    """One shell. `start` pastes a block, `wait` waits until it ends."""

    def __init__(self, folder, environment, work, root=None):
        """Starts the shell in `folder`. With `root`, all paths are below it, and it is `/` for the shell."""
        self._work = Path(work)
        self._work.mkdir(parents=True, exist_ok=True)
        self._root = root
        self._blocks = 0
        self._output = bytearray()
        self._began = 0
        self._changed = threading.Condition()
        self._events = []
        self._line = b""
        self._running = False
        blocks_read, self._blocks_write = _pipe()
        events_read, events_write = _pipe()
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        argv = ["bash", "--norc", "--noprofile", f"/dev/fd/{blocks_read}"]
        if root:
            argv = [shutil.which("chroot") or "/usr/sbin/chroot", str(root), "env", f"--chdir={self._inside(folder)}", *argv]
        self._process = subprocess.Popen(
            argv, stdin=slave, stdout=slave, stderr=slave, cwd=folder, env=environment, start_new_session=True,
            preexec_fn=_own_terminal, pass_fds=(blocks_read, events_write))
        self.pid = self._process.pid
        for descriptor in (blocks_read, events_write, slave):
            os.close(descriptor)
        self._tell(f"exec 8>&{events_write} {events_write}>&- {blocks_read}<&-\n{PREAMBLE}")
        self._threads = [
            threading.Thread(target=self._copy, args=(self._master, self._shown), daemon=True),
            threading.Thread(target=self._copy, args=(events_read, self._told), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _inside(self, path):
        return Path("/") / Path(path).relative_to(self._root) if self._root else Path(path)

    def _copy(self, descriptor, take):
        while True:
            try:
                data = os.read(descriptor, 65536)
            except OSError:
                data = b""
            with self._changed:
                take(data)
                self._changed.notify_all()
            if not data:
                break
        if descriptor != self._master:
            os.close(descriptor)

    def _shown(self, data):
        self._output += data

    def _told(self, data):
        *lines, self._line = (self._line + data).split(b"\n")
        self._events += [tuple(line.decode().split()) for line in lines]

    def output(self):
        """The output since the block began, without escape sequences."""
        with self._changed:
            raw = bytes(self._output[self._began :])
        text = ESCAPES.sub("", raw.decode(errors="replace"))
        return text.replace("\r\n", "\n").replace("\r", "\n")

    @property
    def running(self):
        """Whether a block is running."""
        return self._running

    def start(self, commands, before=""):
        """Pastes commands and presses Enter."""
        if self._running:
            raise TerminalError("the previous block is still running in this terminal")
        self._blocks += 1
        file = self._work / f"block-{self._blocks}.sh"
        file.write_text(before + commands)
        with self._changed:
            self._began = len(self._output)
            self._events.clear()
        self._running = True
        self._tell(STEP.format(file=self._inside(file)))

    def _tell(self, commands):
        """Sends commands to the shell itself."""
        os.write(self._blocks_write, commands.encode())

    def type(self, text):
        """Types text."""
        os.write(self._master, text.encode())

    def _ended(self):
        """`(exit code, failed commands)` if the block has ended, else `None`."""
        for event in self._events:
            if event[0] == "ended":
                failures = [(int(code), int(line)) for kind, code, line in (e for e in self._events if len(e) == 3)]
                self._running = False
                return int(event[1]), failures
        if self._process.poll() is not None:
            self._running = False
            raise TerminalError("the shell exited: an unset variable, `exit` or a syntax error")
        return None

    def until(self, text, seconds):
        """Waits until the output contains a text. Raises `TerminalError` if the block ends first, or after `seconds`."""
        give_up_at = time.monotonic() + seconds
        while text not in self.output():
            with self._changed:
                ended = self._ended()
                if ended is None:
                    if time.monotonic() > give_up_at:
                        raise TerminalError(f"`{text}` was not printed within {seconds} s")
                    self._changed.wait(0.1)
            if ended is not None and text not in self.output():
                raise TerminalError(f"exit code {ended[0]} before `{text}` was printed")

    def wait(self, seconds, answers=()):
        """Waits until the block ends, and answers its prompts. Returns `(exit code, failed commands)`."""
        answers = list(answers)
        give_up_at = time.monotonic() + seconds
        while True:
            with self._changed:
                ended = self._ended()
                if ended is not None:
                    # The last output may still be in the pseudo-terminal.
                    self._changed.wait(0.05)
                elif time.monotonic() > give_up_at:
                    raise TerminalError(f"still running after {seconds} s")
                else:
                    before = len(self._output)
                    self._changed.wait(PROMPT_SECONDS)
                    still = len(self._output) == before
            if ended is not None:
                if answers:
                    raise TerminalError(f"no prompt for the answers {answers}")
                return ended
            if still and answers and not self.output().endswith("\n") and self.output().rstrip().endswith(("]", "?", ")", ":")):
                self.type(answers.pop(0) + "\n")

    def close(self):
        """Terminates all processes of this terminal."""
        for number, patience in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
            give_up_at = time.monotonic() + patience
            while members := session(self.pid):
                for pid in members:
                    try:
                        os.kill(pid, number)
                    except ProcessLookupError:
                        pass
                if time.monotonic() > give_up_at:
                    break
                time.sleep(0.05)
        self._process.wait()
        os.close(self._blocks_write)
        for thread in self._threads:
            thread.join(5)
        os.close(self._master)


def session(leader):
    """The running processes of a session."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            # The program name is in brackets and may contain any character.
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except (OSError, ValueError):
            continue
        state, session_id = fields[0], int(fields[3])
        if session_id == leader and state != "Z":
            found.append(int(entry.name))
    return found
