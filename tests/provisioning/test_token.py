"""nisim-token on a SoftHSM token: what it refuses, then what it does."""

import argparse
import contextlib
import json
import os
import pty
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "user-pin-4826"
SO_PIN = "so-pin-7391"
K = "465b5ce8b199b49faa5f0a2ee238a6bc"  # TS 35.208 set 1
OP = "cdc202d5123e20f62b6d676ac72cb318"
OPC = "cd63cb71954a9f4e48a5994e37a02baf"
KEY_FILE = f"K={K}\nOP={OP}\n"
NOBODY = 65534

DONE, FAILED, USAGE, BAD_PIN, NO_TOKEN, NO_MODULE, STORE, TAKEN, UNKNOWN = range(9)

CONFIG = """
listen = "127.0.0.1:7443"; store = "nisim.db";
tls: {{ certificate = "server.pem"; key = "server.key"; client_ca = "ca.pem"; }};
token: {{ module = "{module}"; label = "nisim"; pin_file = "pin"; call_timeout = {timeout}; }};
clients = ( {{ name = "wwsf"; certificate = "dns:wwsf.example.com"; domains = ("*"); forms = ("card"); }} );
"""


# Folders of labs as they were at some step, for Lab.once.
KEPT = tempfile.TemporaryDirectory(prefix="nisim-token-kept-")


class Lab:
    """A folder with PINs, a SoftHSM configuration without a token, and nisim-token run in it."""

    def __init__(self, bin_folder):
        self.program = os.path.join(bin_folder, "nisim-token")
        self.folder = tempfile.mkdtemp(prefix="nisim-token-")
        self.environment = dict(os.environ, SOFTHSM2_CONF=self.path("softhsm2.conf"))
        os.mkdir(self.path("tokens"))
        self.configure_softhsm()
        self.write("pin", PIN + "\n")
        self.write("so-pin", SO_PIN + "\n")
        self.write("key", KEY_FILE)

    def close(self):
        shutil.rmtree(self.folder)

    def configure_softhsm(self):
        self.write("softhsm2.conf", f"directories.tokendir = {self.path('tokens')}\n"
                                    "log.level = ERROR\n")

    def once(self, step, make):
        """Does it in the first lab that comes here; the next ones get a copy of how it left the folder."""
        kept = os.path.join(KEPT.name, step)
        if os.path.exists(kept):
            shutil.rmtree(self.folder)
            shutil.copytree(kept, self.folder)
            self.configure_softhsm()
        else:
            make()
            shutil.copytree(self.folder, kept)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def run(self, *arguments, text="", descriptors=()):
        # A session of its own: no terminal to ask on.
        return subprocess.run([self.program, *arguments], input=text, text=True, timeout=60,
                              capture_output=True, cwd=self.folder, env=self.environment,
                              start_new_session=True, pass_fds=descriptors, check=False)

    def tool(self, *words, pin="pin", token=("--token-label", "nisim"), store="nisim.db",
             **how):
        arguments = [*words, "--module", MODULE, *token]
        if pin:
            arguments += ["--pin-file", pin]
        if store and words[0] != "check":
            arguments += ["--store", store]
        return self.run(*arguments, **how)

    def init(self, *more, **how):
        return self.tool("init", "--label", "nisim", "--so-pin-file", "so-pin", *(more or ("--laboratory",)), token=(), **how)

    def add(self, *more, user="15551", impi="alice@ims.example.com", key="key", **how):
        return self.tool("subscriber", "add", "--user-id", user, "--impi", impi, "--impu",
                         f"sip:{impi}", "--domain", "ims.example.com", "--key-file", key, *more,
                         **how)

    def softhsm(self, *arguments):
        subprocess.run(["softhsm2-util", *arguments], env=self.environment, check=True,
                       stdout=subprocess.DEVNULL)

    def objects(self):
        done = subprocess.run(["pkcs11-tool", "--module", MODULE, "--token-label", "nisim",
                               "--login", "--pin", PIN, "--list-objects"], env=self.environment,
                              capture_output=True, text=True, check=True)
        # How far the store has come is no business of these tests; OpenSC 0.26 has it in URIs too.
        listed = re.sub(r"^ +uri: .*\n", "", done.stdout, flags=re.M)
        return re.sub(r"(nisim anchor) [0-9a-f]{48}", r"\1", listed)

    @contextlib.contextmanager
    def pipe(self, text):
        """A descriptor to read `text` from."""
        reader, writer = os.pipe()
        os.write(writer, text.encode())
        os.close(writer)
        try:
            yield reader
        finally:
            os.close(reader)

    def on_terminal(self, arguments, answers):
        """Types each answer when its prompt is there. Returns exit status and what was shown."""
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(self.folder)
            os.execve(self.program, [self.program, *arguments], self.environment)
        shown = b""
        for prompt, answer in answers:
            while prompt.encode() not in shown:
                shown += os.read(terminal, 4096)
            time.sleep(0.1)  # until the echo is off
            shown = shown.replace(prompt.encode(), b"", 1)
            os.write(terminal, answer.encode() + b"\n")
        with contextlib.suppress(OSError):  # EIO: the other end is closed
            while part := os.read(terminal, 4096):
                shown += part
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown.decode()


