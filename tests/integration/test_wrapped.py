"""Subscribers whose K and OPc lie wrapped in the store: python3 test_wrapped.py --bin BUILD/bin"""

import contextlib
import json
import os
import sqlite3
import subprocess

import appliance
import test_vectors
from appliance import DONE, REFUSED

WRAPPED = ("--residence", "wrapped")
SLOTS = 16  # token.unwrapped_keys
MANY = 70   # of them 60 at once, for two keepers: more than their slots
TAG = bytes((5, 0, 52))
OFFICER_USAGE, OFFICER_FAILED, OFFICER_UNKNOWN = 2, 1, 8


class Wrapped(appliance.Case):
    @classmethod
    def prepare(cls, lab):
        text = lab.read("nisim.conf").replace("token: {", f"token: {{ unwrapped_keys = {SLOTS};")
        lab.write("nisim.conf", text)
        cls.sets = test_vectors.read_sets()[:6]
        for one in cls.sets:
            one.subscriber.options += WRAPPED
            lab.add(one.subscriber)
        cls.crowd = [appliance.subscriber(f"many-{i}", options=WRAPPED) for i in range(MANY)]
        for one in cls.crowd:
            lab.add(one)
        cls.resident = appliance.subscriber("resident")
        lab.add(cls.resident)

    def authenticates(self, who, sqn):
        challenge = who.auc.challenge(sqn)
        self.assertAccepted(self.appliance.authenticate(who.user_ids[0], challenge), challenge)

    def show(self, name):
        return json.loads(self.appliance.token("subscriber", "show", name, "--json").stdout)

    def objects(self):
        """Labels of what is in the token."""
        done = subprocess.run(["pkcs11-tool", "--module", appliance.MODULE, "--token-label", "nisim",
                               "--login", "--pin", appliance.PIN, "--list-objects"],
                              env=self.appliance.environment, capture_output=True, text=True,
                              check=True)
        return done.stdout

    def test_vectors_before_and_after_a_restart(self):
        for one in self.sets[:3]:
            self.assertForged(self.appliance.authenticate(one.user, one.challenge.forged(31)))
            self.assertAccepted(self.appliance.authenticate(one.impi, one.challenge), one.challenge)
        self.appliance.restart()
        for one in self.sets[:3]:
            again = self.appliance.authenticate(one.user, one.challenge)
            self.assertStale(again, one.auc, one.challenge, one.sqn)
        for one in self.sets[3:]:
            self.assertAccepted(self.appliance.authenticate(one.impi, one.challenge), one.challenge)

    def test_the_token_holds_none_of_them(self):
        self.assertNotIn("many-1", self.objects())
        self.assertIn("resident", self.objects())
        shown = self.show("many-1")
        self.assertEqual((shown["residence"], shown["kek"], shown["kek_in_token"],
                          shown["key_in_token"]), ("wrapped", "00000001", True, False))
        self.assertEqual(self.show("resident")["residence"], "resident")
        listed = self.appliance.token("subscriber", "list")
        self.assertRegex(listed.stdout, r"many-1@\S+ +enabled +[0-9a-f]{16} wrapped many-1\n")
        self.assertNotIn("belong to no subscriber", listed.stderr)

    def test_no_secret_lies_in_the_store(self):
        held = b""
        for folder, _, names in os.walk(self.appliance.path("state")):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    held += file.read()
        for one in self.crowd:
            self.assertNotIn(one.k, held)
            self.assertNotIn(one.opc, held)

    def test_more_than_there_is_room_for(self):
        home = self.appliance.write("home", "".join(one.bench_line for one in self.crowd[10:]))
        done = subprocess.run(self.appliance.nisim_command(
            "--json", "--warm-up", "0", "--duration", "2", "--bad-mac", "10", "bench", home),
            capture_output=True, text=True, check=True)
        shown = json.loads(done.stdout)["outcomes"]
        self.assertGreater(shown.get("OK", 0), 100)
        self.assertEqual(set(shown) - {"OK", "MAC_FAILURE", "SYNC_FAILURE"}, set())
        self.assertEqual(self.appliance.lines("token-lost"), [])

    def test_a_right_seal_on_a_wrong_blob(self):
        """The tool seals what it is given: a blob spoilt before that can't be unwrapped."""
        victim = self.crowd[0]
        lab = self.appliance
        before = lab.children()
        self.authenticates(victim, 1 << 5)
        with contextlib.closing(sqlite3.connect(lab.path("state/nisim.db"))) as store:
            row, record = store.execute(
                "SELECT s.row, record FROM subscription s JOIN name n ON n.row = s.row"
                " WHERE n.text = ?", (victim.impi,)).fetchone()
            at = record.index(TAG) + len(TAG) + 4
            bad = record[:at] + bytes((record[at] ^ 1,)) + record[at + 1:]
            store.execute("UPDATE subscription SET record = ? WHERE row = ?", (bad, row))
            store.commit()
        status, shown = lab.authenticate(victim.user_ids[0], victim.auc.challenge(2 << 5))
        self.assertEqual((status, shown["why"].count("KEY_UNUSABLE")), (REFUSED, 1))
        seal = subprocess.run([os.path.join(lab.programs, "..", "tests", "reseal"), "nisim.conf",
                               victim.impi], cwd=lab.folder, env=lab.environment, check=False)
        self.assertEqual(seal.returncode, 0)
        for sqn in (3, 4):
            status, shown = lab.authenticate(victim.user_ids[0], victim.auc.challenge(sqn << 5))
            self.assertEqual((status, shown["why"].count("KEY_UNUSABLE")), (REFUSED, 1))
        self.assertEqual(lab.children(), before)  # no keeper took it for a lost token
        self.assertTrue(lab.lines("key-unusable"))
        self.authenticates(self.crowd[1], 1 << 5)
        moved = lab.token("subscriber", "rest", victim.impi, "--residence", "resident",
                          status=OFFICER_FAILED)
        self.assertIn("moving K and OPc into the token", moved.stderr)
        self.assertNotIn("many-0@", self.objects())

    def test_wrapped_to_resident(self):
        who = self.crowd[2]
        self.authenticates(who, 1 << 5)
        for _ in range(2):
            self.appliance.token("subscriber", "rest", "many-2", "--residence", "resident")
            shown = self.show("many-2")
            self.assertEqual((shown["residence"], shown["key_in_token"], shown["kek"]),
                             ("resident", True, None))
        objects = self.objects()
        self.assertIn("nisim K many-2@", objects)
        appliance.wait_for(lambda: self.appliance.authenticate(
            "many-2", who.auc.challenge(2 << 5))[0] == DONE, "the new residence")
        refused = self.appliance.token("subscriber", "rest", "many-2", "--residence", "wrapped",
                                       status=OFFICER_FAILED)
        self.assertIn("can't leave it", refused.stderr)
        self.authenticates(who, 3 << 5)
        self.appliance.token("subscriber", "remove", "many-2", "--yes")
        self.assertNotIn("many-2", self.objects())

    def test_removed_and_disabled(self):
        for verb, name in (("disable", "many-3"), ("remove", "many-4")):
            who = self.crowd[int(name[-1])]
            self.authenticates(who, 1 << 5)
            yes = ("--yes",) if verb == "remove" else ()
            self.appliance.token("subscriber", verb, name, *yes)
            status, _ = self.appliance.authenticate(name, who.auc.challenge(2 << 5))
            self.assertEqual(status, REFUSED)

    def test_bad_arguments(self):
        for words, status, why in (
                (("rest", "many-5"), OFFICER_USAGE, "needs --residence"),
                (("rest", "many-5", "--residence", "hidden"), OFFICER_USAGE, "not resident or wrapped"),
                (("rest", "nobody", *WRAPPED), OFFICER_UNKNOWN, "no subscriber"),
                (("rest", "many-5", "--residence", "wrapped", "extra"), OFFICER_USAGE, "too many"),
                (("show", "many-5", *WRAPPED), OFFICER_USAGE, "--residence")):
            done = self.appliance.token("subscriber", *words, status=status)
            self.assertIn(why, done.stderr)
        done = self.appliance.token("subscriber", "rest", "many-5", *WRAPPED)
        self.assertIn("wrapped already", done.stdout)
        wrong = appliance.subscriber("wrong", options=("--residence", "hidden"))
        self.appliance.add(wrong, status=OFFICER_USAGE)
        self.assertEqual(self.appliance.token("subscriber", "show", "wrong",
                                              status=OFFICER_UNKNOWN).stdout, "")


if __name__ == "__main__":
    appliance.main()
