"""An old copy of the store is refused until it was made safe: python3 test_rollback.py --bin BUILD/bin"""

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import time

import appliance
from appliance import EXIT_OLD_STORE, EXIT_STORE, Case, is_alive, wait_for

ALICE, BOB = appliance.subscriber("alice"), appliance.subscriber("bob", ind_bits=0)
OLD_STORE = 10  # nisim-token(1)
USUAL_ADVANCE = 1 << 24
FILES = ("nisim.db", "nisim.db-wal", "nisim.db-shm")


class Rollback(Case):
    is_started = False

    def setUp(self):
        self.lab = appliance.Appliance(self.programs)
        self.addCleanup(self.lab.close)
        self.lab.init_laboratory()
        self.lab.add(ALICE)
        self.lab.add(BOB)
        self.configure(1)
        self.seq = 0
        self.seen = 0  # advances, before the last commit

    @classmethod
    def setUpClass(cls):
        pass

    def configure(self, interval):
        text = self.lab.read(self.lab.configure())
        self.lab.write("nisim.conf", text.replace('pin_file = "pin";', 'pin_file = "pin"; '
                                                  f'anchor_interval = {interval};'))

    def path(self, name):
        return self.lab.path(os.path.join("state", name))

    def copy_store(self, name):
        """As a backup program would, while the appliance runs."""
        with contextlib.closing(sqlite3.connect(self.path("nisim.db"))) as store, \
                contextlib.closing(sqlite3.connect(self.lab.path(name))) as copy:
            store.backup(copy)

    def put_back(self, name):
        for file in FILES:
            with contextlib.suppress(FileNotFoundError):
                os.remove(self.path(file))
        shutil.copyfile(self.lab.path(name), self.path("nisim.db"))

    def accept_one(self, who=ALICE):
        self.seq += 1
        self.seen = len(self.counters())
        challenge = who.auc.challenge(self.seq)
        self.assertAccepted(self.lab.authenticate(who.user_ids[0], challenge), challenge)
        return challenge

    def counters(self):
        return [int(line.rsplit("=", 1)[1]) for line in self.lab.lines("anchor-advanced")]

    def wait_for_advance(self):
        """After the last commit: at a request to keeper 0, or at its watch over an idle token."""
        with self.lab.client() as client:
            wait_for(lambda: self.poke(client) or len(self.counters()) > self.seen, "an advance",
                     seconds=45)  # less than anchor_interval usually is

    @staticmethod
    def poke(client):
        """One of them is asked of keeper 0."""
        for name in ("alice", "bob", "carol", "dave"):
            client.identity(name)
        time.sleep(0.1)

    def expect_refusal(self, *words, status=EXIT_OLD_STORE, event="store-refused"):
        process = self.lab.spawn()
        self.assertEqual(process.wait(timeout=60), status, self.lab.log())
        (line,) = self.lab.lines(event)
        for word in words:
            self.assertIn(word, line)
        self.assertEqual(len(self.lab.lines(event)), 1, "not started again")
        return line

    def make_old(self):
        """Leaves yesterday's store in place; gives a challenge that was accepted after it."""
        self.lab.start()
        self.accept_one()
        self.accept_one(BOB)
        self.copy_store("yesterday.db")
        captured = [(who, self.accept_one(who)) for who in (ALICE, BOB)]
        self.wait_for_advance()
        self.assertEqual(self.lab.stop(), 0)
        self.put_back("yesterday.db")
        return captured

    def test_yesterdays_store(self):
        captured = self.make_old()
        self.expect_refusal("older than what this token has seen", "nisim-token state accept",
                            "store_counter=", "token_counter=")
        self.check_tool_refuses("older than what this token has seen")
        done = self.lab.token("state", "accept", "--yes")
        self.assertIn("SQN states moved on: 2", done.stdout)
        self.assertIn("older than what this token has seen", done.stderr)
        self.lab.start()
        for who, challenge in captured:
            highest = self.seq if who is BOB else self.seq - 2
            self.check_resynchronisation(who, challenge, highest)
        self.check_was_refused_for_ever()

    def check_tool_refuses(self, text):
        bob = BOB.user_ids[0]
        with sqlite3.connect(f"file:{self.path('nisim.db')}?mode=ro", uri=True) as store:
            before = list(store.execute("SELECT * FROM subscription"))
            for verb in (("subscriber", "disable", bob), ("subscriber", "remove", bob, "--yes")):
                done = self.lab.token(*verb, status=OLD_STORE)
                self.assertIn(text, done.stderr)
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.lab.add(appliance.subscriber("carol"), status=OLD_STORE)
            self.assertEqual(list(store.execute("SELECT * FROM subscription")), before)
        self.assertIn(text, self.lab.token("subscriber", "list").stderr)

    def check_resynchronisation(self, who, captured, highest):
        """A used challenge from after the copy, then what the network makes of its AUTS."""
        status, shown = self.lab.authenticate(who.user_ids[0], captured)
        self.assertEqual(status, appliance.SYNC_FAILURE, shown)
        sqn_ms = who.auc.sqn_ms(captured.rand, bytes.fromhex(shown["auts"]))
        seq_ms = sqn_ms >> who.ind_bits
        self.assertGreaterEqual(seq_ms, USUAL_ADVANCE + 1)
        self.assertLessEqual(seq_ms, USUAL_ADVANCE + highest)
        for ind in range(1 << who.ind_bits):
            late = who.auc.challenge(seq_ms, ind)
            self.assertEqual(self.lab.authenticate(who.user_ids[0], late)[0],
                             appliance.SYNC_FAILURE)
        fresh = who.auc.challenge(seq_ms + 1)
        self.seen = len(self.counters())
        self.assertAccepted(self.lab.authenticate(who.user_ids[0], fresh), fresh)
        self.assertEqual(self.lab.authenticate(who.user_ids[0], captured)[0],
                         appliance.SYNC_FAILURE)

    def check_was_refused_for_ever(self):
        """The copy does not become good because another was accepted."""
        self.wait_for_advance()
        self.assertEqual(self.lab.stop(), 0)
        self.put_back("yesterday.db")
        self.expect_refusal("works with another store")

    def test_under_a_running_appliance(self):
        """A keeper that starts anew meets the old store: the appliance ends, and says why."""
        self.lab.start()
        self.accept_one()
        self.copy_store("yesterday.db")
        self.accept_one()
        self.wait_for_advance()
        with contextlib.closing(sqlite3.connect(self.lab.path("yesterday.db"))) as old, \
                contextlib.closing(sqlite3.connect(self.path("nisim.db"))) as store:
            old.backup(store)
        os.kill(self.lab.children()["keeper-1"], 9)
        self.assertEqual(self.lab.process.wait(timeout=60), EXIT_OLD_STORE, self.lab.log())
        self.assertEqual(len(self.lab.lines("store-refused", "keeper-1")), 1)
        self.assertEqual(self.lab.lines("start-failed")[0].count("not tried again"), 1)

    def test_what_a_crash_leaves(self):
        """All processes killed at once, at any time: the next start finds nothing wrong."""
        for _ in range(5):
            self.lab.start()
            self.accept_one()
            children = self.lab.children()
            for pid in (self.lab.process.pid, *children.values()):
                with contextlib.suppress(ProcessLookupError):  # children end with nisimd
                    os.kill(pid, 9)
            self.lab.process.wait()
            wait_for(lambda pids=children.values(): not any(map(is_alive, pids)), "the end")
        self.lab.start()
        self.accept_one()
        self.assertEqual(self.lab.lines("token-old"), [])

    def test_an_idle_appliance_leaves_the_token_alone(self):
        self.lab.start()
        self.accept_one()
        self.wait_for_advance()
        self.wait_until_quiet()
        counters = self.counters()
        time.sleep(11)  # two rounds of an idle keeper's watch
        self.assertEqual(self.counters(), counters)

    def wait_until_quiet(self):
        time.sleep(6)

    def test_either_keepers_commit_counts(self):
        """Keeper 0 notes what keeper 1, or nisim-token, has committed."""
        self.lab.start()
        for _ in range(3):
            self.accept_one()
            self.accept_one(BOB)
            self.wait_for_advance()
        self.seen = len(self.counters())
        self.lab.token("subscriber", "disable", BOB.user_ids[0])
        self.wait_for_advance()
        self.assertEqual(self.counters(), sorted(set(self.counters())))

    def test_an_officers_act_counts(self):
        """A copy from before a removal, put back, would bring the subscriber back."""
        self.copy_store("before.db")
        self.lab.token("subscriber", "remove", BOB.user_ids[0], "--yes")
        self.put_back("before.db")
        self.expect_refusal("older than what this token has seen")

    def test_an_old_copy_of_schema_1(self):
        """That a tool brings it up to date makes it no newer, however often it is refused."""
        self.copy_store("before.db")
        self.lab.token("subscriber", "remove", BOB.user_ids[0], "--yes")
        self.put_back("before.db")
        for _ in range(3):
            with contextlib.closing(sqlite3.connect(self.path("nisim.db"))) as store:
                store.executescript("DROP TABLE edition; DROP TRIGGER record_changed; DROP TRIGGER"
                                    " record_removed; DROP TRIGGER name_changed; DROP TRIGGER"
                                    " name_removed; PRAGMA user_version = 1")
            self.lab.token("subscriber", "disable", BOB.user_ids[0], status=OLD_STORE)
        self.expect_refusal("older than what this token has seen")

    def test_another_store(self):
        """One of the same token's that was accepted in another place has another id."""
        self.copy_store("twin.db")
        self.lab.token("state", "accept", "--yes")
        self.put_back("twin.db")
        self.expect_refusal("works with another store")
        self.check_tool_refuses("works with another store")

    def test_a_token_put_back(self):
        """The other way round there is no danger, and a warning."""
        shutil.copytree(self.lab.path("tokens"), self.lab.path("old-tokens"))
        for _ in range(3):
            self.lab.token("subscriber", "disable", BOB.user_ids[0])
        shutil.rmtree(self.lab.path("tokens"))
        os.rename(self.lab.path("old-tokens"), self.lab.path("tokens"))
        self.lab.start()
        self.assertIn("was the token put back", self.lab.lines("token-old", "keeper-0")[0])
        self.accept_one()

    def test_a_store_without_its_mark(self):
        self.change_store("DELETE FROM value WHERE name = 'anchor'")
        self.expect_refusal("holds no mark", status=EXIT_STORE)
        self.lab.token("state", "accept", "--yes")
        self.lab.start()

    def test_an_edited_mark(self):
        """The counter turned up: the seal shows it."""
        self.change_store("UPDATE value SET value = zeroblob(48) WHERE name = 'anchor'")
        self.expect_refusal("not as this token sealed it", status=EXIT_STORE)
        self.change_store("UPDATE value SET value = x'00' WHERE name = 'anchor'")
        self.expect_refusal("not as this token sealed it", status=EXIT_STORE)

    def change_store(self, sql):
        with contextlib.closing(sqlite3.connect(self.path("nisim.db"))) as store:
            store.execute(sql)
            store.commit()

    def torn_objects(self):
        (folder,) = os.listdir(self.lab.path("tokens"))
        return [name for name in os.listdir(self.lab.path(os.path.join("tokens", folder)))
                if name.endswith(".object") and
                os.path.getsize(self.lab.path(os.path.join("tokens", folder, name))) == 0]

    def test_killed_while_it_is_written(self):
        """The module empties an object's file before it writes it: the other copy says enough."""
        program, objects = self.lab.program("nisim-token"), self.lab.token_objects()
        number, killed, torn = 0, True, set()
        while killed:
            number += 1
            verb = ("disable", "enable")[number % 2]
            done = subprocess.run(
                ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=write", "-e",
                 f"inject=write:signal=KILL:when={number}", program, "subscriber", verb, "alice",
                 "--config", "nisim.conf"], cwd=self.lab.folder, check=False, capture_output=True,
                env=dict(self.lab.environment, ASAN_OPTIONS="detect_leaks=0"))
            killed = done.returncode == -signal.SIGKILL
            self.lab.restore_token(objects)
            torn.update(self.torn_objects())
            self.lab.token("subscriber", "show", "alice")
            self.lab.token("subscriber", verb, "alice")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(torn)
        self.lab.token("subscriber", "enable", "alice")
        self.lab.start()
        self.accept_one()

    def test_a_token_without_its_object(self):
        self.destroy_anchor()
        self.expect_refusal("has no object 'nisim anchor'")
        self.lab.token("state", "accept", "--yes")
        self.lab.start()

    def destroy_anchor(self):
        for _ in range(2):  # of which the older one is overwritten
            subprocess.run(["pkcs11-tool", "--module", appliance.MODULE, "--login", "--pin",
                            appliance.PIN, "--delete-object", "--type", "data",
                            "--application-label", "nisim anchor"], check=True, capture_output=True,
                           env=self.lab.environment)

    def test_state_accept_asks(self):
        before = self.states()
        for arguments, status in ((("--advance", "0", "--yes"), 2), ((), 2),
                                  (("--advance", str(1 << 43), "--yes"), 2),
                                  (("--advance", "x", "--yes"), 2)):
            done = self.lab.token("state", "accept", *arguments, status=status)
            self.assertTrue(done.stderr.startswith("nisim-token: "), done.stderr)
            self.assertEqual(done.stdout, "")
        self.assertEqual(self.states(), before)

    def states(self):
        with contextlib.closing(sqlite3.connect(self.path("nisim.db"))) as store:
            return list(store.execute("SELECT * FROM sqn")) + list(store.execute(
                "SELECT * FROM value WHERE name NOT LIKE 'audit/%'"))

    def test_an_altered_record(self):
        """Its state moves on like the others': the record may be put right later."""
        self.change_store("UPDATE subscription SET seal = zeroblob(32) WHERE row = 1")
        done = self.lab.token("state", "accept", "--yes")
        self.assertIn("records not as they were sealed: 1", done.stderr)
        self.assertIn("SQN states moved on: 2", done.stdout)
        self.change_store("UPDATE subscription SET seal = zeroblob(32)")
        before = self.states()
        done = self.lab.token("state", "accept", "--yes", status=6)
        self.assertIn("belongs to another", done.stderr)
        self.assertEqual(self.states(), before)

    def test_a_token_that_is_not_writable(self):
        """The appliance serves, and says that it can't note how far the store has come."""
        self.configure(86400)
        (folder,) = os.listdir(self.lab.path("tokens"))
        os.chmod(self.lab.path(os.path.join("tokens", folder)), 0o500)
        for file in os.listdir(self.lab.path(os.path.join("tokens", folder))):
            os.chmod(self.lab.path(os.path.join("tokens", folder, file)), 0o400)
        if os.access(self.lab.path(os.path.join("tokens", folder)), os.W_OK):
            self.skipTest("root writes everywhere")
        try:
            self.lab.start()
            self.accept_one()
            self.assertEqual(len(self.lab.lines("anchor-failing", "keeper-0")), 1)
        finally:
            os.chmod(self.lab.path(os.path.join("tokens", folder)), 0o700)


if __name__ == "__main__":
    appliance.main()