class Case(unittest.TestCase):
    bin_folder = ""
    with_token = True

    def setUp(self):
        self.lab = Lab(self.bin_folder)
        self.addCleanup(self.lab.close)
        if self.with_token:
            self.lab.once("token", self.make_token)

    def make_token(self):
        self.expect(self.lab.init(), DONE, out='token "nisim" made')

    def expect(self, done, status, out="", err=""):
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertIn(out, done.stdout)
        self.assertIn(err, done.stderr)
        for secret in (K, OP, OPC, PIN, SO_PIN):
            self.assertNotIn(secret, (done.stdout + done.stderr).lower())
        if status != DONE and not out:
            self.assertEqual(done.stdout, "")
            self.assertTrue(done.stderr.startswith("nisim-token: "), done.stderr)
        return done

    def expect_untouched(self, objects):
        self.assertEqual(self.lab.objects(), objects)


class CommandLine(Case):
    with_token = False

    def test_usage(self):
        for arguments, err in (
                ((), "no verb"), (("frob",), "no such verb"), (("subscriber",), "no such verb"),
                (("subscriber", "show"), "needs NAME"), (("check", "x"), '"x" is one word too many'),
                (("subscriber", "list", "a"), "one word too many"),
                (("check", "--yes"), "check does not take --yes"),
                (("init", "--json"), "init does not take --json"),
                (("check", "--module", MODULE), "no token: give"),
                (("check", "--token-label", "x"), "no module: give"),
                (("check", "--token-label", "x", "--token-serial", "y"), "more than one way"),
                (("check", "--pin-file", "a", "--pin-fd", "3"), "both given"),
                (("check", "--module", "a", "--module", "b"), "--module is given twice"),
                (("check", "--pin-fd", "x"), "is not a number from 0"),
                (("check", "--pin-fd", "-1"), "is not a number from 0"),
                (("check", "--pin-fd", "3x"), "is not a number from 0"),
                (("check", "--config", "missing.conf"), "missing.conf"),
                (("subscriber", "list"), "no store: give"),
                (("init",), "no label: give"),
                (("init", "--label", "x" * 33, "--module", MODULE), "1 to 32 bytes"),
                (("init", "--label", "", "--module", MODULE), "1 to 32 bytes"),
                (("init", "--label", "a\nb", "--module", MODULE), "1 to 32 bytes")):
            with self.subTest(arguments=arguments):
                self.expect(self.lab.run(*arguments), USAGE, err=err)

    def test_no_option_takes_a_secret(self):
        for option in ("--pin", "--so-pin", "--k", "--op", "--opc", "--key"):
            with self.subTest(option=option):
                done = self.lab.run("check", option + "=1234")
                self.assertEqual(done.returncode, USAGE)

    def test_help_and_version(self):
        text = self.expect(self.lab.run("--help"), DONE, out="subscriber remove").stdout
        for option in ("--config", "--pin-fd", "--key-file", "--age-limit", "--json", "--yes"):
            self.assertIn(option, text)
        self.expect(self.lab.run("--version"), DONE, out="nisim-token 0.")
        self.assertNotIn("--impi", self.lab.run("check", "--help").stdout)


