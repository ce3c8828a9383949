"""The ways in for K, each through the daemon, and what is refused: python3 test_ways.py --bin BUILD/bin"""

import contextlib
import os
import pty
import re
import signal
import subprocess
import termios
import time
import unittest

import appliance
from test_secrets import found_in
from test_vectors import read_sets

DONE, FAILED, USAGE, TAKEN, UNKNOWN = 0, 1, 2, 7, 8
RFC3394, RFC5649 = b"\xa6" * 8, bytes.fromhex("a65959a600000010")
COMPONENTS = tuple(bytes.fromhex(text) for text in (
    "8f3a11c05d7e42b9a6601fce93d84b277c15e0aa3b96f2d4580c67b1e9437a21",
    "10d98e47fb2c63a05497be1d38f6c07ae1537f0c84a29bd6632e15908cfa47db",
    "6cb1f02d9847ae35dc0193785fe26b4d308a9cc1f7e45216bd09a3e872164f9e"))


def openssl(*arguments, octets=b""):
    return subprocess.run(["openssl", *arguments], input=octets, check=True, capture_output=True).stdout


def aes(key, block):
    return openssl("enc", f"-aes-{8 * len(key)}-ecb", "-nopad", "-K", key.hex(), octets=block)


def kcv_of(key):
    return aes(key, bytes(16))[:3].hex()


def cmac_kcv_of(key):
    return "cmac:" + openssl("mac", "-cipher", f"AES-{8 * len(key)}-CBC", "-macopt", f"hexkey:{key.hex()}",
                             "-binary", "CMAC", octets=bytes(16))[:5].hex()


def wrap(kek, value, initial=RFC3394):
    """RFC 3394 2.2.1; RFC 5649 with its initial value."""
    a, r = initial, [value[i:i + 8] for i in range(0, len(value), 8)]
    for j in range(6):
        for i, part in enumerate(r):
            out = aes(kek, a + part)
            a = (int.from_bytes(out[:8], "big") ^ (j * len(r) + i + 1)).to_bytes(8, "big")
            r[i] = out[8:]
    return a + b"".join(r)


def combine(components):
    return bytes(a ^ b ^ c for a, b, c in zip(*components))


def turn_bit(octets, bit):
    return (int.from_bytes(octets, "big") ^ (1 << bit)).to_bytes(len(octets), "big")


class Traced:
    """What a run of nisim-token gave to, and got from, the kernel: each buffer in full."""

    def __init__(self, text):
        self.text = text
        self.octets = b"\n".join(bytes.fromhex(found.replace("\\x", "")) for found in
                                 re.findall(r'"((?:\\x[0-9a-f]{2})*)"', text))

    @property
    def leaves_no_core(self):
        calls = ("RLIMIT_CORE, {rlim_cur=0, rlim_max=0}", "prctl(PR_SET_DUMPABLE, SUID_DUMP_DISABLE)")
        return all(call in self.text for call in calls)


