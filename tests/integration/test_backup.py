"""Backup while the service runs, and restore: python3 test_backup.py --bin BUILD/bin"""

import contextlib
import json
import os
import random
import shutil
import stat
import subprocess
import threading
import time

import appliance
from appliance import EXIT_OLD_STORE, Case
from test_ways import kcv_of

WRAPPED = ("--residence", "wrapped")
ALICE = appliance.subscriber("alice", options=WRAPPED)
CAROL = appliance.subscriber("carol", ind_bits=0, options=WRAPPED + ("--gba",))
BOB = appliance.subscriber("bob")
KEY, OTHER_KEY = (bytes(range(32)), b"k" * 32), (bytes(range(1, 33)), b"o" * 32)
FAILED, USAGE, STORE, TAKEN = 1, 2, 6, 7  # nisim-token(1)
MAGIC = b"nisim backup 1\n"
PREAMBLE = len(MAGIC) + 40
STORE_FILES = ("nisim.db", "nisim.db-wal", "nisim.db-shm", "nisim.db-turn",
               "nisim.db-login-turn")


def bring_key(lab, name, parts):
    """By components, as officers of two sites do."""
    files = []
    for number, part in enumerate(parts):
        lab.write(f"part-{number}", f"COMPONENT={part.hex()}\nKCV={kcv_of(part)}\n")
        files += ["--component-file", f"part-{number}"]
    lab.token("backup-key", "components", name, *files)


def bring_second(lab, name):
    """One more of the name, which no verb makes."""
    subprocess.run(["pkcs11-tool", "--module", appliance.MODULE, "--token-label", "nisim",
                    "--login", "--pin", appliance.PIN, "--keygen", "--key-type", "AES:32",
                    "--usage-wrap", "--private", "--sensitive", "--label", "nisim backup " + name],
                   check=True, capture_output=True, env=lab.environment)


def records(whole):
    """The pieces that a backup's records are."""
    at, found = PREAMBLE, []
    while at < len(whole):
        end = at + 5 + int.from_bytes(whole[at + 1:at + 5], "big") + 32
        found.append(whole[at:end])
        at = end
    return found


