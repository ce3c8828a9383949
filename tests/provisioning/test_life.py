"""The life of a subscriber by nisim-token: what is refused, then what changes and what stays."""

import argparse
import contextlib
import json
import os
import re
import sqlite3
import subprocess
import sys
import time
import unittest

from test_token import (DONE, FAILED, MODULE, PIN, STORE, TAKEN, UNKNOWN, USAGE, Case)

K2 = "00112233445566778899aabbccddeeff"
OPC2 = "ffeeddccbbaa99887766554433221100"
SEQ_MOST = (1 << 43) - 1  # IND of 5 bits


# All that `subscriber list` has to say beside its list.
LABORATORY = r'^(nisim-token: token "nisim" is a laboratory\'s: .*\n)?$'


class LifeCase(Case):
    def setUp(self):
        super().setUp()
        self.lab.once("two subscribers", self.add_two)

    def add_two(self):
        self.expect(self.lab.add("--user-id", "alice"), DONE)
        self.expect(self.lab.add(user="15552", impi="bob@ims.example.com"), DONE)

    def show(self, name):
        return json.loads(self.expect(self.lab.tool("subscriber", "show", name, "--json"),
                                      DONE).stdout)

    def sqn(self, name):
        return json.loads(self.expect(self.lab.tool("sqn", "show", name, "--json"), DONE).stdout)

    def store(self, *sql):
        with contextlib.closing(sqlite3.connect(self.lab.path("nisim.db"))) as store:
            answer = store.execute(*sql).fetchall()
            store.commit()
            return answer

    def alter(self):
        """Turns `enabled` in alice's record."""
        record = self.store("SELECT record FROM subscription WHERE row = 1")[0][0]
        self.store("UPDATE subscription SET record = ? WHERE row = 1",
                   (record[:1] + bytes([record[1] ^ 1]) + record[2:],))


