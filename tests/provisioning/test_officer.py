"""Officers and dual control: what is refused, then how two officers approve."""

import argparse
import contextlib
import hashlib
import json
import os
import re
import sqlite3
import subprocess
import sys
import unittest

from test_token import (BAD_PIN, DONE, FAILED, K, MODULE, NO_TOKEN, OP, OPC, PIN, SO_PIN, STORE,
                        TAKEN, UNKNOWN, USAGE, Case, Lab)

NOT_APPROVED = 9
PASSPHRASE = "correct horse"


class OfficerLab(Lab):
    def openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

    def key(self, name, *options):
        """NAME.key, readable by its owner, and NAME.pub."""
        options = options or ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
        self.openssl("genpkey", *options, "-out", f"{name}.key")
        os.chmod(self.path(f"{name}.key"), 0o600)
        self.openssl("pkey", "-in", f"{name}.key", "-pubout", "-out", f"{name}.pub")

    def sign(self, request, name):
        signature = f"{request}.{name}"
        self.openssl("dgst", "-sha256", "-sign", f"{name}.key", "-out", signature, request)
        return signature

    def enrol(self, name, *more, key=None):
        return self.tool("officer", "add", name, "--public-key", f"{key or name}.pub", *more)

    def by(self, *names):
        return [word for name in names for word in ("--officer", f"{name}={name}.key")]

    def request(self, *words, file="request"):
        done = self.tool(*words, "--request", file)
        return done, re.match("request ([0-9a-f]{16}) in ", done.stdout)