class WaysCase(appliance.Case):
    """A token that is no laboratory's, with transport keys; no tests."""
    is_laboratory = False

    @classmethod
    def prepare(cls, lab):
        cls.sets = read_sets()
        cls.used = iter(range(20))
        cls.environment = dict(lab.environment)
        lab.write("hss.key", openssl("genrsa", "3072").decode())
        openssl("pkey", "-in", lab.path("hss.key"), "-pubout", "-out", lab.path("hss.pem"))
        made = lab.token("transport-key", "make", "vendor", "--rsa", "2048").stdout
        lab.write("vendor.pem", made[made.index("-----BEGIN"):])
        lab.token("transport-key", "hss", "hss", "--public-key", "hss.pem")
        cls.zmk = combine(COMPONENTS)
        for purpose in ("in", "out"):
            files = []
            for number, component in enumerate(COMPONENTS):
                files += ["--component-file", f"component-{number}"]
                lab.write(f"component-{number}", f"COMPONENT={component.hex()}\nKCV={kcv_of(component)}\n")
            done = lab.token("transport-key", "components", f"zmk-{purpose}", "--purpose", purpose, *files,
                             "--kcv", kcv_of(cls.zmk))
            assert f"kcv {kcv_of(cls.zmk)}" in done.stdout and "component 3, kcv" in done.stdout
        for number in range(3):
            os.remove(lab.path(f"component-{number}"))

    def setUp(self):
        self.lab = self.appliance
        self.addCleanup(self.expect_nothing_half_done, self.objects())
        self.is_done = False

    def objects(self):
        folder = self.lab.path("tokens")
        return len([name for name in os.listdir(os.path.join(folder, os.listdir(folder)[0]))
                    if name.endswith(".object")])

    def expect_nothing_half_done(self, before):
        if not self.is_done:
            self.assertEqual(self.objects(), before)

    def one(self):
        return self.sets[next(self.used)]

    def arguments(self, who, *more):
        return ["subscriber", "add", "--user-id", who.user_ids[0], "--impi", who.impi, "--impu",
                "sip:" + who.impi, "--domain", who.domain, *who.options, *more]

    def refuse(self, who, *more, err, status=USAGE, text=""):
        done = self.lab.token(*self.arguments(who, *more), status=status, text=text)
        self.assertIn(err, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.lab.token("subscriber", "show", who.impi, status=UNKNOWN)

    def traced_environment(self):
        """LeakSanitizer, where it is built in, can't work beside strace."""
        return {**self.lab.environment, "ASAN_OPTIONS": "detect_leaks=0"}

    def trace(self, *arguments):
        """Runs nisim-token with all of its system calls written down."""
        path = self.lab.path("trace")
        done = subprocess.run(["strace", "-f", "-qq", "-xx", "-s", "1000000", "-o", path,
                               self.lab.program("nisim-token"), *arguments, "--config", "nisim.conf"],
                              cwd=self.lab.folder, env=self.traced_environment(), text=True, timeout=120,
                              capture_output=True, check=False, start_new_session=True)
        self.assertEqual(done.returncode, DONE, done.stderr)
        traced = Traced(self.lab.read("trace"))
        os.remove(path)
        # A sanitizer wants a process that can be looked into.
        self.assertTrue(traced.leaves_no_core or
                        appliance.is_sanitized(self.lab.program("nisim-token")))
        return done, traced

    def expect_secret(self, traced, **secrets):
        """In no system call, and in no file that is there now."""
        needles = {}
        for name, value in secrets.items():
            needles.update({name: value, name + ".hex": value.hex().encode(),
                            name + ".HEX": value.hex().upper().encode()})
        self.assertIn(b"hand-over" if b"hand-over" in traced.octets else b"K=", traced.octets)
        self.assertEqual(found_in(traced.octets, needles), [])
        for folder, _, names in os.walk(self.lab.folder):
            for name in names:
                # The appliance runs: a file of SQLite's or SoftHSM's may be gone by now.
                with contextlib.suppress(FileNotFoundError), open(os.path.join(folder, name), "rb") as file:
                    self.assertEqual(found_in(file.read(), needles), [], name)

    def write_wrapped(self, one, kek, initial=RFC3394, **change):
        wrap_for = kek if callable(kek) else lambda value: wrap(kek, value, initial)
        which, value = ("OP", one.op) if one.subscriber.op else ("OPc", one.subscriber.opc)
        lines = {"K": wrap_for(one.subscriber.k).hex(), which: wrap_for(value).hex(),
                 "KCV": kcv_of(one.subscriber.k), "IMPI": one.impi}
        lines.update(change)
        self.lab.write("wrapped", "".join(f"{name}={value}\n" for name, value in lines.items() if value))

    def oaep(self, digest="sha1"):
        def wrap_for(value):
            return openssl("pkeyutl", "-encrypt", "-pubin", "-inkey", self.lab.path("vendor.pem"), "-pkeyopt",
                           "rsa_padding_mode:oaep", "-pkeyopt", f"rsa_oaep_md:{digest}", octets=value)
        return wrap_for

    def expect_answer(self, one):
        self.is_done = True
        self.assertAccepted(self.lab.authenticate(one.user, one.challenge), one.challenge)

    def load_wrapped(self, one, name, origin):
        done, traced = self.trace(*self.arguments(one.subscriber, "--wrapped-file", "wrapped",
                                                  "--transport-key", name))
        self.assertIn(f"kcv {kcv_of(one.subscriber.k)}", done.stdout)
        self.assertEqual(done.stderr, "")
        self.expect_secret(traced, k=one.subscriber.k, zmk=self.zmk)
        self.assertIn(f"key-origin: {origin}\n", self.lab.token("subscriber", "show", one.user).stdout)
        self.expect_answer(one)


class Ways(WaysCase):
    # what is refused

    def test_clear_text_is_a_laboratorys(self):
        self.refuse(self.sets[19].subscriber, "--key-file", "-", err="takes no key in clear text",
                    text=self.sets[19].subscriber.key_file)

    def test_wrong_kcv(self):
        one = self.sets[19]
        for wrong in ("000000", "cmac:0000000000", kcv_of(self.zmk)):
            self.write_wrapped(one, self.zmk, KCV=wrong)
            self.refuse(one.subscriber, "--wrapped-file", "wrapped", "--transport-key", "zmk-in",
                        err="the key check value is another one")
        self.write_wrapped(one, self.zmk)
        self.refuse(one.subscriber, "--wrapped-file", "wrapped", "--transport-key", "zmk-in", "--kcv", "0102",
                    err='--kcv "0102": not 6 to 10 hex digits')
        self.refuse(one.subscriber, "--wrapped-file", "wrapped", "--transport-key", "zmk-in", "--kcv", "010203",
                    err="the key check value is another one")
        self.write_wrapped(one, self.zmk, KCV=None)
        self.refuse(one.subscriber, "--wrapped-file", "wrapped", "--transport-key", "zmk-in",
                    err="it has no line KCV=")

    def test_one_bit_changed(self):
        one = self.sets[19]
        for name, wrapped in (("zmk-in", wrap(self.zmk, one.subscriber.k)),
                              ("vendor", self.oaep()(one.subscriber.k))):
            for line in ("K", "OPc"):
                for bit in (0, 63, 64, 8 * len(wrapped) - 1):
                    whole = self.zmk if name == "zmk-in" else self.oaep()
                    self.write_wrapped(one, whole, OP=None, **{line: turn_bit(wrapped, bit).hex()})
                    self.refuse(one.subscriber, "--wrapped-file", "wrapped", "--transport-key", name,
                                err=f"{line} in the wrapped file: what is wrapped is damaged")

    def test_wrong_transport_keys(self):
        one = self.sets[19]
        self.write_wrapped(one, self.zmk)
        for name, status, err in (("vendor", USAGE, "what is wrapped is damaged, or was wrapped for another"),
                                  ("zmk-out", USAGE, "is for what leaves this token"),
                                  ("hss", USAGE, "is for what leaves this token"),
                                  ("nobody", UNKNOWN, 'no transport key "nobody"')):
            self.refuse(one.subscriber, "--wrapped-file", "wrapped", "--transport-key", name, err=err,
                        status=status)
        for name, err in (("vendor", "comes into this token"), ("zmk-in", "comes into this token")):
            self.refuse(one.subscriber, "--generate", "--hss-key", name, "--hand-over", "out", err=err)
            self.assertFalse(os.path.exists(self.lab.path("out")))

    def test_bad_files(self):
        one = self.sets[19]
        for content, err in (("", "no line K="), ("K=00\n", "no line OP= or OPc="), ("K=0\n", "line 1: K is not hex"),
                             ("K=xx\n", "line 1: K is not hex"), ("K=00\nK=00\n", "line 2: K stands twice"),
                             ("OP=00\nOPc=00\n", "line 2: OPc is not"), ("K\n", "line 1: not NAME=VALUE"),
                             ("k=00\n", "line 1: not NAME=VALUE"), ("K=" + "00" * 513 + "\n", "line 1: K is not hex"),
                             ("\n#\nK=\xe9\x01\n", "line 3: not clean UTF-8"), ("#" * 5000 + "\n", "line 1: too long"),
                             ("KCV=1\n", "line 1: KCV is not 6 to 10"), ("ALGORITHM=tuak\n", "is not milenage"),
                             ("K=00\nOP=00\nIMPI=x@y\nKCV=010203\n", "its key is for x@y, not for")):
            self.lab.write("wrapped", content)
            self.refuse(one.subscriber, "--wrapped-file", "wrapped", "--transport-key", "zmk-in", err=err)
        self.refuse(one.subscriber, "--wrapped-file", "missing", "--transport-key", "zmk-in", err="No such file")

    def test_usage(self):
        who = self.sets[19].subscriber
        for more, err in ((("--wrapped-file", "x"), "go together"), (("--transport-key", "x"), "go together"),
                          (("--generate",), "needs --hss-key"), (("--hss-key", "x"), "go with --generate"),
                          (("--generate", "--key-file", "x"), "give one of"), (("--op-file", "x"), "go with"),
                          (("--kcv", "010203", "--digest-password-file", "x"), "--kcv goes with"),
                          (("--digest-wrapped-file", "x"), "go together")):
            self.refuse(who, *more, err=err)

    def refuse_key(self, *arguments, err, status=USAGE):
        done = self.lab.token("transport-key", *arguments, status=status)
        self.assertIn(err, done.stderr)
        self.assertEqual(done.stdout, "")

    def test_bad_transport_keys(self):
        self.refuse_key("make", "vendor", err='a transport key "vendor" already', status=TAKEN)
        self.refuse_key("hss", "zmk-in", "--public-key", "hss.pem", err="already", status=TAKEN)
        self.refuse_key("make", "x" * 33, err="not 1 to 32 bytes")
        self.refuse_key("make", "", err="not 1 to 32 bytes")
        self.refuse_key("make", "nisim KEK", err="are for nisim's own keys")
        self.refuse_key("make", "x", "--rsa", "1024", err="not a number from 2048 to 4096")
        self.refuse_key("hss", "x", "--public-key", "pki/server.pem", err="not the PEM file of an RSA public key")
        self.refuse_key("hss", "x", "--public-key", "hss.key", err="not the PEM file of an RSA public key")
        self.lab.write("short.pem", openssl("pkey", "-pubout", octets=openssl("genrsa", "1024")).decode())
        self.refuse_key("hss", "x", "--public-key", "short.pem", err="has not 2048 to 4096 bits")
        self.refuse_key("receive", "x", "--purpose", "in", err="needs --wrapped-file")
        self.refuse_key("receive", "x", err="give --purpose")
        self.refuse_key("remove", "nobody", "--yes", err="no transport key", status=UNKNOWN)
        self.refuse_key("remove", "vendor", err="give --yes")

    def test_bad_components(self):
        first, second = COMPONENTS[:2]
        good = f"COMPONENT={first.hex()}\nKCV={kcv_of(first)}\n"
        self.lab.write("one", good)
        for content, err in (("", "component 2: its file has no line KCV="), ("KCV=010203\n", "no line COMPONENT="),
                             (f"COMPONENT={second.hex()}\nKCV=010203\n", "component 2: the key check value is another"),
                             (f"COMPONENT={second.hex()[2:]}\nKCV=010203\n", "component 2 is not 32 or 64 hex digits"),
                             (f"COMPONENT={'0' * 64}\nKCV=010203\n", "component 2 is all zeros"),
                             (f"COMPONENT={second[:16].hex()}\nKCV={kcv_of(second[:16])}\n", "not as long as the first"),
                             (good, "components 1 and 2 are the same"), ("x" * 300, "it is too long")):
            self.lab.write("two", content)
            self.refuse_key("components", "x", "--purpose", "in", "--component-file", "one", "--component-file", "two",
                            err=err)
        self.lab.write("two", f"COMPONENT={second.hex()}\nKCV={kcv_of(second)}\n")
        self.refuse_key("components", "x", "--purpose", "in", "--component-file", "one", "--component-file", "two",
                        "--kcv", "010203", err="the key check value is another one")
        self.refuse_key("components", "x", "--purpose", "in", "--component-file", "one", err="two or three components")
        self.refuse_key("components", "x", "--purpose", "in", err="was not typed on a terminal")

    def test_hand_over_that_cannot_be_written(self):
        who = self.sets[19].subscriber
        self.lab.write("there", "a file of somebody\n")
        os.symlink(self.lab.path("nowhere"), self.lab.path("link"))
        for name, err in (("there", "File exists; nothing is changed"), ("link", "File exists; nothing is changed"),
                          ("no/where", "No such file"), (".", "File exists")):
            self.refuse(who, "--generate", "--hss-key", "hss", "--hand-over", name, err=err)
        self.assertEqual(self.lab.read("there"), "a file of somebody\n")
        self.assertFalse(os.path.exists(self.lab.path("nowhere")))

    def test_disk_full_at_the_hand_over(self):
        """strace makes the calls on that one file fail."""
        for call, error, text in (("write", "ENOSPC", "No space left on device"), ("fsync", "EIO", "Input/output error")):
            done = subprocess.run(
                ["strace", "-f", "-qq", "-o", "/dev/null", "-P", self.lab.path("full"), "-e", f"trace={call}", "-e",
                 f"inject={call}:error={error}", self.lab.program("nisim-token"),
                 *self.arguments(self.sets[19].subscriber, "--generate", "--hss-key", "hss", "--hand-over",
                                 self.lab.path("full")), "--config", "nisim.conf"], cwd=self.lab.folder,
                env=self.traced_environment(), capture_output=True, text=True, check=False, timeout=60)
            self.assertEqual(done.returncode, FAILED, done.stderr)
            self.assertIn(f"full: {text}; nothing is changed", done.stderr)
            self.assertFalse(os.path.exists(self.lab.path("full")))

    # what works

    def test_the_log_tells_what_token_it_is(self):
        self.assertTrue(self.lab.lines("keeper-ready"))
        self.assertTrue(all("laboratory=0" in line for line in self.lab.lines("keeper-ready", "keeper-0")))

    def test_a_made_in_the_token(self):
        for opc_from, key in (("made", "hss"), ("op-file", "hss"), ("made", "zmk-out")):
            who = appliance.subscriber(f"made-{opc_from}-{key}")
            more = ()
            if opc_from == "op-file":
                self.lab.write("op", f"OP={self.sets[0].op.hex()}\n")
                more = ("--op-file", "op")
            done, traced = self.trace(*self.arguments(who, "--generate", "--hss-key", key, "--hand-over", "hand-over",
                                                      *more))
            lines = dict(re.findall(r"^([A-Za-z-]+)=(.*)$", self.lab.read("hand-over"), re.M))
            self.assertEqual(os.stat(self.lab.path("hand-over")).st_mode & 0o777, 0o600)
            who.k, who.opc = (self.as_hss(bytes.fromhex(lines[name]), lines["WRAP"]) for name in ("K", "OPc"))
            self.assertEqual((lines["IMPI"], lines["ALGORITHM"], lines["KCV"], lines["TRANSPORT-KEY"]),
                             (who.impi, "milenage", kcv_of(who.k), key))
            self.assertIn(f"kcv {lines['KCV']}", done.stdout)
            self.expect_secret(traced, k=who.k, zmk=self.zmk)
            os.remove(self.lab.path("hand-over"))
            if opc_from == "op-file":
                self.assertEqual(who.opc, bytes(a ^ b for a, b in zip(aes(who.k, self.sets[0].op), self.sets[0].op)))
                os.remove(self.lab.path("op"))
            challenge = who.auc.challenge(1)
            self.is_done = True
            self.assertAccepted(self.lab.authenticate(who.impi, challenge), challenge)
            shown = self.lab.token("subscriber", "show", who.impi).stdout
            self.assertIn("key-origin: generated in the token\n", shown)
            self.assertIn("laboratory-token: no\n", shown)

    def as_hss(self, wrapped, way):
        if way == "rsa-oaep-sha1":
            return openssl("pkeyutl", "-decrypt", "-inkey", self.lab.path("hss.key"), "-pkeyopt",
                           "rsa_padding_mode:oaep", octets=wrapped)
        self.assertEqual(way, "rfc3394")
        a, r = wrapped[:8], [wrapped[8:16], wrapped[16:]]
        for j in reversed(range(6)):
            for i in (1, 0):
                a = (int.from_bytes(a, "big") ^ (j * 2 + i + 1)).to_bytes(8, "big")
                out = openssl("enc", "-d", "-aes-256-ecb", "-nopad", "-K", self.zmk.hex(), octets=a + r[i])
                a, r[i] = out[:8], out[8:]
        self.assertEqual(a, RFC3394)
        return r[0] + r[1]

    def test_b_and_c_wrapped_by_aes(self):
        """The transport key came by components (way c)."""
        for initial in (RFC3394, RFC5649):
            one = self.one()
            self.write_wrapped(one, self.zmk, initial)
            self.load_wrapped(one, "zmk-in", "wrapped, AES transport key")

    def test_b_wrapped_by_rsa(self):
        one = self.one()
        self.write_wrapped(one, self.oaep(), KCV=cmac_kcv_of(one.subscriber.k))
        self.load_wrapped(one, "vendor", "wrapped, RSA transport key")

    def test_b_at_rest_under_the_kek(self):
        one = self.one()
        self.write_wrapped(one, self.zmk)
        before = self.objects()
        self.lab.token(*self.arguments(one.subscriber, "--residence", "wrapped", "--wrapped-file", "wrapped",
                                       "--transport-key", "zmk-in"))
        self.assertEqual(self.objects(), before)

    def test_a_new_key_that_is_for_another(self):
        """IMPI= of the wrapped file, in rotate-key."""
        one, next_one = self.one(), self.one()
        self.write_wrapped(one, self.zmk)
        self.load_wrapped(one, "zmk-in", "wrapped, AES transport key")
        rotate = ("subscriber", "rotate-key", one.user, "--wrapped-file", "wrapped", "--transport-key", "zmk-in")
        self.write_wrapped(next_one, self.zmk)
        before = self.objects()
        self.assertIn(f"its key is for {next_one.impi}, not for {one.impi}",
                      self.lab.token(*rotate, status=USAGE).stderr)
        self.assertEqual(self.objects(), before)
        self.write_wrapped(next_one, self.zmk, IMPI=one.impi)
        self.assertIn(f"kcv {kcv_of(next_one.subscriber.k)}", self.lab.token(*rotate).stdout)

    def test_transport_key_under_another(self):
        """A key of the vendor's, wrapped to the RSA pair, that a subscriber's key then comes under."""
        kek, one = bytes(range(7, 39)), self.one()
        self.lab.write("kek", f"KEY={self.oaep()(kek).hex()}\nKCV=010203\n")
        receive = ("receive", "kek", "--purpose", "in", "--wrapped-file", "kek", "--transport-key", "vendor")
        self.refuse_key(*receive, err="the key check value is another one")
        self.lab.token("transport-key", *receive, "--kcv", kcv_of(kek))
        listed = self.lab.token("transport-key", "list").stdout
        self.assertRegex(listed, rf"kek +in +AES +kcv {kcv_of(kek)}\n")
        self.write_wrapped(one, kek)
        self.load_wrapped(one, "kek", "wrapped, AES transport key")
        self.lab.token("transport-key", "remove", "kek", "--yes")
        self.assertNotIn("kek", self.lab.token("transport-key", "list", "--json").stdout)


class Terminal(WaysCase):
    """Components that are typed."""

    def spawn(self):
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(self.lab.folder)
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # ignored where a script runs this with &
            os.execve(self.lab.program("nisim-token"), ["nisim-token", "transport-key", "components", "typed",
                      "--purpose", "in", "--config", "nisim.conf"], self.lab.environment)
        return child, terminal

    @staticmethod
    def wait_for(terminal, prompt):
        shown = b""
        while prompt not in shown:
            shown += os.read(terminal, 4096)
        time.sleep(0.2)  # until the echo is off
        return shown

    def test_typed(self):
        child, terminal = self.spawn()
        shown = b""
        for number, component in enumerate(COMPONENTS[:2], 1):
            shown += self.wait_for(terminal, b"(not shown): ")
            self.assertIn(b"\033[2J", shown)
            os.write(terminal, component.hex().encode() + b"\n")
            shown += self.wait_for(terminal, b"Key check value of component %d: " % number)
            os.write(terminal, kcv_of(component).encode() + b"\n")
        with contextlib.suppress(OSError):
            while part := os.read(terminal, 4096):
                shown += part
        os.close(terminal)
        self.assertEqual(os.waitpid(child, 0)[1], 0, shown)
        self.is_done = True
        for component in COMPONENTS[:2]:
            self.assertNotIn(component.hex().encode(), shown)
        key = bytes(a ^ b for a, b in zip(*COMPONENTS[:2]))
        self.assertIn(f"kcv {kcv_of(key)}".encode(), shown)
        self.lab.token("transport-key", "remove", "typed", "--yes")

    def test_echo_comes_back(self):
        """A signal while a component is typed: the terminal is as before, nothing is made."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            child, terminal = self.spawn()
            self.assertTrue(termios.tcgetattr(terminal)[3] & termios.ECHO)
            self.wait_for(terminal, b"(not shown): ")
            self.assertFalse(termios.tcgetattr(terminal)[3] & termios.ECHO)
            os.kill(child, number)
            self.assertEqual(os.WTERMSIG(os.waitpid(child, 0)[1]), number)
            self.assertTrue(termios.tcgetattr(terminal)[3] & termios.ECHO)
            os.close(terminal)

    def test_terminal_that_goes_away(self):
        child, terminal = self.spawn()
        self.wait_for(terminal, b"(not shown): ")
        os.close(terminal)
        self.assertNotEqual(os.waitpid(child, 0)[1], 0)


class Laboratory(appliance.Case):
    """Way d."""

    def test_d_clear_text(self):
        one = read_sets()[0]
        who = one.subscriber
        wrong = appliance.Subscriber(who.user_ids, who.impi, who.k, who.opc, op=who.op,
                                     options=("--kcv", "010203", *who.options))
        self.assertIn("the key check value is another one", self.appliance.add(wrong, status=USAGE).stderr)
        done = self.appliance.add(who)
        self.assertIn("CLEAR-TEXT LABORATORY IMPORT", done.stderr)
        self.assertIn(f"kcv {kcv_of(who.k)}", done.stdout)
        self.assertAccepted(self.appliance.authenticate(one.user, one.challenge), one.challenge)
        shown = self.appliance.token("subscriber", "show", one.user).stdout
        self.assertIn("key-origin: clear-text laboratory import\n", shown)
        self.assertIn("laboratory-token: yes\n", shown)
        self.assertIn("is a laboratory's", self.appliance.token("subscriber", "list").stderr)
        self.assertTrue(all("laboratory=1" in line for line in self.appliance.lines("keeper-ready", "keeper-0")))


if __name__ == "__main__":
    appliance.main()