class Init(Case):
    with_token = False

    def test_wrong_module(self):
        self.lab.write("text.so", "no library")
        for path in ("/nonexistent.so", self.lab.path("text.so"), "libm.so.6"):
            done = self.lab.run("init", "--label", "nisim", "--module", path, "--store", "nisim.db")
            self.expect(done, NO_MODULE, err=path)

    def test_bad_pins_make_no_token(self):
        self.lab.write("empty", "\n")
        self.lab.write("long", "1" * 300)
        self.lab.write("short", "123")
        for pin, err in (("missing", "No such file"), ("empty", "empty or too long"),
                         ("long", "empty or too long"), ("short", "PINs of 4 to 255 bytes")):
            with self.subTest(pin=pin):
                self.expect(self.lab.init(pin=pin), BAD_PIN, err=err)
        done = self.lab.tool("init", "--label", "nisim", "--so-pin-file", "short", token=())
        self.expect(done, BAD_PIN, err="nothing is changed")
        done = self.lab.tool("init", "--label", "nisim", token=())
        self.expect(done, BAD_PIN, err="no SO PIN")
        self.expect(self.lab.init(), DONE)

    def test_bad_store_makes_no_token(self):
        self.lab.write("text", "no database" * 100)
        for store, err in (("missing/nisim.db", "No such file"), ("/proc/nisim.db", "/proc/nisim.db"),
                           ("tokens", "tokens"), ("text", "not a database")):
            with self.subTest(store=store):
                self.expect(self.lab.init(store=store), STORE, err=err)
        self.expect(self.lab.init(), DONE)

    def test_existing_token_is_left_alone(self):
        self.expect(self.lab.init(), DONE)
        objects = self.lab.objects()
        self.lab.write("pin", "other-pin\n")
        self.expect(self.lab.init(), TAKEN, err="left as it is")
        self.expect_untouched(objects)

    def test_store_of_another_token(self):
        self.expect(self.lab.init(), DONE)
        self.expect(self.lab.add(), DONE)
        done = self.lab.tool("init", "--label", "other", "--so-pin-file", "so-pin", token=())
        self.expect(done, STORE, err="subscriptions of another token")

    def test_pins_from_descriptors(self):
        with self.lab.pipe(PIN + "\n") as pin, self.lab.pipe(SO_PIN) as so_pin:
            same = self.lab.run("init", "--module", MODULE, "--store", "nisim.db", "--label",
                                "nisim", "--pin-fd", str(pin), "--so-pin-fd", str(pin))
            self.expect(same, USAGE, err="same descriptor")
            done = self.lab.run("init", "--module", MODULE, "--store", "nisim.db", "--label",
                                "nisim", "--pin-fd", str(pin), "--so-pin-fd", str(so_pin),
                                descriptors=(pin, so_pin))
            self.expect(done, DONE)
        self.expect(self.lab.tool("check"), DONE, out="usable: yes")

    def test_asks_twice_on_a_terminal(self):
        arguments = ["init", "--module", MODULE, "--store", "nisim.db", "--label", "nisim"]
        status, shown = self.lab.on_terminal(arguments, (
            ("New SO PIN: ", SO_PIN), ("Again the new SO PIN: ", SO_PIN + "x")))
        self.assertEqual(status, BAD_PIN, shown)
        self.assertNotIn(SO_PIN, shown)
        status, shown = self.lab.on_terminal(arguments, (
            ("New SO PIN: ", SO_PIN), ("Again the new SO PIN: ", SO_PIN),
            ("New USER PIN: ", PIN), ("Again the new USER PIN: ", PIN)))
        self.assertEqual(status, DONE, shown)
        self.assertNotIn(PIN, shown)
        self.assertIn("sensitive, always sensitive, never extractable", self.lab.objects())
        status, shown = self.lab.on_terminal(
            ["check", "--module", MODULE, "--token-label", "nisim"], (("USER PIN: ", PIN),))
        self.assertEqual(status, DONE, shown)

    @unittest.skipUnless(os.geteuid() == 0, "only root can act as another user")
    def test_root_in_the_folder_of_another_user(self):
        os.mkdir(self.lab.path("state"))
        os.chown(self.lab.path("state"), NOBODY, -1)
        self.expect(self.lab.init(store="state/nisim.db"), USAGE, err="sudo -u nobody nisim-token")
        self.assertEqual(os.listdir(self.lab.path("state")), [])

    def test_configuration(self):
        self.lab.write("nisim.conf", CONFIG.format(module=MODULE, timeout=10))
        done = self.lab.run("init", "--laboratory", "--config", "nisim.conf", "--so-pin-file", "so-pin")
        self.expect(done, DONE, out="nisim.db")
        self.expect(self.lab.run("check", "--config", "nisim.conf"), DONE)
        self.expect(self.lab.run("subscriber", "list", "--config", "nisim.conf"), DONE)
        done = self.lab.run("check", "--config", "nisim.conf", "--token-label", "other")
        self.expect(done, NO_TOKEN, err='"other"')

    def test_a_module_that_hangs(self):
        hung = os.path.join(self.bin_folder, "..", "tests", "libhung_module.so")
        self.lab.write("nisim.conf", CONFIG.format(module=os.path.abspath(hung), timeout=1))
        start = time.monotonic()
        self.expect(self.lab.run("check", "--config", "nisim.conf"), FAILED,
                    err="did not answer in time")
        self.assertLess(time.monotonic() - start, 30)