class OfficerCase(Case):
    def setUp(self):
        self.lab = OfficerLab(self.bin_folder)
        self.addCleanup(self.lab.close)
        self.lab.once("token", self.make_token)

    def enrol_two(self, rule="2"):
        """alice (EC) and bob (RSA), who must both approve; carol is nobody."""
        self.lab.once(f"rule {rule}", lambda: self.make_officers(rule))

    def make_officers(self, rule):
        self.lab.key("alice")
        self.lab.key("bob", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
        self.lab.key("carol")
        self.expect(self.lab.enrol("alice"), DONE, out="officer alice enrolled")
        self.expect(self.lab.enrol("bob", *self.lab.by("alice")), DONE)
        self.expect(self.lab.tool("rule", "approvals", rule, *self.lab.by("alice")), DONE)

    def change_store(self, sql):
        with contextlib.closing(sqlite3.connect(self.lab.path("nisim.db"))) as store:
            store.execute(sql)
            store.commit()


class Enrolment(OfficerCase):
    def test_bad_names_and_keys(self):
        self.lab.key("alice")
        self.lab.key("curve", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384")
        self.lab.key("short", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024")
        self.lab.key("edwards", "-algorithm", "ED25519")
        self.lab.write("text.pub", "no key")
        self.lab.write("empty.pub", "")
        for name in ("", "a b", "a/b", "x" * 33, "ä"):
            with self.subTest(name=name):
                self.expect(self.lab.enrol(name, key="alice"), USAGE, err="officer \"")
        for key in ("curve", "short", "edwards", "text", "empty", "missing"):
            with self.subTest(key=key):
                self.expect(self.lab.enrol("alice", key=key), USAGE, err=f"file {key}.pub: ")
        done = self.lab.tool("officer", "add", "alice", "--public-key", "alice.key")
        self.expect(done, USAGE, err="no public key")
        self.expect(self.lab.tool("officer", "add", "alice"), USAGE, err="needs --public-key")
        self.expect(self.lab.tool("officer", "remove", "alice"), UNKNOWN, err='"alice"')
        for number in ("3", "-1", "x", "", "01"):
            self.expect(self.lab.tool("rule", "approvals", "--", number), USAGE, err="rule appr")
        self.expect(self.lab.tool("rule", "approvals", "1"), FAILED, err="there are 0")
        self.expect(self.lab.tool("officer", "list"), DONE, out="approvals needed: 0")

    def test_a_second_officer_needs_the_first(self):
        self.lab.key("alice")
        self.lab.key("bob")
        self.expect(self.lab.enrol("alice"), DONE)
        self.expect(self.lab.enrol("alice", *self.lab.by("alice")), TAKEN, err='"alice" already')
        self.expect(self.lab.enrol("bob"), NOT_APPROVED, err="of 1 officer, and has 0")
        self.expect(self.lab.enrol("bob", *self.lab.by("bob")), NOT_APPROVED, err='"bob" is enrolled')
        done = self.lab.enrol("alias", *self.lab.by("alice"), key="alice")
        self.expect(done, TAKEN, err='is the one of officer "alice"')
        self.expect(self.lab.enrol("bob", *self.lab.by("alice")), DONE)
        with open(self.lab.path("bob.pub"), encoding="ascii") as file:
            der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], stdin=file,
                                 capture_output=True, check=True).stdout
        self.expect(self.lab.tool("officer", "list"), DONE,
                    out=f"by alice key SHA-256 {hashlib.sha256(der).hexdigest()}\n")

    def test_removal(self):
        self.enrol_two(rule="1")
        self.expect(self.lab.tool("officer", "remove", "bob"), NOT_APPROVED, err="has 0")
        self.expect(self.lab.tool("officer", "remove", "bob", *self.lab.by("bob")), NOT_APPROVED,
                    err="the one to be removed")
        self.expect(self.lab.tool("officer", "remove", "bob", *self.lab.by("alice")), DONE)
        self.expect(self.lab.tool("officer", "remove", "alice", *self.lab.by("alice")), FAILED,
                    err="the rule asks for 1")
        self.expect(self.lab.tool("rule", "approvals", "0", *self.lab.by("bob")), NOT_APPROVED)
        self.expect(self.lab.tool("rule", "approvals", "0", *self.lab.by("alice")), DONE)
        self.expect(self.lab.tool("officer", "remove", "alice"), NOT_APPROVED)
        self.expect(self.lab.tool("officer", "remove", "alice", *self.lab.by("alice")), DONE)
        self.expect(self.lab.enrol("carol"), DONE)

    def test_what_is_changed_in_the_store_by_hand(self):
        self.enrol_two()
        self.expect(self.lab.add(*self.lab.by("alice", "bob")), DONE)
        keep = self.lab.path("kept.db")
        for sql, err in (("DELETE FROM value WHERE name = 'rule/approvals'", "was taken out"),
                         ("DELETE FROM value WHERE name = 'officer/bob'", "were altered"),
                         ("UPDATE value SET name = 'officer/carol' WHERE name = 'officer/bob'",
                          "altered"),
                         ("INSERT INTO value SELECT 'officer/carol', value, seal FROM value "
                          "WHERE name = 'officer/bob'", "altered"),
                         ("UPDATE value SET value = x'0100000102030405060708090a0b0c0d0e0f10' "
                          "WHERE name = 'rule/approvals'", "altered")):
            with self.subTest(sql=sql):
                with contextlib.closing(sqlite3.connect(self.lab.path("nisim.db"))) as store:
                    with contextlib.closing(sqlite3.connect(keep)) as kept:
                        store.backup(kept)
                self.change_store(sql)
                done = self.lab.tool("subscriber", "remove", "15551", "--yes",
                                     *self.lab.by("alice", "bob"))
                self.expect(done, STORE, err=err)
                with contextlib.closing(sqlite3.connect(self.lab.path("nisim.db"))) as store:
                    with contextlib.closing(sqlite3.connect(keep)) as kept:
                        kept.backup(store)
        self.expect(self.lab.tool("subscriber", "show", "15551"), DONE)


class Here(OfficerCase):
    """Officers who come with their key files."""

    def test_not_approved(self):
        self.enrol_two()
        objects = self.lab.objects()
        self.lab.write("loose.key", "x")
        by = self.lab.by
        for more, status, err in (
                ((), NOT_APPROVED, "of 2 officers, and has 0"),
                (by("alice"), NOT_APPROVED, "of 2 officers, and has 1"),
                (by("alice", "alice"), NOT_APPROVED, "approves twice"),
                (by("alice", "carol"), NOT_APPROVED, '"carol" is enrolled'),
                (["--officer", "alice=bob.key"], NOT_APPROVED, "bob.key is not the key"),
                (["--officer", "alice=alice.pub"], NOT_APPROVED, "only its owner can read"),
                (["--officer", "alice=missing"], NOT_APPROVED, "No such file"),
                (["--officer", "alice=tokens"], NOT_APPROVED, "only its owner can read"),
                (["--officer", "alice=loose.key"], NOT_APPROVED, "only its owner can read"),
                (["--officer", "alice"], USAGE, "not NAME=FILE"),
                (["--officer", "=x"], USAGE, "not NAME=FILE"),
                (["--officer", "alice="], USAGE, "not NAME=FILE"),
                (by("alice", "bob", "carol", "carol"), USAGE, "more than 3"),
                ([*by("alice"), "--request", "r"], USAGE, "--request asks")):
            with self.subTest(more=more):
                self.expect(self.lab.add(*more), status, err=err)
                self.expect(self.lab.tool("subscriber", "show", "15551"), UNKNOWN)
        os.chmod(self.lab.path("loose.key"), 0o600)
        self.expect(self.lab.add("--officer", "alice=loose.key"), NOT_APPROVED, err="no private")
        self.expect(self.lab.add(*by("alice", "bob"), key="-", text="K=0"), USAGE)
        self.expect_untouched(objects)

    def test_every_sensitive_verb_asks(self):
        self.enrol_two()
        self.expect(self.lab.add(*self.lab.by("alice", "bob")), DONE)
        objects = self.lab.objects()
        for words in (("subscriber", "remove", "15551", "--yes"),
                      ("subscriber", "rotate-key", "15551", "--key-file", "key"),
                      ("sqn", "reset", "15551", "--to", "9"),
                      ("officer", "add", "carol", "--public-key", "carol.pub"),
                      ("officer", "remove", "alice"), ("rule", "approvals", "1")):
            with self.subTest(words=words):
                self.expect(self.lab.tool(*words), NOT_APPROVED, err=f"{words[0]} {words[1]} needs")
        self.expect_untouched(objects)
        self.expect(self.lab.tool("sqn", "show", "15551"), DONE, out="highest-seq: 0\n")
        self.expect(self.lab.tool("sqn", "reset", "15551", "--to", "9",
                                  *self.lab.by("alice", "bob")), DONE)
        self.expect(self.lab.tool("subscriber", "rotate-key", "15551", "--key-file", "key",
                                  *self.lab.by("alice", "bob")), DONE)

    def test_two_approve(self):
        self.enrol_two()
        self.expect(self.lab.add(*self.lab.by("alice", "bob")), DONE)
        self.expect(self.lab.tool("subscriber", "disable", "15551"), DONE)
        self.expect(self.lab.tool("subscriber", "remove", "15551", "--yes"), NOT_APPROVED)
        done = self.lab.tool("subscriber", "remove", "15551", "--yes", *self.lab.by("bob", "alice"))
        self.expect(done, DONE)

    def test_to_lower_the_rule_takes_as_many_as_it_says(self):
        self.enrol_two()
        lower = ("rule", "approvals", "0")
        self.expect(self.lab.tool(*lower, *self.lab.by("alice")), NOT_APPROVED, err="has 1")
        self.expect(self.lab.tool(*lower, *self.lab.by("alice", "bob")), DONE)
        self.expect(self.lab.add(), DONE)

    def test_passphrase(self):
        self.enrol_two(rule="1")
        self.lab.openssl("pkey", "-in", "alice.key", "-aes256", "-passout", f"pass:{PASSPHRASE}",
                         "-out", "locked.key")
        os.chmod(self.lab.path("locked.key"), 0o600)
        locked = ("--officer", "alice=locked.key")
        self.expect(self.lab.add(*locked), NOT_APPROVED, err="no passphrase of officer alice")
        arguments = ["rule", "approvals", "0", *locked, "--module", MODULE, "--token-label",
                     "nisim", "--pin-file", "pin", "--store", "nisim.db"]
        prompt = "Passphrase of officer alice: "
        status, shown = self.lab.on_terminal(arguments, ((prompt, "wrong"),))
        self.assertEqual((status, "another passphrase" in shown), (NOT_APPROVED, True), shown)
        status, shown = self.lab.on_terminal(arguments, ((prompt, PASSPHRASE),))
        self.assertEqual(status, DONE, shown)
        self.assertNotIn(PASSPHRASE, shown)


class Elsewhere(OfficerCase):
    """Officers who sign a request with openssl on machines of their own."""

    def setUp(self):
        super().setUp()
        self.enrol_two()
        self.expect(self.lab.add(*self.lab.by("alice", "bob")), DONE)
        self.remove = ("subscriber", "remove", "15551", "--yes")

    def ask(self, *words, file="request"):
        done, found = self.lab.request(*words, file=file)
        self.expect(done, DONE, out="2 needed")
        return found.group(1)

    def approve(self, number, *names, request="request"):
        return [word for name in names
                for word in ("--approval", f"{number}={self.lab.sign(request, name)}")]

    def refused(self, words, more, err, status=NOT_APPROVED):
        self.expect(self.lab.tool(*words, *more), status, err=err)
        self.expect(self.lab.tool("subscriber", "show", "15551"), DONE)

    def test_the_text(self):
        self.ask("subscriber", "add", "--user-id", "1", "--impi", "bob@ims.example.com", "--impu",
                 "sip:bob@ims.example.com", "--domain", "ims.example.com", "--key-file", "key")
        with open(self.lab.path("request"), encoding="ascii") as file:
            text = file.read()
        self.assertRegex(text, r"^nisim-token approval 1\nact: subscriber add\n--user-id: 1\n"
                               r"--impi: bob@ims.example.com\n--impu: sip:bob@ims.example.com\n"
                               r"--domain: ims.example.com\n--key-file: file HMAC [0-9a-f]{64}\n"
                               r"token: nisim, serial [0-9a-f]+\nstore: [0-9a-f]{32}\n"
                               r"asked: [-0-9T:]+Z\nexpires: [-0-9T:]+Z\nnonce: [0-9a-f]{32}\n$")
        self.assertNotIn(PIN, text)
        self.assertEqual(os.stat(self.lab.path("request")).st_mode & 0o777, 0o600)
        self.expect(self.lab.tool("subscriber", "show", "1"), UNKNOWN)
        done, _ = self.lab.request(*self.remove)
        self.expect(done, FAILED, err="request: File exists")
        self.expect(self.lab.tool("subscriber", "remove", "1\n2", "--request", "r"), UNKNOWN)
        done = self.lab.add("--request", "r", user="2", impi="c@ims.example.com", key="-",
                            text="K=" + "0" * 32 + "\nOPc=" + "0" * 32 + "\n")
        self.expect(done, USAGE, err='--key-file "-"')

    def test_refused(self):
        number = self.ask(*self.remove)
        alice, bob = self.approve(number, "alice"), self.approve(number, "bob")
        self.lab.write("noise", "x" * 70)
        self.lab.write("none", "")
        self.refused(self.remove, alice, "has 1")
        self.refused(self.remove, alice + alice, "approves twice")
        self.refused(self.remove, alice + self.lab.by("alice"), "approves twice")
        self.refused(self.remove, alice + self.approve(number, "carol"), "not a signature of")
        for file in ("noise", "none", "tokens", "missing"):
            self.refused(self.remove, [*alice, "--approval", f"{number}={file}"],
                         f"approval file {file}: ")
        self.refused(self.remove, ["--approval", f"{'0' * 16}=noise"], "there is none")
        self.refused(self.remove, ["--approval", "x=noise"], "there is none")
        self.refused(self.remove, ["--approval", "noise"], "not ID=FILE", status=USAGE)
        self.refused(self.remove, [*alice, "--approval", "other=noise"], "two requests",
                     status=USAGE)
        self.refused(("rule", "approvals", "0"), alice + bob, "was for another act")
        self.refused(("subscriber", "remove", "alice@ims.example.com", "--yes"), alice + bob,
                     "was for another act")
        self.expect(self.lab.tool(*self.remove, *alice, *bob), DONE)

    def test_a_removed_officer_has_no_say(self):
        self.lab.key("dave")
        self.expect(self.lab.enrol("dave", *self.lab.by("alice", "bob")), DONE)
        number = self.ask(*self.remove)
        approvals = self.approve(number, "alice", "bob")
        done = self.lab.tool("officer", "remove", "bob", *self.lab.by("alice", "dave"))
        self.expect(done, DONE)
        self.refused(self.remove, approvals, "not a signature of")

    def test_once_only(self):
        number = self.ask(*self.remove)
        approvals = self.approve(number, "alice", "bob")
        self.expect(self.lab.tool(*self.remove, *approvals), DONE)
        self.expect(self.lab.add(*self.lab.by("alice", "bob")), DONE)
        self.refused(self.remove, approvals, "used already")

    def test_files_are_part_of_what_is_approved(self):
        self.lab.key("dave")
        words = ("officer", "add", "dave", "--public-key", "dave.pub")
        number = self.ask(*words)
        approvals = self.approve(number, "alice", "bob")
        with open(self.lab.path("dave.pub"), encoding="ascii") as file:
            right = file.read()
        with open(self.lab.path("carol.pub"), encoding="ascii") as file:
            self.lab.write("dave.pub", file.read())
        self.refused(words, approvals, "was for another act")
        self.lab.write("dave.pub", right)
        self.expect(self.lab.tool(*words, *approvals), DONE)

    def test_an_expired_or_altered_request(self):
        number = self.ask(*self.remove)
        approvals = self.approve(number, "alice", "bob")
        self.change_store("UPDATE value SET seal = zeroblob(32) WHERE name LIKE 'pending/%'")
        self.refused(self.remove, approvals, "was altered", status=STORE)
        with contextlib.closing(sqlite3.connect(self.lab.path("nisim.db"))) as store:
            self.assertEqual(store.execute("SELECT count(*) FROM value WHERE name LIKE 'pending/%'")
                             .fetchone(), (1,))

    def test_one_here_one_elsewhere(self):
        number = self.ask(*self.remove)
        done = self.lab.tool(*self.remove, *self.approve(number, "alice"), *self.lab.by("bob"))
        self.expect(done, DONE, out="removed")

    def test_another_token(self):
        """What was approved for one store says nothing to another."""
        number = self.ask(*self.remove)
        approvals = self.approve(number, "alice", "bob")
        self.expect(self.lab.tool("init", "--label", "second", "--so-pin-file", "so-pin", token=(),
                                  store="second.db"), DONE)
        done = self.lab.tool("officer", "add", "alice", "--public-key", "alice.pub", *approvals,
                             token=("--token-label", "second"), store="second.db")
        self.expect(done, NOT_APPROVED, err="there is none in store second.db")
        self.lab.write("wrong", "0000\n")
        self.expect(self.lab.tool(*self.remove, *approvals, pin="wrong"), BAD_PIN)
        self.expect(self.lab.tool("init", "--label", "third", "--so-pin-file", "so-pin", token=()),
                    STORE, err="or its officers")


class Ceremony(OfficerCase):
    """PINs, status, transcripts."""

    def change_pin(self, *more, **how):
        return self.lab.tool("change-pin", *more, **how)

    def test_pins_that_init_refuses(self):
        self.lab.write("digits", "12345678\n")
        for pin, more, err in (("so-pin", (), "are the same"),
                               ("digits", ("--pin-least", "9"), "a PIN has 9 bytes at least"),
                               ("digits", ("--pin-least", "256"), "from 0 to 255")):
            done = self.lab.tool("init", "--label", "other", "--so-pin-file", "so-pin", *more,
                                 token=(), store="other.db", pin=pin)
            self.assertIn(err, done.stderr)
            self.assertIn(done.returncode, (BAD_PIN, USAGE))
        self.expect(self.lab.tool("status", token=("--token-label", "other")), NO_TOKEN)
        done = self.lab.tool("init", "--label", "other", "--so-pin-file", "so-pin", token=(),
                             store="other.db", pin="digits")
        self.expect(done, DONE, err="USER PIN has digits only")

    def test_change_pin_refused(self):
        for name, text in (("wrong", "99999\n"), ("short", "123\n"), ("new", "new-pin-1\n"),
                           ("empty", "\n")):
            self.lab.write(name, text)
        for more, pin, status, err in (
                (("--new-pin-file", "new"), "wrong", BAD_PIN, "CKR_PIN_INCORRECT"),
                (("--new-pin-file", "short"), "pin", BAD_PIN, "PINs of 4 to 255"),
                (("--new-pin-file", "pin"), "pin", BAD_PIN, "is the old one"),
                (("--new-pin-file", "empty"), "pin", BAD_PIN, "empty or too long"),
                (("--new-pin-file", "missing"), "pin", BAD_PIN, "No such file"),
                (("--new-pin-file", "new", "--pin-least", "10"), "pin", BAD_PIN, "10 bytes"),
                (("--new-pin-file", "new", "--new-pin-fd", "3"), "pin", USAGE, "both given"),
                (("--new-pin-file", "new", "--so-pin-file", "so-pin"), "pin", USAGE, "for --so"),
                ((), "pin", BAD_PIN, "no USER PIN"),
                (("--so", "--new-pin-file", "new", "--so-pin-file", "wrong"), "pin", BAD_PIN,
                 "SO log-in, the token says it was wrong"),
                (("--so", "--new-pin-file", "new"), "pin", BAD_PIN, "no SO PIN")):
            with self.subTest(more=more):
                done = self.change_pin(*more, pin=pin)
                self.expect(done, status, err=err)
                self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.expect(self.lab.tool("check", pin="wrong"), BAD_PIN, err="wrong since the last log-in")
        self.expect(self.lab.tool("check"), DONE)

    def test_change_pin(self):
        self.lab.write("new", "new-pin-1\n")
        self.expect(self.change_pin("--new-pin-file", "new"), DONE, out="USER PIN of token")
        self.expect(self.lab.tool("check"), BAD_PIN)
        self.expect(self.lab.tool("check", pin="new"), DONE)
        so = ("--so", "--so-pin-file")
        self.expect(self.change_pin(*so, "so-pin", "--new-pin-file", "pin"), DONE, out="SO PIN of")
        self.expect(self.change_pin(*so, "so-pin", "--new-pin-file", "new"), BAD_PIN)
        self.expect(self.change_pin(*so, "pin", "--new-pin-file", "so-pin"), DONE)

    def test_the_rule_for_pins_lasts(self):
        done = self.lab.tool("init", "--label", "other", "--so-pin-file", "so-pin", "--pin-least",
                             "11", token=(), store="other.db")
        self.expect(done, DONE)
        self.lab.write("new", "10-letters\n")
        for more in ((), ("--so", "--so-pin-file", "so-pin")):
            done = self.change_pin("--new-pin-file", "new", *more, store="other.db",
                                   token=("--token-label", "other"))
            self.expect(done, BAD_PIN, err="11 bytes at least")

    def test_status(self):
        self.enrol_two()
        self.expect(self.lab.add(*self.lab.by("alice", "bob")), DONE)
        shown = json.loads(self.expect(self.lab.tool("status", "--json"), DONE).stdout)
        self.assertEqual({key["label"] for key in shown["keys"]},
                         {"nisim KEK", "nisim integrity", "nisim audit"})
        self.assertTrue(all(re.fullmatch("[0-9a-f]{6}", key["kcv"]) for key in shown["keys"]
                            if key["label"] != "nisim audit"))
        self.assertIs(shown["token"]["laboratory"], True)
        self.assertEqual((shown["officers"], shown["approvals"], shown["subscribers"],
                          shown["subscriber_keys"], shown["store"]["schema"]), (2, 2, 1, 1, 2))
        text = self.expect(self.lab.tool("status"), DONE, out="approvals: 2\n").stdout
        self.assertIn("subscribers: 1\n", text)
        self.change_store("DELETE FROM value WHERE name = 'officer/bob'")
        self.expect(self.lab.tool("status"), STORE, err="were altered")

    def test_transcript(self):
        self.enrol_two()
        done = self.lab.add(*self.lab.by("alice", "bob"), "--transcript", "words")
        self.expect(done, DONE, out="added", err="LABORATORY")
        with open(self.lab.path("words"), encoding="utf-8") as file:
            text = file.read()
        self.assertEqual(os.stat(self.lab.path("words")).st_mode & 0o777, 0o600)
        self.assertRegex(text, r"^nisim-token transcript\nbegun: [-0-9T:]+Z\nmachine: .+\n"
                               r"program: nisim-token [0-9.]+\nuser: .+, uid [0-9]+\n"
                               r"(logged in as: .*\n)?act: subscriber add\n--\n")
        self.assertIn(done.stdout, text)
        self.assertIn(done.stderr, text)
        self.assertRegex(text, r"\n--\ntoken: nisim, serial [0-9a-f]+\nstore: nisim.db\n"
                               r"approved by: alice\napproved by: bob\n"
                               r"outcome: done, exit status 0\nended: [-0-9T:]+Z\n$")
        done = self.lab.tool("subscriber", "remove", "15551", "--yes", "--transcript", "words")
        self.expect(done, USAGE, err="transcript file words: File exists")
        done = self.lab.tool("subscriber", "remove", "15551", "--yes", "--transcript", "failed")
        self.expect(done, NOT_APPROVED)
        with open(self.lab.path("failed"), encoding="utf-8") as file:
            failed = file.read()
        self.assertIn(done.stderr + "--\n", failed)
        self.assertIn("outcome: failed, exit status 9\n", failed)
        for secret in (PIN, SO_PIN, K, OPC, OP):
            self.assertNotIn(secret, text + failed)
        with open(self.lab.path("words"), encoding="utf-8") as file:
            self.assertEqual(file.read(), text)
        done = self.lab.tool("rule", "approvals", "0", *self.lab.by("alice", "bob"),
                             "--transcript", "/dev/full")
        self.expect(done, USAGE, err="/dev/full: File exists")

    def test_transcript_of_init(self):
        done = self.lab.tool("init", "--label", "other", "--so-pin-file", "so-pin", "--transcript",
                             "words", token=(), store="other.db")
        self.expect(done, DONE)
        with open(self.lab.path("words"), encoding="utf-8") as file:
            text = file.read()
        self.assertRegex(text, r"key: nisim KEK, KCV [0-9a-f]{6}\n")
        for secret in (PIN, SO_PIN):
            self.assertNotIn(secret, text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True, help="folder of the programs")
    options, rest = parser.parse_known_args()
    Case.bin_folder = os.path.abspath(options.bin)
    unittest.main(argv=[sys.argv[0], *rest])
