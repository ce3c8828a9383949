"""Whom a batch act was about, in the audit trail: python3 test_audit_parts.py --bin BUILD/bin"""

import collections
import contextlib
import json
import os
import resource
import signal
import sqlite3
import subprocess

import appliance
import importfile
from appliance import DONE

FAILED, USAGE, STORE = 1, 2, 6
TWO_BATCHES = 300  # lines; a batch of an import has 256
SYNCS_MOST = 40


class Parts(appliance.Case):
    """Each test has numbers of its own: they share a store."""
    next_number = 0
    is_started = False

    @classmethod
    def prepare(cls, lab):
        importfile.make_transport_key(lab)
        importfile.make_transport_key(lab, "hss", importfile.TRANSPORT, wraps=True)

    def lines(self, count):
        first = Parts.next_number
        Parts.next_number += count
        return [importfile.fields(importfile.subscriber(number, f"00101{number:010}"))
                for number in range(first, first + count)]

    def run_import(self, lines, *options, status=DONE, before=(), limit=None):
        """`before` goes before the command."""
        self.appliance.write("in.csv", importfile.csv(lines))
        done = subprocess.run(
            [*before, self.appliance.program("nisim-token"), "import", "in.csv", "--config", "nisim.conf",
             "--transport-key", importfile.KEY_NAME, *options], cwd=self.appliance.folder, text=True,
            env=dict(self.appliance.environment, ASAN_OPTIONS="detect_leaks=0"), timeout=120,
            capture_output=True, check=False, preexec_fn=limit)
        if status is not None:
            self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done

    def show(self, *arguments):
        done = self.appliance.token("audit", "show", "--json", "--writer", "officer", *arguments)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def parts(self, *arguments):
        return [one for one in self.show(*arguments) if one["kind"] == "part"]

    def stored(self):
        with contextlib.closing(sqlite3.connect(self.appliance.path("state/nisim.db"))) as store:
            names = store.execute("SELECT text FROM name")
            return {name for (name,) in names if "@" in name}

    def check(self):
        """Who is in the store has one record that says so, and nobody else has one."""
        came = collections.Counter(one["subscriber"] for one in self.parts()
                                   if one["operation"] == "import" and "outcome" not in one)
        self.assertEqual(set(came.values()) - {1}, set())
        self.assertEqual(set(came), self.stored())
        self.assertIn("as it was written", self.appliance.token("audit", "verify").stdout)

    def touch(self):
        """An act, after which the trail says what became of one that was killed."""
        self.appliance.token("subscriber", "disable", min(self.stored()))

    def test_who_is_not_added_has_none(self):
        lines = self.lines(4)
        self.run_import(lines[:1])
        lines[1]["kcv"] = "000000"
        self.run_import(lines[:2], "--again", status=FAILED)
        self.run_import(lines[2:], "--dry-run")
        lines[3]["kcv"] = "000000"
        self.run_import(lines[2:], "--all-or-nothing", status=FAILED)
        self.assertEqual(len(self.parts("--subscriber", lines[0]["impi"])), 1)
        for line in lines[1:]:
            self.assertEqual(self.parts("--subscriber", line["impi"]), [])
        self.check()

    def test_import(self):
        lines = self.lines(TWO_BATCHES)
        lines[7]["kcv"] = "000000"
        self.run_import(lines, status=FAILED)
        intent, *_, outcome = [one for one in self.show("--subscriber", "in.csv")
                               if one["kind"] in ("intent", "outcome")][-2:]
        (part,) = self.show("--subscriber", lines[299]["impi"])
        self.assertEqual((part["kind"], part["operation"], part["act"], part["detail"]),
                         ("part", "import", intent["record"], "line 301"))
        self.assertEqual((part["person"], outcome["act"]), (intent["person"], intent["record"]))
        self.assertRegex(outcome["detail"], "^299 subscribers, 1 lines refused, behind 0 of an earlier "
                                            "run; file SHA-256 [0-9a-f]{64}$")
        text = self.appliance.token("audit", "show", "--subscriber", lines[0]["impi"]).stdout
        self.assertRegex(text, rf"^\S+ officer \d+ part import {lines[0]['impi']} by {part['person']} "
                               rf"act {intent['record']}: line 2\n$")
        self.check()

    def test_killed_at_each_sync(self):
        """Of trail and store in turn, so also between the two."""
        status = -signal.SIGKILL
        for nth in range(1, SYNCS_MOST):
            status = self.run_import(self.lines(TWO_BATCHES), status=None, before=(
                "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync", "-e",
                f"inject=fdatasync:signal=KILL:when={nth}")).returncode
            if status == DONE:
                break
            self.assertEqual(status, -signal.SIGKILL)
            if self.stored():
                self.touch()
                self.check()
        self.assertEqual(status, DONE)
        self.assertTrue([one for one in self.parts() if one.get("outcome") == "WITHDRAWN"])

    def test_gone_on_after_a_kill(self):
        lines = self.lines(6 * TWO_BATCHES)
        for nth in (9, 11, 12):
            self.run_import(lines, status=-signal.SIGKILL, before=(
                "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync", "-e",
                f"inject=fdatasync:signal=KILL:when={nth}"))
        self.run_import(lines)
        self.assertLessEqual({line["impi"] for line in lines}, self.stored())
        self.check()

    def test_a_transaction_that_fails(self):
        """The parts of its batch are withdrawn at once."""
        lines = self.lines(2000)
        store = self.appliance.path("state/nisim.db")

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            most = max(os.path.getsize(store), os.path.getsize(store + "-wal")
                       if os.path.exists(store + "-wal") else 0) + 300_000
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

        self.run_import(lines, status=STORE, limit=limit)
        self.touch()
        self.check()
        self.run_import(lines)
        self.check()

    def test_export(self):
        lines = self.lines(3)
        self.run_import(lines)
        self.appliance.add(appliance.subscriber("resident"))
        command = ("export", "--format", "osmohlr", "--hss-key", "hss", "--output")
        before = len(self.parts())
        self.appliance.token(*command, "in.csv", status=USAGE)
        self.assertEqual(len(self.parts()), before)
        self.appliance.token(*command, "out")
        for line in lines:
            (part,) = [one for one in self.parts("--subscriber", line["impi"])
                       if one["operation"] == "export"]
            self.assertTrue(part["person"])
        self.assertEqual(self.parts("--subscriber", "resident@ims.example.com"), [])
        (outcome,) = [one for one in self.show("--outcome", "DONE") if one["operation"] == "export"]
        self.assertEqual((outcome["act"], outcome["detail"]),
                         (part["act"], f"{len(self.parts()) - before} subscribers, 1 left out"))
        self.appliance.token("subscriber", "remove", "resident", "--yes")

    def test_export_that_is_killed(self):
        """Before a secret is in the file, the record is in the trail."""
        self.run_import(self.lines(TWO_BATCHES))
        for nth in (1, 2, 3, 7):
            known = len(self.parts())
            done = subprocess.run(
                ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=write", "-P",
                 self.appliance.path("killed"), "-e", f"inject=write:signal=KILL:when={nth}",
                 self.appliance.program("nisim-token"), "export", "--format", "osmohlr", "--hss-key",
                 "hss", "--output", self.appliance.path("killed"), "--config", "nisim.conf"],
                cwd=self.appliance.folder, check=False, capture_output=True,
                env=dict(self.appliance.environment, ASAN_OPTIONS="detect_leaks=0"))
            self.assertEqual(done.returncode, -signal.SIGKILL, done.stderr)
            written = self.appliance.read("killed").count(" create\n")
            os.remove(self.appliance.path("killed"))
            self.assertGreaterEqual(len(self.parts()) - known, max(written, 1))
        self.touch()
        self.assertIn("as it was written", self.appliance.token("audit", "verify").stdout)

    def test_acts_on_all_say_how_many(self):
        self.run_import(self.lines(2))
        count = len(self.stored())
        self.appliance.token("kek", "rotate")
        self.appliance.token("state", "accept", "--yes")
        told = {one["operation"]: one["detail"] for one in self.show("--outcome", "DONE")
                if "detail" in one}
        self.assertRegex(told["kek rotate"], rf"^KEK \d+: {count} subscribers re-wrapped, 0 left")
        self.assertRegex(told["state accept"], rf"^{count} subscribers, of them altered 0, SEQ of each")


if __name__ == "__main__":
    appliance.main()