class Token(Case):
    def test_token_missing(self):
        for token in (("--token-label", "other"), ("--token-serial", "0"),
                      ("--token-uri", "pkcs11:token=other"), ("--token-uri", "pkcs11:"),
                      ("--token-uri", "nisim")):
            with self.subTest(token=token):
                self.expect(self.lab.tool("check", token=token), NO_TOKEN, err=token[1])

    def test_token_not_clear(self):
        self.lab.softhsm("--init-token", "--free", "--label", "nisim", "--pin", PIN, "--so-pin",
                         SO_PIN)
        self.expect(self.lab.tool("check"), NO_TOKEN, err="more than one")

    def test_token_by_uri_and_serial(self):
        text = self.expect(self.lab.tool("check", token=("--token-uri", "pkcs11:token=nisim")),
                           DONE).stdout
        serial = re.search("serial ([0-9a-f]+)", text).group(1)
        self.expect(self.lab.tool("check", token=("--token-serial", serial)), DONE)

    def test_wrong_pin_is_tried_once(self):
        self.lab.write("wrong", "9999\n")
        done = self.expect(self.lab.tool("check", pin="wrong"), BAD_PIN, err="CKR_PIN_INCORRECT")
        self.assertEqual(done.stderr.count("\n"), 1)
        self.expect(self.lab.tool("check", pin="missing"), BAD_PIN, err="No such file")
        self.expect(self.lab.tool("check", pin=None), BAD_PIN, err="none was typed")
        self.expect(self.lab.tool("check"), DONE)

    def test_check_leaves_nothing_behind(self):
        objects = self.lab.objects()
        text = self.expect(self.lab.tool("check"), DONE, out="usable: yes").stdout
        self.assertEqual(len(re.findall(r" yes +(needed|wanted)", text)), 16, text)
        self.expect_untouched(objects)

    def test_token_of_another_tool(self):
        self.lab.softhsm("--init-token", "--free", "--label", "bare", "--pin", PIN, "--so-pin",
                         SO_PIN)
        bare = ("--token-label", "bare")
        done = self.expect(self.lab.tool("check", token=bare), FAILED, out="usable: no",
                           err="must not be used")
        self.assertRegex(done.stdout, r"integrity key of nisim-token init +no +needed")
        self.expect(self.lab.add(token=bare), FAILED, err="not made by nisim-token init")