class Refused(LifeCase):
    def test_usage(self):
        for words, status, err in (
                (("subscriber", "move", "alice"), USAGE, "needs --domain"),
                (("subscriber", "move", "alice", "--domain", "x"), USAGE, "not a domain"),
                (("subscriber", "move", "nobody", "--domain", "ims.example.net"), UNKNOWN, "nobody"),
                (("subscriber", "add-id", "alice"), USAGE, "needs --user-id"),
                (("subscriber", "add-id", "alice", "--user-id", ""), USAGE, "it is empty"),
                (("subscriber", "add-id", "alice", "--user-id", "a\nb"), USAGE, "control"),
                (("subscriber", "add-id", "alice", "--user-id", "x", "--user-id", "x"), USAGE,
                 "given twice"),
                (("subscriber", "add-id", "nobody", "--user-id", "x"), UNKNOWN, "nobody"),
                (("subscriber", "add-id", "alice", "--user-id", "15552"), TAKEN, '"15552"'),
                (("subscriber", "add-id", "alice", "--user-id", "alice"), TAKEN, '"alice"'),
                (("subscriber", "add-id", "alice", "--user-id", "bob@ims.example.com"), TAKEN,
                 '"bob@ims.example.com"'),
                (("subscriber", "drop-id", "alice"), USAGE, "needs --user-id"),
                (("subscriber", "drop-id", "alice", "--user-id", "15552"), UNKNOWN, '"15552"'),
                (("subscriber", "drop-id", "15552", "--user-id", "15552"), FAILED, "the last user"),
                (("subscriber", "drop-id", "alice", "--user-id", "alice", "--user-id", "15551"),
                 FAILED, "the last user"),
                (("subscriber", "rotate-key", "alice"), USAGE, "needs the new key"),
                (("subscriber", "rotate-key", "nobody", "--key-file", "key"), UNKNOWN, "nobody"),
                (("subscriber", "rotate-key", "alice", "--key-file", "pin"), USAGE, "line 1"),
                (("sqn", "show", "nobody"), UNKNOWN, "nobody"),
                (("sqn", "reset", "alice"), USAGE, "needs --to"),
                (("sqn", "reset", "nobody", "--to", "1"), UNKNOWN, "nobody"),
                (("sqn", "reset", "alice", "--to", "x"), USAGE, "--to"),
                (("sqn", "reset", "alice", "--to", str(SEQ_MOST + 1)), USAGE, str(SEQ_MOST))):
            with self.subTest(words=words):
                before = self.show("alice"), self.show("15552"), self.lab.objects()
                self.expect(self.lab.tool(*words), status, err=err)
                self.assertEqual((self.show("alice"), self.show("15552"), self.lab.objects()),
                                 before)

    def test_altered_record(self):
        self.alter()
        objects = self.lab.objects()
        for words in (("subscriber", "move", "alice", "--domain", "ims.example.net"),
                      ("subscriber", "add-id", "alice", "--user-id", "x"),
                      ("subscriber", "drop-id", "alice", "--user-id", "alice"),
                      ("subscriber", "rotate-key", "alice", "--key-file", "key")):
            with self.subTest(words=words):
                self.expect(self.lab.tool(*words), STORE, err="was altered")
        self.expect_untouched(objects)

    def test_a_store_that_fails_keeps_the_old_key(self):
        objects, shown = self.lab.objects(), self.show("alice")
        with contextlib.closing(sqlite3.connect(self.lab.path("nisim.db"))) as other:
            other.execute("BEGIN IMMEDIATE")  # others can read, not write
            done = self.lab.tool("subscriber", "rotate-key", "alice", "--key-file", "key")
            self.expect(done, STORE, err="locked")
            self.expect(self.lab.tool("sqn", "reset", "alice", "--to", "5"), STORE, err="locked")
            other.rollback()
        self.expect_untouched(objects)
        self.assertEqual(self.show("alice"), shown)

    def test_two_tools_at_once(self):
        """What one tool read and another changed is not written back."""
        arguments = [self.lab.program, "subscriber", "move", "alice", "--domain", "ims.example.net",
                     "--module", MODULE, "--token-label", "nisim", "--store", "nisim.db",
                     "--pin-fd"]
        reader, writer = os.pipe()
        slow = subprocess.Popen([*arguments, str(reader)], cwd=self.lab.folder, text=True,
                                env=self.lab.environment, pass_fds=(reader,),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        os.close(reader)
        # It reads the record, and then waits for the PIN.
        while not self.has_open(slow.pid, "nisim.db"):
            pass
        time.sleep(1)
        self.expect(self.lab.tool("subscriber", "disable", "alice"), DONE)
        os.write(writer, PIN.encode() + b"\n")
        os.close(writer)
        _, err = slow.communicate(timeout=60)
        self.assertEqual((slow.returncode, "at the same time" in err), (STORE, True), err)
        shown = self.show("alice")
        self.assertEqual((shown["enabled"], shown["domain"]), (False, "ims.example.com"))

    @staticmethod
    def has_open(pid, name):
        folder = f"/proc/{pid}/fd"
        for descriptor in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                if name in os.readlink(os.path.join(folder, descriptor)):
                    return True
        return False


class Done(LifeCase):
    def test_move(self):
        before = self.show("alice")
        done = self.lab.tool("subscriber", "move", "15551", "--domain", "ims.example.net")
        self.expect(done, DONE, out="alice@ims.example.com moved to ims.example.net",
                    err="realm of the IMPI stays")
        self.assertEqual(self.show("alice"), dict(before, domain="ims.example.net"))
        done = self.lab.tool("subscriber", "move", "15551", "--domain", "ims.example.com")
        self.assertEqual(self.expect(done, DONE).stderr, "")

    def test_ids(self):
        more = [word for i in range(6) for word in ("--user-id", f"new-{i}")]
        self.expect(self.lab.tool("subscriber", "add-id", "alice", *more), DONE, out="new-5\n")
        self.assertEqual(len(self.show("new-5")["user_ids"]), 8)
        done = self.lab.tool("subscriber", "add-id", "alice", "--user-id", "ninth")
        self.expect(done, FAILED, err="can't have more")
        done = self.lab.tool("subscriber", "drop-id", "new-0", "--user-id", "15551", "--user-id",
                             "new-3")
        self.expect(done, DONE)
        shown = self.show("alice")
        self.assertEqual(shown["user_ids"], ["alice", "new-0", "new-1", "new-2", "new-4", "new-5"])
        self.assertTrue(shown["as_sealed"])
        self.expect(self.lab.tool("subscriber", "show", "15551"), UNKNOWN)
        done = self.lab.tool("subscriber", "add-id", "15552", "--user-id", "15551")
        self.expect(done, DONE, out="bob@ims.example.com has user ids 15552, 15551")

    def test_sqn(self):
        self.assertEqual(self.sqn("alice"), {"impi": "alice@ims.example.com", "ind_bits": 5,
                                             "sqn_ms": "000000000000", "highest_seq": 0,
                                             "seqs": [0] * 32})
        self.expect(self.lab.tool("sqn", "reset", "alice", "--to", "700"), DONE, out="SEQ is 700")
        self.assertEqual(self.sqn("15551")["seqs"], [700] * 32)
        self.expect(self.lab.tool("sqn", "reset", "alice", "--to", "699"), USAGE,
                    err="would be accepted once more")
        self.assertEqual(self.sqn("alice")["highest_seq"], 700)
        done = self.lab.tool("sqn", "reset", "alice", "--to", "3", "--even-downwards")
        self.expect(done, DONE, err="accepted once more")
        text = self.expect(self.lab.tool("sqn", "show", "alice"), DONE).stdout
        self.assertIn("highest-seq: 3\nind 0: 3\nind 1: 3\n", text)
        self.expect(self.lab.tool("sqn", "reset", "alice", "--to", str(SEQ_MOST)), DONE)
        self.assertEqual(self.sqn("15552")["seqs"], [0] * 32)

    def test_rotate_key(self):
        before = self.show("alice")
        self.expect(self.lab.tool("sqn", "reset", "alice", "--to", "700"), DONE)
        self.store("INSERT INTO gba (row, version, record, seal) VALUES (1, 1, x'00', x'00')")
        self.lab.write("key2", f"K={K2}\nOPc={OPC2}\n")
        done = self.lab.tool("subscriber", "rotate-key", "alice", "--key-file", "key2")
        self.expect(done, DONE, out="its SQN begins at 0",
                    err="CLEAR-TEXT LABORATORY IMPORT")
        self.assertIn(f"proof: looked for key {before['key']} in the token anew, 0 found",
                      done.stdout)
        shown = self.show("alice")
        self.assertNotEqual(shown["key"], before["key"])
        self.assertEqual(shown, dict(before, key=shown["key"]))
        self.assertEqual(self.sqn("alice")["seqs"], [0] * 32)
        self.assertEqual(self.store("SELECT count(*) FROM gba"), [(0,)])
        objects = self.lab.objects()
        self.assertNotIn(before["key"], objects)
        self.assertIn(shown["key"], objects)

    def test_remove_proves_that_the_key_is_gone(self):
        key = self.show("alice")["key"]
        done = self.lab.tool("subscriber", "remove", "alice", "--yes")
        self.expect(done, DONE,
                    out=f"proof: looked for key {key} in the token anew, 0 found")
        self.assertNotIn(key, self.lab.objects())

    def test_remove_proves_of_digest_secrets_too(self):
        self.lab.write("password", "secret of carol\n")
        self.expect(self.lab.tool("subscriber", "add", "--user-id", "carol", "--impi",
                                  "carol@ims.example.com", "--impu", "sip:carol@ims.example.com",
                                  "--domain", "ims.example.com", "--digest-password-file",
                                  "password"), DONE)
        self.expect(self.lab.tool("subscriber", "rotate-key", "carol", "--key-file", "key"), USAGE,
                    err="SIP digest alone")
        done = self.expect(self.lab.tool("subscriber", "remove", "carol", "--yes"), DONE)
        self.assertEqual(done.stdout.count("anew, 0 found"), 3, done.stdout)


class Lists(LifeCase):
    def setUp(self):
        super().setUp()
        for user, impi, domain in (("15553", "dora@ims.example.org", "ims.example.org"),
                                   ("15554", "carl@ims.example.net", "ims.example.net")):
            self.expect(self.lab.tool("subscriber", "add", "--user-id", user, "--impi", impi,
                                      "--impu", f"sip:{impi}", "--domain", domain, "--key-file",
                                      "key"), DONE)
        self.expect(self.lab.tool("subscriber", "disable", "15552"), DONE)

    def names(self, *more, status=DONE):
        done = self.expect(self.lab.tool("subscriber", "list", "--json", *more), status, out="[")
        self.assertRegex(done.stderr if status == DONE else "", LABORATORY)
        return [row["impi"].split("@")[0] for row in json.loads(done.stdout)]

    def test_refused(self):
        for more, status, err in ((("--sort", "name"), USAGE, "not row, impi or domain"),
                                  (("--origin", "moon"), USAGE, "not laboratory"),
                                  (("--enabled", "--disabled"), USAGE, "leave nobody"),
                                  (("--limit", "0"), USAGE, "from 1"),
                                  (("--after", "nobody"), UNKNOWN, '"nobody"')):
            with self.subTest(more=more):
                self.expect(self.lab.tool("subscriber", "list", *more), status, err=err)

    def test_filters(self):
        for more, names in (((), ["alice", "bob", "dora", "carl"]),
                            (("--enabled",), ["alice", "dora", "carl"]),
                            (("--disabled",), ["bob"]),
                            (("--domain", "IMS.example.COM"), ["alice", "bob"]),
                            (("--domain", "ims.example"), []),
                            (("--origin", "laboratory"), ["alice", "bob", "dora", "carl"]),
                            (("--origin", "generated"), []),
                            (("--match", "*@ims.example.[no]*"), ["dora", "carl"]),
                            (("--match", "1555[12]"), ["alice", "bob"]),
                            (("--match", "alice"), ["alice"]), (("--match", "x*"), []),
                            (("--match", "1555*", "--enabled", "--domain", "ims.example.com"),
                             ["alice"])):
            with self.subTest(more=more):
                self.assertEqual(self.names(*more), names)
        self.expect(self.lab.tool("subscriber", "list", "--match", "x*"), DONE)

    def test_orders_and_pages(self):
        for order, names in (("row", ["alice", "bob", "dora", "carl"]),
                             ("impi", ["alice", "bob", "carl", "dora"]),
                             ("domain", ["alice", "bob", "carl", "dora"])):
            with self.subTest(order=order):
                self.assertEqual(self.names("--sort", order), names)
                self.assertEqual(self.names("--sort", order, "--limit", "3"), names[:3])
                seen, page = [], ("--limit", "2")
                while part := self.names("--sort", order, *page):
                    seen += part
                    last = next(impi for impi in ("alice@ims.example.com", "bob@ims.example.com",
                                                  "carl@ims.example.net", "dora@ims.example.org")
                                if impi.startswith(part[-1]))
                    page = ("--limit", "2", "--after", last)
                self.assertEqual(seen, names)

    def test_a_record_that_cannot_be_read_is_told_in_every_order(self):
        self.store("UPDATE subscription SET record = x'0102' WHERE row = 2")
        for order in ("row", "impi", "domain"):
            with self.subTest(order=order):
                done = self.lab.tool("subscriber", "list", "--sort", order, "--json")
                self.expect(done, STORE, out="alice", err="not well formed")
                self.assertEqual(len(json.loads(done.stdout)), 3)
                self.assertEqual(done.stderr.count("not well formed"), 1)


class Completion(Case):
    with_token = False

    def complete(self, *words):
        script = ("eval \"$(\"$1\" completion)\"; shift; COMP_WORDS=(\"$@\"); "
                  "COMP_CWORD=$(($# - 1)); _nisim_token; printf '%s\\n' \"${COMPREPLY[@]}\"")
        done = subprocess.run(["bash", "-uc", script, "bash", self.lab.program, "nisim-token", *words],
                              capture_output=True, text=True, check=True, cwd=self.lab.folder)
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_bash(self):
        self.assertIn("subscriber", self.complete(""))
        self.assertEqual(self.complete("sub"), ["subscriber"])
        self.assertEqual(self.complete("subscriber", "e"), ["enable"])
        self.assertEqual(self.complete("--pin-file", "pin", "officer", ""),
                         ["add", "list", "remove"])
        self.assertEqual(self.complete("subscriber", "add", "--digest-p"),
                         ["--digest-password-file"])
        self.assertEqual(self.complete("subscriber", "show", "alice", "--j"), ["--json"])
        self.assertEqual(self.complete("check", "--impi"), [])
        self.assertEqual(self.complete("subscriber", "add", "--key-file", "ke"), ["key"])
        self.assertEqual(self.complete("init", "--label", ""), [])
        self.assertEqual(self.complete("frob", ""), [])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True, help="folder of the programs")
    options, rest = parser.parse_known_args()
    Case.bin_folder = os.path.abspath(options.bin)
    unittest.main(argv=[sys.argv[0], *rest])