class Backup(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.seq = 100
        for who in (ALICE, CAROL, BOB):
            cls.use(cls.appliance, who)
        done = cls.appliance.token("backup", "good.backup", "--backup-key", "b")
        cls.said = done.stdout + done.stderr
        with open(cls.appliance.path("good.backup"), "rb") as file:
            cls.good = file.read()

    @classmethod
    def prepare(cls, lab):
        cls.equip(lab)
        for who in (ALICE, CAROL, BOB):
            lab.add(who)
        lab.write("password", "secret of dave\n")
        lab.token("subscriber", "add", "--user-id", "dave", "--impi", "dave@ims.example.com",
                  "--impu", "sip:dave@ims.example.com", "--domain", appliance.DOMAIN,
                  "--digest-password-file", "password")

    @staticmethod
    def equip(lab):
        bring_key(lab, "b", KEY)
        bring_key(lab, "other", OTHER_KEY)

    @classmethod
    def use(cls, lab, who):
        """A challenge that is used up by this."""
        cls.seq += 1
        challenge = who.auc.challenge(cls.seq)
        status, shown = lab.authenticate(who.user_ids[0], challenge)
        if status != appliance.DONE:
            raise AssertionError(shown)
        return challenge

    def second(self):
        """Another token with the same backup key, no store."""
        lab = appliance.Appliance(self.programs)
        self.addCleanup(lab.close)
        lab.init("--laboratory")
        self.equip(lab)
        self.remove_store(lab)
        self.place(lab, self.good)
        return lab

    @staticmethod
    def place(lab, content):
        with open(lab.path("a.backup"), "wb") as file:
            file.write(content)

    @staticmethod
    def remove_store(lab):
        for name in STORE_FILES:
            with contextlib.suppress(FileNotFoundError):
                os.remove(lab.path(os.path.join("state", name)))

    def restore(self, lab, status=0, key="b", file="a.backup"):
        done = lab.token("restore", file, "--backup-key", key, status=status)
        if status != 0:
            self.assertEqual(done.stdout, "")
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertTrue(done.stderr.startswith("nisim-token: "), done.stderr)
        return done

    def accept(self, lab):
        self.assertEqual(lab.spawn().wait(timeout=60), EXIT_OLD_STORE, lab.log())
        lab.token("state", "accept", "--yes")
        lab.start()

    def check_back(self, lab, who, used):
        """Used challenges are answered with AUTS; what the network makes of it is accepted."""
        status, shown = lab.authenticate(who.user_ids[0], used)
        self.assertEqual(status, appliance.SYNC_FAILURE, shown)
        sqn_ms = who.auc.sqn_ms(used.rand, bytes.fromhex(shown["auts"]))
        fresh = who.auc.challenge((sqn_ms >> who.ind_bits) + 1)
        self.assertAccepted(lab.authenticate(who.user_ids[0], fresh), fresh)

    def test_what_the_file_says(self):
        self.assertIn("subscriptions 4, of them for this token alone 2", self.said)
        mode = os.stat(self.appliance.path("good.backup")).st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o600)
        for who in (ALICE, CAROL, BOB):
            for secret in (who.k, who.opc):
                self.assertNotIn(secret, self.good)
                self.assertNotIn(secret.hex().encode(), self.good)
        self.assertEqual(len(records(self.good)), 6)  # the rule of approvals among them

    def test_onto_another_token(self):
        lab = self.second()
        used = [(who, self.use(self.appliance, who)) for who in (ALICE, CAROL)]
        done = self.restore(lab)
        self.assertIn("subscriptions 2, left out 2", done.stdout)
        for name in ("bob@ims.example.com", "dave@ims.example.com"):
            self.assertIn(f"left out: {name}", done.stderr)
        self.accept(lab)
        for who, challenge in used:
            self.check_back(lab, who, challenge)
        self.assertEqual(lab.errors(), [])
        self.assertIn("carol@ims.example.com", lab.token("subscriber", "list").stdout)

    def test_onto_the_same_token(self):
        """A token that stayed where its store was lost: nothing is left out."""
        lab = self.second()
        self.restore(lab)
        self.accept(lab)
        lab.add(BOB)
        time.sleep(1.1)  # a keeper looks for a new key once a second
        type(self).seq += 1 << 25  # past the first accept
        used = [(who, self.use(lab, who)) for who in (ALICE, CAROL, BOB)]
        lab.token("backup", "own.backup", "--backup-key", "b")
        used += [(who, self.use(lab, who)) for who in (ALICE, CAROL, BOB)]
        self.assertEqual(lab.stop(), 0)
        self.remove_store(lab)
        self.assertIn("subscriptions 3, left out 0", self.restore(lab, file="own.backup").stdout)
        self.accept(lab)
        for who, challenge in used:
            self.check_back(lab, who, challenge)

    def test_while_it_serves(self):
        """Authentications go on during a backup, and each backup is whole."""
        lab, faults, stop = self.appliance, [], threading.Event()

        def ask():
            while not stop.is_set():
                try:
                    self.use(lab, CAROL)
                except Exception as error:
                    faults.append(repr(error))
                    return
        thread = threading.Thread(target=ask)
        thread.start()
        try:
            for i in range(5):
                lab.token("backup", f"serving-{i}.backup", "--backup-key", "b")
        finally:
            stop.set()
            thread.join()
        self.assertEqual(faults, [])
        other = self.second()
        with open(lab.path("serving-4.backup"), "rb") as file:
            self.place(other, file.read())
        self.restore(other)

    def expect_nothing(self, lab, before=()):
        self.assertEqual(sorted(set(os.listdir(lab.path("state"))) - {"nisim.db-audit"}), sorted(before))

    def test_altered_files(self):
        lab = self.second()
        chance = random.Random(4)
        places = set(range(0, PREAMBLE, 9)) | {PREAMBLE, PREAMBLE + 1, len(self.good) - 1}
        places |= {chance.randrange(len(self.good)) for _ in range(25)}
        for place in sorted(places):
            altered = bytearray(self.good)
            altered[place] ^= 1 << chance.randrange(8)
            self.place(lab, altered)
            self.assertIn("a.backup" if place >= PREAMBLE else "", self.restore(lab, USAGE).stderr)
        self.expect_nothing(lab)

    def test_truncated_files(self):
        lab = self.second()
        pieces = records(self.good)
        ends = [0, 1, len(MAGIC), PREAMBLE - 1, PREAMBLE, PREAMBLE + 4, len(self.good) - 1,
                len(self.good) - len(pieces[-1])]
        for end in ends:
            self.place(lab, self.good[:end])
            self.assertIn("ends early", self.restore(lab, USAGE).stderr)
        self.expect_nothing(lab)

    def test_records_moved(self):
        lab = self.second()
        head, pieces = self.good[:PREAMBLE], records(self.good)
        for order in ([1, 0, 2, 3, 4], [0, 1, 2, 4], [0, 0, 1, 2, 3, 4], [0, 1, 2, 3, 4, 4],
                      [4]):
            self.place(lab, head + b"".join(pieces[i] for i in order))
            self.assertIn("not as it was written", self.restore(lab, USAGE).stderr)
        self.place(lab, self.good + b"x")
        self.assertIn("not as it was written", self.restore(lab, USAGE).stderr)
        self.expect_nothing(lab)

    def test_wrong_keys(self):
        lab = self.second()
        self.assertIn("not made with the backup key \"other\"", self.restore(lab, USAGE, "other").stderr)
        self.assertIn("has no backup key \"none\"; nisim-token backup-key",
                      self.restore(lab, USAGE, "none").stderr)
        self.assertIn("--backup-key NAME is needed", self.restore(lab, USAGE, "").stderr)
        bring_second(lab, "b")
        self.assertIn("more than one", self.restore(lab, USAGE).stderr)
        self.expect_nothing(lab)

    def test_what_is_in_the_way(self):
        lab = self.second()
        self.assertIn("No such file", self.restore(lab, USAGE, file="none.backup").stderr)
        lab.write("junk", "x" * 1000)
        self.assertIn("not a backup", self.restore(lab, USAGE, file="junk").stderr)
        lab.write("state/nisim.db", "precious")
        self.assertIn("is there already", self.restore(lab, TAKEN).stderr)
        self.assertEqual(lab.read("state/nisim.db"), "precious")
        os.remove(lab.path("state/nisim.db"))
        lab.write("state/nisim.db.partial", "of a run that was killed")
        self.restore(lab)
        self.assertNotIn("nisim.db.partial", os.listdir(lab.path("state")))

    @staticmethod
    def restores(lab):
        """What the audit trail has of them: kind, file and outcome."""
        records = [json.loads(line) for line in lab.token("audit", "show", "--json").stdout.splitlines()]
        return [(one["kind"], one["subscriber"], one.get("outcome")) for one in records
                if one.get("operation") == "restore"]

    def test_recorded(self):
        """The new store's trail begins with the restore, in the folder that the store before had."""
        lab = self.second()
        self.restore(lab, USAGE, "other")
        self.restore(lab)
        self.assertEqual(self.restores(lab), [("intent", "a.backup", None), ("outcome", "a.backup", "DONE")])
        self.accept(lab)
        self.assertIn("as it was written", lab.token("audit", "verify").stdout)
        self.assertEqual(len(self.restores(lab)), 2)

    def test_recorded_in_a_new_place(self):
        lab = self.second()
        shutil.rmtree(lab.path("state/nisim.db-audit"))
        self.restore(lab)
        self.assertEqual(self.restores(lab), [("intent", "a.backup", None), ("outcome", "a.backup", "DONE")])
        self.accept(lab)
        self.assertIn("as it was written", lab.token("audit", "verify").stdout)

    def test_what_cannot_be_recorded(self):
        lab = self.second()
        shutil.rmtree(lab.path("state/nisim.db-audit"))
        lab.write("state/nisim.db-audit", "no folder")
        done = lab.token("restore", "a.backup", "--backup-key", "b", status=STORE)
        self.assertIn("what can't be recorded is not done", done.stderr)
        self.expect_nothing(lab)

    def test_recorded_though_it_failed(self):
        """As where another store comes to be in its place meanwhile; the trail has it, and goes on."""
        lab = self.second()
        command = [lab.program("nisim-token"), "restore", "a.backup", "--backup-key", "b", "--config", "nisim.conf"]
        done = subprocess.run(["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=link,linkat", "-e",
                               "inject=link,linkat:error=EEXIST", *command], cwd=lab.folder, text=True,
                              env=dict(lab.environment, ASAN_OPTIONS="detect_leaks=0"), capture_output=True,
                              check=False, timeout=60)
        self.assertEqual((done.returncode, done.stdout), (STORE, ""), done.stderr)
        self.assertIn("File exists", done.stderr)
        self.assertNotIn("nisim.db", os.listdir(lab.path("state")))
        self.assertNotIn("nisim.db.partial", os.listdir(lab.path("state")))
        self.restore(lab)
        self.assertEqual([outcome for kind, _, outcome in self.restores(lab) if kind == "outcome"], ["STORE", "DONE"])
        self.accept(lab)
        self.assertIn("as it was written", lab.token("audit", "verify").stdout)

    def test_backup_in_the_way(self):
        lab = self.appliance
        lab.write("there", "precious")
        done = lab.token("backup", "there", "--backup-key", "b", status=TAKEN)
        self.assertIn("left as it is", done.stderr)
        self.assertEqual(lab.read("there"), "precious")
        done = lab.token("backup", "none/x", "--backup-key", "b", status=FAILED)
        self.assertIn("No such file or directory", done.stderr)
        self.assertIn("has no backup key",
                      lab.token("backup", "x", "--backup-key", "none", status=USAGE).stderr)
        self.assertFalse(os.path.exists(lab.path("x")) or os.path.exists(lab.path("x.partial")))

    def test_disk_full(self):
        lab = self.appliance
        limited = f"trap '' XFSZ; ulimit -f 1; exec {lab.program('nisim-token')} backup full " \
                  "--backup-key b --config nisim.conf"
        done = subprocess.run(["bash", "-c", limited], cwd=lab.folder, env=lab.environment,
                              capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual((done.returncode, done.stdout), (STORE, ""), done.stderr)
        self.assertIn("File too large", done.stderr)
        self.assertFalse(os.path.exists(lab.path("full")) or
                         os.path.exists(lab.path("full.partial")))


if __name__ == "__main__":
    appliance.main()
