"""Ended segments of the audit trail in another folder: python3 test_audit_archive.py --bin BUILD/bin"""

import json
import os
import shutil
import signal
import subprocess

import appliance
from appliance import DONE

FAILED, USAGE, STORE, TAKEN, NOT_APPROVED = 1, 2, 6, 7, 9
AUDIT = "state/nisim.db-audit"
CALLS_MOST = 80


class Archive(appliance.Case):
    is_started = False

    @classmethod
    def prepare(cls, lab):
        cls.alice = appliance.subscriber("alice")
        cls.seq = 0
        lab.add(cls.alice)
        lab.start()
        lab.stop()

    def setUp(self):
        self.lab = self.appliance
        self.to = self.lab.path("archive-" + self.id().rsplit(".", 1)[1])
        os.mkdir(self.to)
        self.make("keeper-0", 2)

    def make(self, writer, count):
        subprocess.run([os.path.join(self.programs, "..", "tests", "segments"), "nisim.conf", writer,
                        str(count)], cwd=self.lab.folder, env=self.lab.environment, check=True)

    def archive(self, status=DONE, to=None):
        done = self.lab.token("audit", "archive", to or self.to, status=status)
        return done.stdout + done.stderr

    def verify(self, *options, status=DONE):
        done = self.lab.token("audit", "verify", *options, status=status)
        return done.stdout + done.stderr

    def segments(self, folder, writer="keeper-0"):
        return sorted(int(name.rsplit(".", 1)[1]) for name in os.listdir(folder)
                      if name.rsplit(".", 1)[0] == writer)

    def here(self):
        return self.segments(self.lab.path(AUDIT))

    def assertGood(self):
        self.assertIn("as it was written", self.verify())

    def test_refusals(self):
        before = self.here()
        self.lab.write("file", "")
        for to, why in (("none", "No such file"), ("file", "is no folder"),
                        (AUDIT, "the folder of the audit trail itself")):
            self.assertIn(why, self.archive(USAGE, to))
        with open(os.path.join(self.to, f"keeper-0.{before[0]}"), "wb") as file:
            file.write(b"another")
        self.assertIn("is there already and is another", self.archive(TAKEN))
        self.assertEqual(self.here(), before)
        self.assertGood()

    def test_a_damaged_trail_stays(self):
        before = self.here()
        path = self.lab.path(f"{AUDIT}/keeper-0.{before[0]}")
        with open(path, "rb") as file:
            content = file.read()
        with open(path, "wb") as file:
            file.write(content[:60] + b"x" + content[61:])
        self.assertIn("NOT as it was written: nothing is archived", self.archive(FAILED))
        self.assertEqual((self.here(), self.segments(self.to)), (before, []))
        with open(path, "wb") as file:
            file.write(content)
        self.assertGood()

    def test_moved_and_joined(self):
        *ended, last = self.here()
        said = self.archive()
        self.assertIn(f"keeper-0: segments {ended[0]} to {ended[-1]}, up to record ", said)
        self.assertEqual((self.segments(self.to), self.here()), (ended, [last]))
        self.assertGood()
        self.assertIn("as it was written", self.verify("--from", self.to))
        self.assertIn("nothing is moved", self.archive())
        shown = self.lab.token("audit", "show", "--json", "--from", self.to).stdout
        self.assertGreater(len(shown.splitlines()), 20)
        told = [json.loads(line) for line in self.lab.token("audit", "show", "--json", "--writer",
                                                            "officer").stdout.splitlines()]
        parts = [one for one in told if one["kind"] == "part" and one["detail"].startswith("keeper-0: ")]
        self.assertIn(f"segments {ended[0]} to {ended[-1]}, up to record", parts[-1]["detail"])
        self.assertEqual(parts[-1]["operation"], "audit archive")

    def test_the_appliance_goes_on(self):
        self.lab.start()
        for _ in range(3):
            type(self).seq += 1
            challenge = self.alice.auc.challenge(self.seq)
            self.assertAccepted(self.lab.authenticate("alice", challenge), challenge)
            self.archive()
            self.assertGood()
        self.lab.restart()
        self.assertEqual(self.lab.lines("audit-resumed"), [])
        self.assertEqual(self.lab.stop(), DONE)
        self.assertGood()
        self.assertIn("as it was written", self.verify("--from", self.to))

    def test_what_others_remove_is_missed(self):
        self.archive()
        self.make("keeper-0", 2)
        first, *_ = self.here()
        for segment in (first, first + 1):
            path = self.lab.path(f"{AUDIT}/keeper-0.{segment}")
            os.rename(path, self.lab.path("taken"))
            said = self.verify(status=FAILED)
            self.assertIn("WRONG", said)
            self.assertIn(f"keeper-0.{segment}", said)
            self.archive(FAILED)
            os.rename(self.lab.path("taken"), path)
        self.assertGood()

    def test_what_is_changed_in_an_archive_is_found(self):
        self.archive()
        *_, last = self.segments(self.to)
        path = os.path.join(self.to, f"keeper-0.{last}")
        with open(path, "rb") as file:
            content = file.read()
        for changed in (content[:80] + b"x" + content[81:], content[:-1], content[:-200], b""):
            with open(path, "wb") as file:
                file.write(changed)
            self.assertIn("WRONG", self.verify("--from", self.to, status=FAILED))
        with open(path, "wb") as file:
            file.write(content)
        self.assertIn("as it was written", self.verify("--from", self.to))
        other = self.lab.path("not-archived")
        shutil.copytree(self.lab.path(AUDIT), other)
        self.assertIn("knows of no such archive", self.verify("--from", other, status=FAILED))
        shutil.rmtree(other)

    def test_killed_anywhere(self):
        """At each call that makes something durable, or removes: nothing is lost, and it goes on."""
        for call in ("fsync", "fdatasync", "rename", "unlink"):
            self.make("keeper-0", 2)
            whole = set(self.here())
            for nth in range(1, CALLS_MOST):
                done = subprocess.run(
                    ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e",
                     f"inject={call}:signal=KILL:when={nth}", self.lab.program("nisim-token"), "audit",
                     "archive", self.to, "--config", "nisim.conf"], cwd=self.lab.folder, check=False,
                    capture_output=True, env=dict(self.lab.environment, ASAN_OPTIONS="detect_leaks=0"))
                self.assertLessEqual(whole, set(self.here()) | set(self.segments(self.to)))
                self.assertGood()
                if done.returncode == DONE:
                    break
                self.assertEqual(done.returncode, -signal.SIGKILL, done.stderr)
                if nth % 3 == 0:
                    self.make("keeper-0", 1)
                    whole = set(self.here())
            self.assertEqual(done.returncode, DONE, done.stderr)
            self.assertEqual(len(self.here()), 1)
            self.assertIn("as it was written", self.verify("--from", self.to))

    def test_zz_it_takes_approval(self):
        subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out",
                        "olga.key"], cwd=self.lab.folder, check=True, capture_output=True)
        subprocess.run(["openssl", "pkey", "-in", "olga.key", "-pubout", "-out", "olga.pem"],
                       cwd=self.lab.folder, check=True, capture_output=True)
        os.chmod(self.lab.path("olga.key"), 0o600)
        self.lab.token("officer", "add", "olga", "--public-key", "olga.pem")
        self.lab.token("rule", "approvals", "1", "--officer", "olga=olga.key")
        before = self.here()
        self.archive(NOT_APPROVED)
        self.assertEqual(self.here(), before)
        self.lab.token("audit", "archive", self.to, "--officer", "olga=olga.key")
        self.assertEqual(len(self.here()), 1)
        self.assertGood()


if __name__ == "__main__":
    appliance.main()
