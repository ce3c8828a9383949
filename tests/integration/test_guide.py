"""The officer's guide, followed from top to bottom as it is printed: python3 test_guide.py --bin BUILD/bin

In docs/PROVISIONING.md a block ```sh must succeed, one ```sh fails 9 must end with this status and
change nothing of the shell, and the lines of a block ```text stand in this order in what the command
block before it printed, `...` for anything. What fails must say why: such a block has its ```text."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest
from dataclasses import dataclass, field

import appliance

PROJECT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
GUIDE = os.path.join(PROJECT, "docs", "PROVISIONING.md")
FENCE = re.compile(r"^( *)```(\w+)((?: \w+)*)\n(.*?)^\1```$", re.M | re.S)
SECONDS = 240


@dataclass
class Block:
    line: int
    commands: str
    status: int = 0
    printed: list = field(default_factory=list)


def read_blocks(text):
    blocks = []
    for found in FENCE.finditer(text):
        indent, kind, words, body = found.groups()
        body = re.sub(rf"^{indent}", "", body, flags=re.M)
        line = text[:found.start()].count("\n") + 1
        if kind == "sh":
            fails = re.fullmatch(r"(?: fails (\d+))?", words)
            if not fails:
                raise AssertionError(f"line {line}: neither ```sh nor ```sh fails STATUS")
            blocks.append(Block(line, body, int(fails.group(1) or 0)))
        elif kind == "text":
            if any(not line.replace("...", "").strip() for line in body.splitlines()):
                raise AssertionError(f"line {line}: a line that any output has")
            blocks[-1].printed += body.splitlines()
    for block in blocks:
        if block.status != 0 and not block.printed:
            raise AssertionError(f"line {block.line}: fails, and the guide does not show what is printed")
    return blocks


def as_script(blocks):
    """One shell for all of them; each block's output in a file of its own."""
    parts = ["set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || :; wait' EXIT\n"]
    for number, block in enumerate(blocks):
        out = f'>"$OUT/{number}" 2>&1'
        if block.status == 0:
            parts.append(f"{{\n{block.commands}}} {out}\n: >\"$OUT/{number}.done\"\n")
        else:
            parts.append(f"set +e\n( set -e\n{block.commands}) {out}\nstatus=$?\nset -e\n"
                         f"[ $status -eq {block.status} ]\n: >\"$OUT/{number}.done\"\n")
    return "".join(parts)


def run(blocks, programs):
    """None, or what is wrong."""
    folder = os.path.realpath(tempfile.mkdtemp(prefix="nisim-guide-"))
    try:
        outputs, work = os.path.join(folder, "out"), os.path.join(folder, "work")
        os.mkdir(outputs)
        os.mkdir(work)
        environment = {"PATH": f"{programs}:{PROJECT}/scripts:/usr/bin:/bin:/usr/sbin:/sbin",
                       "HOME": work, "OUT": outputs, "LC_ALL": "C.UTF-8"}
        done = subprocess.run(["bash", "-c", as_script(blocks)], cwd=work, env=environment, text=True,
                              capture_output=True, check=False, timeout=SECONDS,
                              stdin=subprocess.DEVNULL, start_new_session=True)
        return judge(blocks, outputs, done)
    finally:
        shutil.rmtree(folder)


def judge(blocks, outputs, done):
    for number, block in enumerate(blocks):
        said = ""
        if os.path.exists(os.path.join(outputs, str(number))):
            with open(os.path.join(outputs, str(number)), encoding="utf-8", errors="replace") as file:
                said = file.read()
        if not os.path.exists(os.path.join(outputs, f"{number}.done")):
            return (f"line {block.line}: wanted status {block.status}; the shell ended with "
                    f"{done.returncode}\n{block.commands}\nprinted:\n{said}{done.stderr}")
        at = 0
        for wanted in block.printed:
            pattern = ".*".join(re.escape(part) for part in wanted.split("..."))
            found = re.compile(f"^{pattern}$", re.M).search(said, at)
            if not found:
                return f"line {block.line}: did not print in its place:\n{wanted}\nbut:\n{said}"
            at = found.end()
    return None if done.returncode == 0 else f"the shell ended with {done.returncode}: {done.stderr}"


class Runner(unittest.TestCase):
    """The test itself: what it must find."""

    def judge(self, text):
        return run(read_blocks(text), appliance.Case.programs)

    def test_good(self):
        self.assertIsNone(self.judge("```sh\na=1\n```\n1.  x\n\n    ```sh\n    echo a$a b\n    ```\n\n"
                                     "    ```text\n    a...b\n    ```\n```sh fails 3\necho why >&2\nexit 3\n```\n"
                                     "```text\nwhy\n```\n"))

    def test_a_block_that_fails(self):
        wrong = self.judge("```sh\ntrue\n```\n\n```sh\nfalse\ntrue\n```\n")
        self.assertIn("line 5: wanted status 0", wrong)
        self.assertIn("line 1: ", self.judge("```sh\nfalse | true\n```\n"))

    def test_a_block_that_should_fail(self):
        for commands in ("true", "exit 4", "false\nexit 3"):
            self.assertIn("wanted status 3",
                          self.judge(f"```sh fails 3\necho why\n{commands}\n```\n```text\nwhy\n```\n"))

    def test_a_block_that_fails_for_another_reason(self):
        self.assertIn("did not print in its place:\nthe PIN",
                      self.judge("```sh fails 3\necho the token >&2\nexit 3\n```\n```text\nthe PIN\n```\n"))
        with self.assertRaisesRegex(AssertionError, "line 5: fails, and the guide does not show"):
            self.judge("```sh\ntrue\n```\n\n```sh fails 3\nexit 3\n```\n")

    def test_another_output(self):
        self.assertIn("did not print in its place:\nkcv",
                      self.judge("```sh\necho kc\n```\n\n```text\nkcv ...\n```\n"))
        self.assertIn("did not print in its place:\na",
                      self.judge("```sh\necho a; echo b\n```\n\n```text\nb\na\n```\n"))
        for line in ("...", "... ...", ""):
            with self.assertRaisesRegex(AssertionError, "line 5: a line that any output has"):
                self.judge(f"```sh\necho a\n```\n\n```text\na\n{line}\n```\n")

    def test_a_mark_that_is_none(self):
        with self.assertRaisesRegex(AssertionError, "line 1"):
            self.judge("```sh fail\nfalse\n```\n")


class Guide(unittest.TestCase):
    def test_from_top_to_bottom(self):
        with open(GUIDE, encoding="utf-8") as file:
            text = file.read()
        blocks = read_blocks(text.replace("127.0.0.1:7443", f"127.0.0.1:{appliance.free_port()}"))
        self.assertGreater(len(blocks), 30)
        self.assertIsNone(run(blocks, appliance.Case.programs))


if __name__ == "__main__":
    appliance.main()
