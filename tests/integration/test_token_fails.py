"""A token that is full, or taken out, in the midst of an act: python3 test_token_fails.py --bin BUILD/bin"""

import collections
import contextlib
import fcntl
import json
import os
import signal
import sqlite3
import subprocess

import appliance
import importfile
from appliance import DONE
from test_backup import KEY, bring_key

FAILED, TAKEN = 1, 7
CALLS_MOST = 400
KINDS = ("full", "removed")
SAYS = {"full": "CKR_DEVICE_MEMORY", "removed": "CKR_DEVICE_REMOVED", "absent": "CKR_TOKEN_NOT_PRESENT"}
# What may stand beside the line that says what failed.
BESIDE = ("CLEAR-TEXT LABORATORY IMPORT", "how this ended is not in the audit trail",
          "run it again to go on from there", "in the token until the next run", "nothing is changed",
          "this is done, but", "the token has seen less than this store", "that the store did not confirm",
          "not in the audit trail yet")


class Fails(appliance.Case):
    is_started = False

    @classmethod
    def prepare(cls, lab):
        importfile.make_transport_key(lab)
        module = os.path.join(cls.programs, "..", "tests", "libfailing_module.so")
        lab.configure(file="fails.conf", module=module)

    def setUp(self):
        self.lab = self.appliance

    def run_failing(self, order, *arguments, text=""):
        """Status, lines of standard error, and whether it came to the failure."""
        mark = self.lab.path("mark")
        done = subprocess.run([self.lab.program("nisim-token"), *arguments, "--config", "fails.conf"],
                              input=text, text=True, timeout=120, capture_output=True, check=False,
                              cwd=self.lab.folder, start_new_session=True,
                              env=dict(self.lab.environment, NISIM_FAILS=order, NISIM_FAILS_MARK=mark))
        is_failed = os.path.exists(mark)
        if is_failed:
            os.remove(mark)
        return done.returncode, done.stderr.splitlines(), is_failed

    def objects(self):
        """SoftHSM has a file for each."""
        return sum(name.endswith(".object") for _, _, names in os.walk(self.lab.path("tokens"))
                   for name in names)

    def stored(self):
        with contextlib.closing(sqlite3.connect(self.lab.path("state/nisim.db"))) as store:
            return {name for (name,) in store.execute("SELECT text FROM name") if "@" in name}

    def each_failure(self, *arguments, text="", kinds=KINDS, beside=()):
        """Runs it to fail at one call after the other, and yields behind each run; one that does not
        fail is the last."""
        for kind in kinds:
            for nth in range(1, CALLS_MOST):
                status, lines, is_failed = self.run_failing(f"{kind}:{nth}", *arguments, text=text)
                where = f"{kind}:{nth}: {status} {lines}"
                if not is_failed:
                    self.assertEqual(status, DONE, where)
                    yield kind, status, where
                    break
                if status != DONE:
                    self.check_words(kind, status, lines, where, beside)
                yield kind, status, where
            else:
                self.fail(where)

    def check_words(self, kind, status, lines, where, beside):
        self.assertEqual(status, FAILED, where)
        causes = [line for line in lines if "CKR_" in line]
        self.assertEqual(len(causes), 1, where)
        self.assertIn(SAYS[kind], causes[0], where)
        for line in set(lines) - set(causes):
            self.assertTrue(any(part in line for part in (*BESIDE, *beside)), where)

    def check_trail(self):
        self.assertIn("as it was written", self.lab.token("audit", "verify").stdout)


class Add(Fails):
    def check_add(self, who, objects, **how):
        """`objects`: how many it has in the token."""
        before = self.objects()
        command = ["subscriber", "add", "--user-id", who.user_ids[0], "--impi", who.impi, "--impu",
                   "sip:" + who.impi, "--domain", who.domain, "--key-file", "-", *who.options]
        for kind, status, where in self.each_failure(*command, text=who.key_file, **how):
            is_in = who.impi in self.stored()
            if kind == "full" and not is_in:
                self.assertEqual(self.objects(), before, where)
            self.assertTrue(is_in or status != DONE, where)
            self.lab.add(who, status=TAKEN if is_in else DONE)
            self.assertEqual(self.objects(), before + objects, where)
            self.lab.token("subscriber", "remove", who.impi, "--yes")
            self.assertEqual(self.objects(), before, where)
        self.check_trail()

    def test_resident(self):
        self.check_add(appliance.subscriber("alice"), 2)

    def test_wrapped(self):
        self.check_add(appliance.subscriber("bob", options=("--residence", "wrapped")), 0)

    def test_digest(self):
        self.lab.write("password", "correct horse\n")
        self.check_add(appliance.subscriber("dora", options=("--digest-password-file", "password")), 5,
                       beside=("CLEAR-TEXT IMPORT",))

    def test_rotate_key_and_remove(self):
        who = appliance.subscriber("eve")
        self.lab.add(who)
        before = self.objects()
        self.lab.write("key", appliance.subscriber("eve2").key_file)
        for _ in self.each_failure("subscriber", "rotate-key", who.impi, "--key-file", "key"):
            self.lab.token("subscriber", "rotate-key", who.impi, "--key-file", "key")
            self.assertEqual(self.objects(), before)
        for _, _, where in self.each_failure("subscriber", "remove", who.impi, "--yes"):
            if who.impi not in self.stored():
                self.lab.add(who)
            self.assertEqual(self.objects(), before, where)


