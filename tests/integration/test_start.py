"""Appliances that can't start, and how they say so: python3 test_start.py --bin BUILD/bin"""

import contextlib
import glob
import os
import shutil
import socket
import subprocess
import unittest

import appliance
from appliance import (EXIT_CONFIG, EXIT_LISTEN, EXIT_LOCKED, EXIT_NO_TOKEN, EXIT_STORE,
                       EXIT_WRONG_PIN)

NOBODY = 65534


class Start(appliance.Case):
    """They share token and store; each test has a configuration of its own."""
    is_started = False

    @classmethod
    def prepare(cls, lab):
        cls.alice = appliance.subscriber("alice")
        cls.seq = 0
        lab.add(cls.alice)

    def setUp(self):
        self.appliance.configure()

    def expect_end(self, status, *words, **how):
        """nisimd ends by itself; one line says why, and another at most that it ends."""
        process = self.appliance.spawn(**how)
        try:
            self.assertEqual(process.wait(timeout=60), status, self.appliance.log())
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        errors = self.appliance.errors()
        self.assertTrue(errors, self.appliance.log())
        for word in words:
            self.assertIn(word, errors[0])
        self.assertLessEqual(len(errors), 2, errors)
        self.assertFalse(self.appliance.lines("appliance-ready"))
        for secret in (appliance.PIN, appliance.SO_PIN):
            self.assertNotIn(secret, self.appliance.log())
        return errors

    def expect_works(self):
        self.appliance.configure()
        self.appliance.start()
        type(self).seq += 1
        challenge = self.alice.auc.challenge(self.seq)
        self.assertAccepted(self.appliance.authenticate("alice", challenge), challenge)
        self.assertEqual(self.appliance.stop(), 0)


class Token(Start):
    def spy(self):
        """The module behind one that writes down each call."""
        found = glob.glob("/usr/lib/*/pkcs11-spy.so")
        if not found:
            self.skipTest("pkcs11-spy.so (package opensc-pkcs11) is not there")
        return found[0], self.appliance.path("spied")

    def test_wrong_pin_is_tried_once(self):
        module, spied = self.spy()
        self.appliance.write("wrong-pin", "0000\n")
        self.appliance.configure(module=module, pin_file="wrong-pin")
        errors = self.expect_end(EXIT_WRONG_PIN, "token-unusable", "PIN is wrong",
                                 "CKR_PIN_INCORRECT", PKCS11SPY=appliance.MODULE,
                                 PKCS11SPY_OUTPUT=spied)
        self.assertIn("wrong-pin", errors[1])
        self.assertIn("not tried again", errors[1])
        self.assertEqual(self.appliance.read("spied").count("C_Login"), 1)
        self.expect_works()

    def test_pin_file(self):
        self.appliance.write("empty", "\n")
        for pin_file, word in (("missing", "No such file"), ("empty", "empty")):
            with self.subTest(pin_file=pin_file):
                self.appliance.configure(pin_file=pin_file)
                self.expect_end(EXIT_CONFIG, "pin-unreadable", "token.pin_file", pin_file, word)

    def test_token_missing(self):
        self.appliance.configure(label="other")
        self.expect_end(EXIT_NO_TOKEN, "token-unusable", 'token="other"', "no token")
        self.expect_works()

    def test_token_of_another_tool(self):
        subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", "bare", "--pin",
                        appliance.PIN, "--so-pin", appliance.SO_PIN], check=True,
                       env=self.appliance.environment, capture_output=True)
        self.appliance.configure(label="bare")
        self.expect_end(EXIT_NO_TOKEN, "token-unusable", "nisim-token init")

    def test_module_path_wrong(self):
        self.appliance.write("text.so", "no library")
        for module in ("/nonexistent/module.so", self.appliance.path("text.so"),
                       self.appliance.folder):
            with self.subTest(module=module):
                self.appliance.configure(module=module)
                self.expect_end(EXIT_NO_TOKEN, "module-unusable", "token.module", module)
        self.expect_works()