class Add(Case):
    def test_bad_key_files(self):
        objects = self.lab.objects()
        for text, err in ((f"K={K[1:]}\nOP={OP}\n", "line 1: K is not 32 hex digits"),
                          (f"K={K}00\nOP={OP}\n", "line 1: K is not 32 hex digits"),
                          (f"K=x{K[1:]}\nOP={OP}\n", "line 1: K is not 32 hex digits"),
                          (f"K={K}\nOP={OP}\nOPc={OPC}\n", "both OP and OPc"),
                          (f"K={K}\n", "no line OP= or OPc="), (f"OP={OP}\n", "no line K="),
                          ("", "no line K="), (K, "line 1: not K=")):
            with self.subTest(err=err):
                self.expect(self.lab.add(key="-", text=text), USAGE, err=err)
                self.lab.write("bad", text)
                self.expect(self.lab.add(key="bad"), USAGE, err="key file bad: ")
        self.expect(self.lab.add(key="missing"), USAGE, err="No such file")
        self.expect(self.lab.add(key="tokens"), USAGE, err="can't be read")
        self.expect(self.lab.add("--pin-fd", "0", key="-", pin=None), USAGE, err="standard input")
        self.expect_untouched(objects)

    def test_bad_names(self):
        objects = self.lab.objects()
        for more, err in ((("--user-id", ""), "it is empty"),
                          (("--user-id", "a\nb"), "control characters"),
                          (("--user-id", "15551"), "given twice"),
                          (("--impu", "alice"), "not a SIP or tel URI"),
                          (("--impu", "tel:x"), "not a tel URI"),
                          (("--p-cscf", "localhost"), "not a domain name or an IP address"),
                          (("--ind-bits", "7"), "from 0 to 6"), (("--delta", "0"), "from 1 to"),
                          (("--delta", "281474976710656"), "from 1 to 281474976710655"),
                          (("--age-limit", "-1"), "from 0 to"),
                          (tuple(["--p-cscf", "192.0.2.1"] * 9), "more than 8")):
            with self.subTest(more=more):
                self.expect(self.lab.add(*more), USAGE, err=err)
        self.expect(self.lab.add(impi="alice"), USAGE, err="not user@realm")
        done = self.lab.tool("subscriber", "add", "--user-id", "1", "--impi", "a@b.c", "--impu",
                             "sip:a@b.c", "--domain", "nowhere", "--key-file", "key")
        self.expect(done, USAGE, err="not a domain name")
        done = self.lab.tool("subscriber", "add", "--key-file", "key")
        self.expect(done, USAGE, err="needs --user-id")
        self.expect_untouched(objects)

    def test_names_that_are_taken(self):
        self.expect(self.lab.add("--user-id", "alice"), DONE)
        objects = self.lab.objects()
        for user, impi, name in (("15551", "bob@ims.example.com", "15551"),
                                 ("alice", "bob@ims.example.com", "alice"),
                                 ("15552", "alice@ims.example.com", "alice@ims.example.com"),
                                 ("alice@ims.example.com", "bob@ims.example.com",
                                  "alice@ims.example.com")):
            with self.subTest(name=name):
                self.expect(self.lab.add(user=user, impi=impi), TAKEN, err=f'"{name}"')
        self.expect_untouched(objects)

    def test_a_store_that_fails_leaves_no_key(self):
        objects = self.lab.objects()
        with contextlib.closing(sqlite3.connect(self.lab.path("nisim.db"))) as other:
            other.execute("BEGIN IMMEDIATE")  # others can read, not write
            self.expect(self.lab.add(), STORE, err="locked")
            other.rollback()
        self.expect_untouched(objects)
        self.expect(self.lab.add(), DONE)

    def test_stores_that_cannot_be_used(self):
        self.lab.write("text", "no database" * 100)
        with contextlib.closing(sqlite3.connect(self.lab.path("other.db"))) as other:
            other.execute("CREATE TABLE t (x)")
            other.commit()
        objects = self.lab.objects()
        for store, err in (("missing.db", "missing.db"), ("text", "not a database"),
                           ("other.db", "not a nisim store"), ("tokens", "tokens")):
            with self.subTest(store=store):
                self.expect(self.lab.add(store=store), STORE, err=err)
        self.expect_untouched(objects)
        self.assertFalse(os.path.exists(self.lab.path("missing.db")))

    def test_wrong_pin_and_token(self):
        self.lab.write("wrong", "9999\n")
        self.expect(self.lab.add(pin="wrong"), BAD_PIN, err="not tried again")
        self.expect(self.lab.add(token=("--token-label", "other")), NO_TOKEN)
        self.expect(self.lab.tool("subscriber", "list"), DONE)

    def test_what_stands_in_the_token(self):
        self.expect(self.lab.add(), DONE, err="CLEAR-TEXT LABORATORY IMPORT")
        objects = self.lab.objects()
        key = re.search(r"AES length 16\n  label: +nisim K alice@ims.example.com\n"
                        r"  ID: +([0-9a-f]{16})\n  Usage: +encrypt\n  Access: +sensitive\n", objects)
        self.assertIsNotNone(key, objects)
        self.assertIn(f"'nisim OPc {key.group(1)}'", objects)
        self.assertRegex(objects, r"label: +nisim KEK\n  ID: +00000001\n  Usage: +wrap, unwrap\n"
                                  r"  Access: +sensitive, always sensitive, never extractable")
        self.assertRegex(objects, r"label: +nisim integrity\n  Usage: +(sign, )?verify\n"
                                  r"  Access: +sensitive, always sensitive, never extractable")
        read = subprocess.run(["pkcs11-tool", "--module", MODULE, "--token-label", "nisim",
                               "--login", "--pin", PIN, "--read-object", "--type", "secrkey",
                               "--id", key.group(1)], env=self.lab.environment,
                              capture_output=True, check=False)
        self.assertNotEqual(read.returncode, 0)
        self.assertNotIn(bytes.fromhex(K), read.stdout)

    def test_no_key_in_any_file(self):
        os.remove(self.lab.path("key"))
        self.expect(self.lab.add(key="-", text=KEY_FILE), DONE)
        for folder, _, names in os.walk(self.lab.folder):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    content = file.read()
                for secret in (K, OP, OPC):
                    self.assertNotIn(bytes.fromhex(secret), content, name)
                    self.assertNotIn(secret.encode(), content.lower(), name)