class Killed(Fails):
    """With objects in the token that no row names yet: at the sync that follows them."""

    def kill_add(self, who):
        done = subprocess.run(
            ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=sync", "-e",
             "inject=sync:signal=KILL:when=1", self.lab.program("nisim-token"), "subscriber", "add",
             "--user-id", who.user_ids[0], "--impi", who.impi, "--impu", "sip:" + who.impi, "--domain",
             who.domain, "--key-file", "-", "--config", "nisim.conf"], input=who.key_file, text=True,
            cwd=self.lab.folder, check=False, capture_output=True,
            env=dict(self.lab.environment, ASAN_OPTIONS="detect_leaks=0"))
        self.assertEqual(done.returncode, -signal.SIGKILL, done.stderr)

    def test_the_next_act_destroys_them(self):
        other, who = appliance.subscriber("frank"), appliance.subscriber("grace")
        self.lab.add(other)
        before = self.objects()
        self.kill_add(who)
        self.assertEqual(self.objects(), before + 2)
        done = self.lab.token("subscriber", "disable", "frank")
        self.assertIn(f"2 objects of {who.impi} that an earlier run left in the token are destroyed",
                      done.stderr)
        self.assertEqual(self.objects(), before)
        self.assertEqual(self.lab.token("subscriber", "enable", "frank").stderr, "")
        self.lab.add(who)
        self.assertEqual(self.objects(), before + 2)

    def test_not_while_another_makes_some(self):
        who = appliance.subscriber("henry")
        before = self.objects()
        self.kill_add(who)
        with open(self.lab.path("state/nisim.db-making"), "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            self.lab.add(who)
            self.assertEqual(self.objects(), before + 4)
        self.kill_add(appliance.subscriber("irene"))
        self.lab.token("subscriber", "disable", "henry")
        self.assertEqual(self.objects(), before + 2)

    def test_an_altered_note_destroys_nothing(self):
        who = appliance.subscriber("john")
        before = self.objects()
        self.kill_add(who)
        with contextlib.closing(sqlite3.connect(self.lab.path("state/nisim.db"))) as store:
            (seal,) = store.execute("SELECT seal FROM value WHERE name LIKE 'making/%'").fetchone()
            store.execute("UPDATE value SET seal = zeroblob(32) WHERE name LIKE 'making/%'")
            store.commit()
            self.lab.add(appliance.subscriber("kate"))
            self.assertEqual(self.objects(), before + 4)
            store.execute("UPDATE value SET seal = ? WHERE name LIKE 'making/%'", (seal,))
            store.commit()
        self.lab.token("subscriber", "disable", "kate")
        self.assertEqual(self.objects(), before + 2)


class Import(Fails):
    def check_import(self, name, count, objects, *options):
        before, nth = self.objects(), 0
        people = [importfile.subscriber(number, f"{name}{number}") for number in range(count)]
        self.lab.write("in.csv", importfile.csv([importfile.fields(who) for who in people]))
        command = ("import", "in.csv", "--transport-key", importfile.KEY_NAME, *options)
        for kind, _, where in self.each_failure(*command):
            if kind == "full" and not self.stored():
                self.assertEqual(self.objects(), before, where)
            self.lab.token(*command)
            self.assertEqual(self.stored(), {who.impi for who in people}, where)
            self.assertEqual(self.objects(), before + objects * count, where)
            self.check_parts(people, where)
            for who in people:
                self.lab.token("subscriber", "remove", who.impi, "--yes")
            self.assertEqual(self.objects(), before, where)
            nth += 1
            self.lab.write("in.csv", importfile.csv([importfile.fields(who) for who in people]) + "\n" * nth)
        self.check_trail()

    def check_parts(self, people, where):
        shown = self.lab.token("audit", "show", "--json", "--writer", "officer").stdout
        found = collections.Counter()
        for one in map(json.loads, shown.splitlines()):
            if one["kind"] == "part" and "outcome" not in one:
                found[one["subscriber"]] += 1
            if one["kind"] == "outcome" and one["operation"] == "subscriber remove":
                found[one["subscriber"]] -= 1
        self.assertEqual([found[who.impi] for who in people], [1] * len(people), where)

    def test_wrapped(self):
        self.check_import("w", 2, 0)

    def test_resident(self):
        self.check_import("r", 2, 2, "--residence", "resident")


class Rotate(Fails):
    @classmethod
    def prepare(cls, lab):
        super().prepare(lab)
        cls.members = [appliance.subscriber(f"m{i}", options=("--residence", "wrapped")) for i in range(3)]
        for who in cls.members:
            lab.add(who)

    def test_kek_rotate(self):
        before = self.objects()
        for _, status, where in self.each_failure("kek", "rotate"):
            if status != DONE:
                self.lab.token("kek", "rotate")
            self.assertEqual(self.objects(), before, where)
            shown = self.lab.token("subscriber", "list")
            self.assertNotIn("NO-KEK", shown.stdout, where)
        self.check_trail()
        self.lab.start()
        for who in self.members:
            challenge = who.auc.challenge(1)
            self.assertAccepted(self.lab.authenticate(who.user_ids[0], challenge), challenge)
        self.lab.stop()


class Backup(Fails):
    @classmethod
    def prepare(cls, lab):
        super().prepare(lab)
        lab.add(appliance.subscriber("alice", options=("--residence", "wrapped")))
        bring_key(lab, "b", KEY)

    def test_backup(self):
        before = self.objects()
        for _, status, where in self.each_failure("backup", "copy", "--backup-key", "b", kinds=SAYS):
            is_done = status == DONE or "how this ended is not in" in where or "this is done" in where
            self.assertLessEqual(os.path.exists(self.lab.path("copy")), is_done, where)
            self.assertFalse(os.path.exists(self.lab.path("copy.partial")), where)
            self.assertEqual(self.objects(), before, where)
            if not os.path.exists(self.lab.path("copy")):
                self.lab.token("backup", "copy", "--backup-key", "b")
            os.remove(self.lab.path("copy"))
        self.check_trail()


if __name__ == "__main__":
    appliance.main()
