"""A new KEK while the service runs: python3 test_kek.py --bin BUILD/bin"""

import contextlib
import json
import random
import re
import signal
import sqlite3
import subprocess
import threading
import time

import appliance
from appliance import Case, wait_for

MEMBERS = 40  # more than what a rotation does at once
WRAPPED = ("--residence", "wrapped", "--gba")
NAF = ("naf.example.com", "0100000002")
OK, SYNC_FAILURE = 0, 1  # PROTOCOL.md
STORE = 6  # nisim-token(1)


class Rotation(Case):
    @classmethod
    def prepare(cls, lab):
        cls.seq = 0
        cls.members = [appliance.subscriber(f"user-{i}", options=WRAPPED) for i in range(MEMBERS)]
        for who in cls.members:
            lab.add(who)
        text = lab.read("nisim.conf")
        lab.write("nisim.conf", text.replace('"apdu")', '"apdu", "gba")'))

    def setUp(self):
        self.lab = self.appliance

    def listed(self):
        done = subprocess.run(["pkcs11-tool", "--module", appliance.MODULE, "--token-label",
                               "nisim", "--login", "--pin", appliance.PIN, "--list-objects",
                               "--type", "secrkey"], check=True, capture_output=True, text=True,
                              env=self.lab.environment)
        return done.stdout

    def objects(self):
        return re.findall(r"label: +nisim KEK\n +ID: +(\w+)", self.listed())

    def keks(self):
        """Of the records."""
        shown = json.loads(self.lab.token("subscriber", "list", "--json").stdout)
        return {one["kek"] for one in shown}

    def fresh(self, who):
        type(self).seq += 1
        return who.auc.challenge(self.seq)

    def check_all(self):
        with self.lab.client() as client:
            for who in self.members:
                status = client.authenticate(who.user_ids[0], self.fresh(who)).status
                self.assertEqual(status, OK, who.user_ids)

    def check_one_kek(self):
        (kek,) = self.objects()
        self.assertEqual(self.keks(), {kek})
        return kek

    def test_under_load(self):
        """No request fails, whatever the moment."""
        faults, counts, stop = [], [0, 0], threading.Event()
        challenges = [[who.auc.challenge(1000 + i) for i in range(30)] for who in self.members[:8]]
        type(self).seq = 2000

        def ask(part):
            with self.lab.client() as client:
                while not stop.is_set():
                    for who, list_of in list(zip(self.members, challenges))[part::2]:
                        for challenge in list_of:
                            answer = client.authenticate(who.user_ids[0], challenge)
                            counts[part] += 1
                            if answer.status not in (OK, SYNC_FAILURE):
                                faults.append(answer.status)
        threads = [threading.Thread(target=ask, args=(part,)) for part in range(2)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(4):
                before = sum(counts)
                done = self.lab.token("kek", "rotate")
                self.assertIn(f"subscriptions re-wrapped {MEMBERS}", done.stdout)
                self.assertRegex(done.stdout, r"KEK \d+ destroyed")
                self.assertGreater(sum(counts), before)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual(faults, [])
        self.check_one_kek()
        self.assertEqual(self.lab.errors(), [])
        self.check_all()
        self.lab.restart()
        self.check_all()

    def naf_key(self, name):
        return self.lab.nisim("gba-naf", name, *NAF)

    def test_ks_of_gba(self):
        who, challenge = self.members[0], self.fresh(self.members[0])
        rand, autn = challenge.rand.hex(), challenge.autn.hex()
        status, shown = self.lab.nisim("gba-bootstrap", who.user_ids[0], rand, autn)
        self.assertEqual(status, appliance.DONE, shown)
        before = self.naf_key(who.user_ids[0])
        self.assertEqual(before[0], appliance.DONE, before)
        self.assertIn("GBA states 1", self.lab.token("kek", "rotate").stdout)
        self.assertEqual(self.naf_key(who.user_ids[0]), before)
        self.lab.restart()
        self.assertEqual(self.naf_key(who.user_ids[0]), before)
        # A run after a rotation is under the new one: the next rotation finds it there.
        self.lab.token("kek", "rotate")
        challenge = self.fresh(who)
        status, shown = self.lab.nisim("gba-bootstrap", who.user_ids[0], challenge.rand.hex(),
                                       challenge.autn.hex())
        self.assertEqual(status, appliance.DONE, shown)
        after = self.naf_key(who.user_ids[0])
        self.lab.restart()
        self.assertEqual(self.naf_key(who.user_ids[0]), after)
        self.assertNotEqual(after, before)

    def test_killed(self):
        """At any place: the next run ends what was begun, and every key works meanwhile."""
        chance = random.Random(7)
        command = [self.lab.program("nisim-token"), "kek", "rotate", "--config", "nisim.conf"]
        token_objects = self.lab.token_objects()
        for _ in range(12):
            with subprocess.Popen(command, cwd=self.lab.folder, env=self.lab.environment,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
                time.sleep(chance.uniform(0.02, 0.15))
                process.send_signal(signal.SIGKILL)
            self.lab.restore_token(token_objects)
            self.assertLessEqual(len(self.objects()), 2)
            self.check_soon()
        self.assertIn("in use", self.lab.token("kek", "rotate").stdout)
        self.check_one_kek()
        self.check_soon()

    def test_killed_while_objects_are_made(self):
        """The module makes an object in several steps: what is half made is no KEK, and goes with the next run."""
        command = [self.lab.program("nisim-token"), "kek", "rotate", "--config", "nisim.conf"]
        killed, number = True, 0
        while killed:
            number += 1
            token_objects = self.lab.token_objects(everything=True)
            done = subprocess.run(
                ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=ftruncate", "-e",
                 f"inject=ftruncate:signal=SIGKILL:when={number}", *command],
                cwd=self.lab.folder, check=False, capture_output=True,
                env=dict(self.lab.environment, ASAN_OPTIONS="detect_leaks=0"))
            killed = done.returncode == -signal.SIGKILL
            self.lab.restore_token(token_objects)
            self.assertLessEqual(len(self.objects()), 2)
            if killed:
                self.assertIn("in use", self.lab.token("kek", "rotate").stdout, number)
                self.check_one_kek()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertGreater(number, 5)
        self.check_one_kek()
        self.assertNotIn("in the making", self.listed())
        self.check_all()

    def check_soon(self):
        """A keeper that met an unknown KEK within its pause says so, and works a moment later."""
        who = self.members[-1]
        wait_for(lambda: self.lab.authenticate(who.user_ids[0], self.fresh(who))[0] ==
                 appliance.DONE, "an answer", seconds=30)

    def test_a_record_that_was_altered(self):
        """Its key might be wanted yet: the KEK that it needs stays."""
        lost = appliance.subscriber("lost", options=WRAPPED)
        self.lab.add(lost)
        with contextlib.closing(sqlite3.connect(self.lab.path("state/nisim.db"))) as store:
            store.execute("UPDATE subscription SET seal = zeroblob(32) WHERE row = "
                          "(SELECT row FROM name WHERE text = 'lost')")
            store.commit()
        done = self.lab.token("kek", "rotate", status=STORE)
        self.assertIn("left as it is: lost@ims.example.com: its record was altered", done.stderr)
        self.assertIn("the old KEK stays", done.stderr)
        self.assertEqual(len(self.objects()), 2)
        self.lab.token("subscriber", "remove", "lost", "--yes")
        self.assertIn("destroyed", self.lab.token("kek", "rotate").stdout)
        self.check_one_kek()
        self.check_all()

    def test_a_writer_that_is_late(self):
        """What was wrapped under the old KEK before a rotation is not written after it."""
        with contextlib.closing(sqlite3.connect(self.lab.path("state/nisim.db"))) as store:
            (old,) = store.execute("SELECT value FROM value WHERE name = 'kek'").fetchone() or (b"",)
            store.execute("REPLACE INTO value (name, value, seal) VALUES ('kek', ?, zeroblob(32))",
                          (b"\x7f\0\0\0",))
            store.commit()
            try:
                done = self.lab.token(
                    "subscriber", "add", "--user-id", "late", "--impi", "late@ims.example.com",
                    "--impu", "sip:late@ims.example.com", "--domain", appliance.DOMAIN,
                    "--key-file", "-", *WRAPPED, text=appliance.subscriber("late").key_file,
                    status=STORE)
                self.assertIn("the KEK was rotated meanwhile", done.stderr)
            finally:
                store.execute("DELETE FROM value WHERE name = 'kek'")
                if old:
                    store.execute("INSERT INTO value VALUES ('kek', ?, zeroblob(32))", (old,))
                store.commit()


if __name__ == "__main__":
    appliance.main()