class Surroundings(Start):
    def test_port_taken(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            self.appliance.configure(port=port)
            self.expect_end(EXIT_LISTEN, "listen-failed", f"127.0.0.1:{port}",
                            "Address already in use")
        self.expect_works()

    def test_certificates(self):
        self.appliance.write("text.pem", "no certificate\n")
        for change, option in (({"certificate": "missing.pem"}, "missing.pem"),
                               ({"key": "missing.key"}, "missing.key"),
                               ({"certificate": "text.pem"}, "text.pem"),
                               ({"key": "pki/wwsf-1.key"}, "tls.key does not belong")):
            with self.subTest(change=change):
                self.appliance.configure(**change)
                self.expect_end(EXIT_CONFIG, "front-failed", option)
        self.expect_works()

    def test_same_store_twice(self):
        self.appliance.start()
        with contextlib.ExitStack() as undo:
            undo.callback(self.appliance.stop)
            second = self.appliance.configure(file="second.conf", port=appliance.free_port())
            done = subprocess.run([self.appliance.program("nisimd"), "--config", second], text=True,
                                  capture_output=True, timeout=60, check=False,
                                  env=self.appliance.environment)
            self.assertEqual(done.returncode, EXIT_LOCKED)
            self.assertIn("store-in-use", done.stderr)
            self.assertIn(f"holder={self.appliance.process.pid} ", done.stderr)
            self.assertEqual(done.stderr.count(" error "), 1)
            self.assertEqual(self.appliance.nisim("ping")[0], appliance.DONE)


class Store(Start):
    """Each on a store of its own: a copy, then spoilt."""

    def copy(self, name):
        shutil.copytree(self.appliance.path("state"), self.appliance.path(name))
        self.appliance.configure(store=f"{name}/nisim.db")
        return self.appliance.path(f"{name}/nisim.db")

    def test_folder_missing(self):
        self.appliance.configure(store="missing/nisim.db")
        self.expect_end(EXIT_STORE, "store-unusable", "missing/nisim.db", "No such file")

    def test_store_missing(self):
        os.unlink(self.copy("empty"))
        self.expect_end(EXIT_STORE, "store-unusable", "empty/nisim.db")
        self.assertNotIn("nisim.db", os.listdir(self.appliance.path("empty")))

    def test_no_database(self):
        path = self.copy("text")
        with open(path, "wb") as file:
            file.write(b"This is no database.\n" * 1000)
        self.expect_end(EXIT_STORE, "store-unusable", "not a database")
        with open(path, "wb") as file:
            file.truncate(0)
        self.expect_end(EXIT_STORE, "store-unusable", path)
        self.expect_works()

    def test_pages_overwritten(self):
        path = self.copy("damaged")
        size = os.path.getsize(path)
        with open(path, "r+b") as file:
            file.seek(100)
            file.write(os.urandom(size - 100))
        self.expect_end(EXIT_STORE, "store-unusable", path)
        self.expect_works()

    def test_cut_in_half(self):
        path = self.copy("cut")
        os.truncate(path, os.path.getsize(path) // 2)
        self.expect_end(EXIT_STORE, "store-unusable", path)

    def test_store_of_another_token(self):
        """Its seals do not fit: nobody is served by it, and nothing breaks."""
        other = self.copy("other")
        subprocess.run(["sqlite3", other, "UPDATE subscription SET seal = randomblob(32)"],
                       check=True)
        self.appliance.start()
        status, shown = self.appliance.authenticate("alice", self.alice.auc.challenge(1 << 20))
        self.assertEqual(status, appliance.REFUSED)
        self.assertIn("KEY_UNUSABLE", shown["why"])
        self.assertEqual(self.appliance.nisim("ping")[0], appliance.DONE)
        self.assertEqual(self.appliance.stop(), 0)
        # The token has gone on with the copy, so the first one is an old store now.
        self.appliance.configure()
        self.appliance.token("state", "accept", "--yes")
        type(self).seq += 1 << 25  # past what that has moved on to
        self.expect_works()

    @unittest.skipUnless(os.geteuid() == 0, "only root can become another user")
    def test_unwritable_folder(self):
        """As an unprivileged user in a folder of root's."""
        self.copy("roots")
        for name in ("pin", "pki/server.key", "nisim.conf", "softhsm2.conf"):
            os.chmod(self.appliance.path(name), 0o644)
        with self.unprivileged_programs() as programs:
            command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
            usual, self.appliance.programs = self.appliance.programs, programs
            try:
                self.expect_end(EXIT_STORE, "store-unusable", "Permission denied", command=command)
            finally:
                self.appliance.programs = usual
        self.expect_works()

    @contextlib.contextmanager
    def unprivileged_programs(self):
        """Where the build is need not be open to everybody."""
        programs = self.appliance.path("programs")
        os.mkdir(programs)
        for name in ("nisimd", "nisim-keeper", "nisim-front"):
            shutil.copy(self.appliance.program(name), programs)
            os.chmod(os.path.join(programs, name), 0o755)
        yield programs
        shutil.rmtree(programs)


class Check(Start):
    """nisimd --check: file, line, option, reason."""

    def check(self, path):
        return subprocess.run([self.appliance.program("nisimd"), "--check", path], text=True,
                              capture_output=True, timeout=60, check=False)

    def test_good(self):
        done = self.check(self.appliance.configure())
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_faults(self):
        good = self.appliance.read("nisim.conf")
        for old, new, line, words in (
                ("keepers = 2;", "keepers = 0;", 3, "keepers: 0 is not between"),
                ("keepers = 2;", 'keepers = "2";', 3, "keepers: "),
                ("keepers = 2;", "keepers = 2; kepers = 3;", 3, "kepers: "),
                ("keepers = 2;", "keepers = ;", 3, "syntax error"),
                ('log = "debug"', 'log = "loud"', 4, "log: "),
                ("drain_timeout = 10;", "drain_timeout = 0;", 7, "limits.drain_timeout: 0 is not"),
                ("pki/server.pem", "pki/missing.pem", 5, "tls.certificate: "),
                ('"pin"', '"missing"', 6, "token.pin_file: "),
                (appliance.MODULE, "/missing.so", 6, "token.module: "),
                ('label = "nisim";', "", 6, "token"),
                ('label = "nisim";', 'label = "nisim"; serial = "1";', 6, "token"),
                ("state/nisim.db", "missing/nisim.db", 2, "store: "),
                ('wwsf-2"; domains = ("*")', 'wwsf-2"; domains = ()', 11, "clients[1].domains: "),
                ('forms = ("card"); }\n);', 'forms = ("cart"); }\n);', 14, "clients[3].forms"),
                ("uri:urn", "urn:urn", 11, "clients[1].certificate: "),
                ('name = "wwsf-2"', 'name = "wwsf-1"', 11, "clients[1].name: ")):
            with self.subTest(old=old, new=new):
                self.assertEqual(good.count(old), 1)
                path = self.appliance.write("bad.conf", good.replace(old, new))
                done = self.check(path)
                self.assertEqual((done.returncode, done.stdout), (EXIT_CONFIG, ""))
                self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
                self.assertTrue(done.stderr.startswith(f"{path}:{line}: "), done.stderr)
                self.assertIn(words, done.stderr)

    def test_files_open_to_everybody(self):
        os.chmod(self.appliance.path("pin"), 0o644)
        self.addCleanup(os.chmod, self.appliance.path("pin"), 0o600)
        done = self.check(self.appliance.configure())
        self.assertEqual(done.returncode, EXIT_CONFIG)
        self.assertIn("token.pin_file: ", done.stderr)

    def test_no_file(self):
        done = self.check(self.appliance.path("missing.conf"))
        self.assertEqual(done.returncode, EXIT_CONFIG)
        self.assertIn("missing.conf: No such file", done.stderr)

    def test_bad_configuration_is_not_started(self):
        self.appliance.configure(keepers=0)
        self.expect_end(EXIT_CONFIG, "config-bad", "nisim.conf:3: keepers: 0 is not between")
        self.expect_works()


del Start

if __name__ == "__main__":
    appliance.main()