class Subscribers(Case):
    def setUp(self):
        super().setUp()
        self.bare = self.lab.objects()
        self.expect(self.lab.add("--user-id", "alice", "--impu", "tel:+15551", "--p-cscf",
                                 "192.0.2.1", "--ind-bits", "4", "--delta", "1000", "--age-limit",
                                 "500"), DONE)
        self.expect(self.lab.add(user="15552", impi="bob@ims.example.com", key="-",
                                 text=f"K={K}\nOPc={OPC}\n"), DONE)

    def show(self, name):
        done = self.expect(self.lab.tool("subscriber", "show", name, "--json"), DONE)
        return json.loads(done.stdout)

    def alter(self, impi):
        """Turns the byte of `enabled` in the record, as somebody with the file could."""
        with contextlib.closing(sqlite3.connect(self.lab.path("nisim.db"))) as store:
            row, record = store.execute(
                "SELECT s.row, record FROM subscription s JOIN name n ON s.row = n.row "
                "WHERE text = ?", (impi,)).fetchone()
            record = record[:1] + bytes([record[1] ^ 1]) + record[2:]
            store.execute("UPDATE subscription SET record = ? WHERE row = ?", (record, row))
            store.commit()

    def test_card_pin(self):
        self.lab.write("card-pin", "0815\n")
        self.expect(self.lab.tool("subscriber", "unblock-pin", "alice"), FAILED, err="asks for no PIN")
        objects = self.lab.objects()
        for text in ("081", "123456789", "08 15", "abcd", "-815", "٠٨١٥"):
            with self.subTest(text=text):
                self.lab.write("bad-pin", text + "\n")
                done = self.lab.add("--card-pin-file", "bad-pin", user="3", impi="carol@ims.example.com")
                self.expect(done, USAGE, err="bad-pin: it is not 4 to 8 digits")
                self.assertNotIn(text, done.stderr)
        for file, err in (("nowhere", "No such file"), ("/dev/null", "empty")):
            self.expect(self.lab.add("--card-pin-file", file, user="3", impi="carol@ims.example.com"),
                        BAD_PIN, err=err)
        self.expect(self.lab.add("--card-pin-file", "-", user="3", impi="carol@ims.example.com", key="-"),
                    USAGE, err="standard input")
        self.expect_untouched(objects)
        self.expect(self.lab.add("--card-pin-file", "-", user="3", impi="carol@ims.example.com",
                                 text="0815\n"), DONE)
        self.assertEqual(self.show("3")["card_pin_tries"], 3)
        with contextlib.closing(sqlite3.connect(self.lab.path("nisim.db"))) as store:
            store.execute("UPDATE pin SET tries = 1")
            store.commit()
        self.assertEqual(self.show("3")["card_pin_tries"], 1)
        self.expect(self.lab.tool("subscriber", "unblock-pin", "3"), DONE, out="has 3 tries")
        self.assertEqual(self.show("3")["card_pin_tries"], 3)
        self.expect(self.lab.tool("subscriber", "disable", "3"), DONE)
        self.assertEqual(self.show("3")["card_pin_tries"], 3)
        with contextlib.closing(sqlite3.connect(self.lab.path("nisim.db"))) as store:
            store.execute("DELETE FROM pin")
            store.commit()
        self.expect(self.lab.tool("subscriber", "show", "3"), STORE, err="no PIN counter")
        self.expect(self.lab.tool("subscriber", "unblock-pin", "3"), STORE, err="no PIN counter")
        self.expect(self.lab.tool("subscriber", "remove", "3", "--yes"), DONE)

    def test_unknown(self):
        for verb in ("show", "enable", "disable", "unblock-pin", "remove"):
            for name in ("carol", "", "x" * 300, "ALICE"):
                done = self.lab.tool("subscriber", verb, name)
                self.expect(done, UNKNOWN, err="no subscriber")

    def test_show(self):
        shown = self.show("alice")
        self.assertRegex(shown.pop("key"), "^[0-9a-f]{16}$")
        self.assertEqual(shown, {
            "impi": "alice@ims.example.com", "user_ids": ["15551", "alice"],
            "impus": ["sip:alice@ims.example.com", "tel:+15551"], "domain": "ims.example.com",
            "p_cscfs": ["192.0.2.1"], "enabled": True, "as_sealed": True, "key_in_token": True,
            "digests": [], "digest_realm": None, "digest_origin": None, "gba": False, "gba_u_mac": False, "card_pin_tries": None,
            "key_origin": "clear-text laboratory import", "ind_bits": 4, "delta": 1000,
            "age_limit": 500, "sqn_ms": "000000000000", "highest_seq": 0, "residence": "resident",
            "kek": None, "kek_in_token": False, "laboratory_token": True})
        self.assertEqual(self.show("15551"), self.show("alice@ims.example.com"))
        text = self.expect(self.lab.tool("subscriber", "show", "15552"), DONE).stdout
        self.assertIn("key-origin: clear-text laboratory import\nresidence: resident\n"
                      "laboratory-token: yes\nkey-in-token: yes\nind-bits: 5\n"
                      "delta: 268435456\nage-limit: 0\n", text)

    def test_show_sqn(self):
        with contextlib.closing(sqlite3.connect(self.lab.path("nisim.db"))) as store:
            seqs = (7).to_bytes(8, "big") + (300).to_bytes(8, "big") + bytes(62 * 8)
            store.execute("UPDATE sqn SET seqs = ? WHERE row = 1", (seqs,))
            store.commit()
        shown = self.show("alice")
        self.assertEqual((shown["highest_seq"], shown["sqn_ms"]), (300, f"{300 << 4 | 1:012x}"))

    def test_list(self):
        done = self.expect(self.lab.tool("subscriber", "list"), DONE)
        self.assertRegex(done.stdout, r"alice@ims.example.com +enabled  [0-9a-f]{16} 15551, alice\n"
                                      r"bob@ims.example.com +enabled  [0-9a-f]{16} 15552\n")
        self.assertEqual(done.stderr, 'nisim-token: token "nisim" is a laboratory\'s: keys in clear '
                                      "text were or may be loaded\n")
        rows = json.loads(self.lab.tool("subscriber", "list", "--json").stdout)
        self.assertEqual(rows, [self.show("alice"), self.show("15552")])

    def test_list_counts_keys_without_subscriber(self):
        with contextlib.closing(sqlite3.connect(self.lab.path("nisim.db"))) as store:
            store.execute("PRAGMA foreign_keys = ON")
            store.execute("DELETE FROM subscription WHERE row = 1")
            store.commit()
        self.expect(self.lab.tool("subscriber", "list"), DONE, out="bob", err="1 of 2 keys")

    def test_disable_and_enable(self):
        self.expect(self.lab.tool("subscriber", "disable", "alice"), DONE, out="is disabled")
        self.assertFalse(self.show("15551")["enabled"])
        self.assertTrue(self.show("15552")["enabled"])
        self.expect(self.lab.tool("subscriber", "disable", "alice"), DONE)
        self.expect(self.lab.tool("subscriber", "enable", "15551"), DONE, out="is enabled")
        shown = self.show("alice")
        self.assertTrue(shown["enabled"] and shown["as_sealed"])

    def test_remove_must_be_confirmed(self):
        objects = self.lab.objects()
        self.expect(self.lab.tool("subscriber", "remove", "alice"), USAGE, err="give --yes")
        arguments = ["subscriber", "remove", "alice", "--module", MODULE, "--token-label", "nisim",
                     "--pin-file", "pin", "--store", "nisim.db"]
        status, shown = self.lab.on_terminal(arguments, (("to confirm: ", "alice"),))
        self.assertEqual(status, FAILED, shown)
        self.expect_untouched(objects)
        status, shown = self.lab.on_terminal(arguments,
                                             (("to confirm: ", "alice@ims.example.com"),))
        self.assertEqual(status, DONE, shown)
        self.expect(self.lab.tool("subscriber", "show", "alice"), UNKNOWN)

    def test_remove(self):
        for name in ("alice", "bob@ims.example.com"):
            self.expect(self.lab.tool("subscriber", "remove", name, "--yes"), DONE,
                        out="its key destroyed")
            self.expect(self.lab.tool("subscriber", "show", name), UNKNOWN)
        self.expect_untouched(self.bare)
        self.expect(self.lab.add(), DONE)

    def test_altered_record(self):
        self.alter("alice@ims.example.com")
        objects = self.lab.objects()
        self.assertFalse(self.show("alice")["as_sealed"])
        self.expect(self.lab.tool("subscriber", "list"), STORE, out="ALTERED", err="altered")
        for verb in ("enable", "disable", "unblock-pin"):
            self.expect(self.lab.tool("subscriber", verb, "alice"), STORE, err="was altered")
        self.expect(self.lab.tool("subscriber", "remove", "alice", "--yes"), DONE, out="removed",
                    err="stays in the token")
        self.expect_untouched(objects)

    def test_record_that_cannot_be_read(self):
        with contextlib.closing(sqlite3.connect(self.lab.path("nisim.db"))) as store:
            store.execute("UPDATE subscription SET record = x'0102' WHERE row = 1")
            store.commit()
        self.expect(self.lab.tool("subscriber", "show", "alice"), STORE, err="altered")
        self.expect(self.lab.add(impi="carol@ims.example.com"), TAKEN, err='"15551"')
        self.expect(self.lab.tool("subscriber", "list"), STORE, out="bob", err="not well formed")

    def test_sqn_state_that_is_gone(self):
        with contextlib.closing(sqlite3.connect(self.lab.path("nisim.db"))) as store:
            store.execute("DELETE FROM sqn WHERE row = 1")
            store.commit()
        self.expect(self.lab.tool("subscriber", "show", "alice"), STORE, err="has no SQN state")

    def test_key_that_is_gone(self):
        subprocess.run(["pkcs11-tool", "--module", MODULE, "--token-label", "nisim", "--login",
                        "--pin", PIN, "--delete-object", "--type", "secrkey", "--id",
                        self.show("alice")["key"]], env=self.lab.environment, check=True,
                       capture_output=True)
        self.assertFalse(self.show("alice")["key_in_token"])
        self.expect(self.lab.tool("subscriber", "list"), DONE, out="NO-KEY")
        self.expect(self.lab.tool("subscriber", "remove", "alice", "--yes"), DONE,
                    err="was not in the token")
        self.assertNotIn("OPc alice", self.lab.objects())


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True, help="folder of the programs")
    options, rest = parser.parse_known_args()
    Case.bin_folder = os.path.abspath(options.bin)
    unittest.main(argv=[sys.argv[0], *rest])
