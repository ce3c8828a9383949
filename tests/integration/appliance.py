"""An appliance to test: PKI, SoftHSM token, subscribers, nisim.conf and nisimd, in a folder of its own."""

import argparse
import contextlib
import hashlib
import json
import os
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest
from dataclasses import dataclass

import protocol
from auc import Auc

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN, SO_PIN = "pin-of-the-laboratory", "so-pin-of-the-laboratory"
DOMAIN = "ims.example.com"

# nisim(1)
DONE, USAGE, MAC_FAILURE, SYNC_FAILURE, REFUSED, UNAVAILABLE, NO_CONNECTION = 0, 2, 3, 4, 5, 6, 7
# channel.h
EXIT_NO_TOKEN, EXIT_LISTEN, EXIT_LOCKED, EXIT_STORE = 69, 71, 73, 74
EXIT_OLD_STORE, EXIT_WRONG_PIN, EXIT_CONFIG = 76, 77, 78


@dataclass
class Subscriber:
    """As the tests know him; what the appliance knows of him comes from nisim-token."""
    user_ids: tuple
    impi: str
    k: bytes
    opc: bytes
    op: bytes = b""  # given to nisim-token in place of opc where there is one
    domain: str = DOMAIN
    ind_bits: int = 5
    options: tuple = ()

    @property
    def auc(self):
        return Auc(self.k, self.opc, self.ind_bits)

    @property
    def key_file(self):
        which, value = ("OP", self.op) if self.op else ("OPc", self.opc)
        return f"K={self.k.hex()}\n{which}={value.hex()}\n"

    @property
    def bench_line(self):
        """For the file of `nisim bench`."""
        return json.dumps({"user": self.user_ids[0], "k": self.k.hex(), "opc": self.opc.hex()}) + "\n"


def subscriber(name, **how):
    """One with a key of his own."""
    secret = hashlib.sha256(name.encode()).digest()
    domain = how.get("domain", DOMAIN)
    user_ids = how.pop("user_ids", (name,))
    return Subscriber(user_ids, f"{name}@{domain}", secret[:16], secret[16:], **how)


class Pki:
    """Two authorities and certificates of every kind, made here or copied from where they are ready."""

    def __init__(self, folder, ready=None):
        self.folder = folder
        if ready:
            shutil.copytree(ready, folder)
        else:
            os.mkdir(folder)
            self.make_all()

    def make_all(self):
        for name in ("ca", "other-ca"):
            self.make(name, "-x509", "-addext", "basicConstraints=critical,CA:TRUE")
        self.issue("server", "DNS:localhost,IP:127.0.0.1", usage="serverAuth")
        self.issue("wwsf-1", "DNS:wwsf-1.example.com")
        self.issue("wwsf-2", "URI:urn:example:wwsf-2")
        self.issue("wwsf-3", "DNS:somewhere.example.net")
        self.issue("wwsf-4", "DNS:wwsf-4.example.com")
        self.issue("unlisted", "DNS:nobody.example.com")
        self.issue("expired", "DNS:wwsf-1.example.com", days=0)
        self.issue("other", "DNS:wwsf-1.example.com", ca="other-ca")

    def path(self, name):
        return os.path.join(self.folder, name)

    def openssl(self, *arguments, text=""):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=self.folder,
                       input=text, text=True)

    def make(self, name, *arguments):
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                     "-subj", f"/CN={name}", "-keyout", name + ".key", "-out", name + ".pem",
                     *arguments)

    def issue(self, name, san, usage="clientAuth", ca="ca", days=30):
        self.make(name)
        self.openssl("x509", "-req", "-in", name + ".pem", "-CA", ca + ".pem", "-CAkey", ca + ".key",
                     "-CAcreateserial", "-days", str(days), "-extfile", "/dev/stdin", "-out",
                     name + ".pem", text=f"subjectAltName={san}\nextendedKeyUsage={usage}\n")

    def fingerprint(self, name):
        with open(self.path(name + ".pem"), encoding="ascii") as file:
            return hashlib.sha256(ssl.PEM_cert_to_DER_cert(file.read())).hexdigest()


# What `nisim-token init` makes.
LABORATORY = ("tokens", "state")

CONFIG = """listen = "127.0.0.1:{port}";{top}
store = "{store}";
keepers = {keepers};
log = "{log}";
tls: {{ certificate = "{certificate}"; key = "{key}"; client_ca = "pki/ca.pem"; }};
token: {{ module = "{module}"; label = "{label}"; pin_file = "{pin_file}"; }};
limits: {{ {limits} }};
clients = (
    {{ name = "wwsf-1"; certificate = "dns:wwsf-1.example.com"; domains = ("ims.example.com");
      forms = ("card", "ha1", "digest", "files", "apdu"); }},
    {{ name = "wwsf-2"; certificate = "uri:urn:example:wwsf-2"; domains = ("*"); forms = ("card"); }},
    {{ name = "wwsf-4"; certificate = "dns:wwsf-4.example.com"; domains = ("*"); forms = ("digest"); }},
    {{ name = "wwsf-3"; certificate = "sha256:{fingerprint}"; domains = ("ims.example.com",
      "other.example.com"); forms = ("card"); }}
);
"""


class Appliance:
    ready = None  # the folder of laboratory.py, where ctest runs it

    def __init__(self, programs):
        self.programs = programs
        self.folder = tempfile.mkdtemp(prefix="nisim-test-")
        os.chmod(self.folder, 0o755)
        self.process = None
        self.started_at = 0  # in the log
        self.port = free_port()
        self.pki = Pki(self.path("pki"), self.ready and os.path.join(self.ready, "pki"))
        self.environment = dict(os.environ, SOFTHSM2_CONF=self.path("softhsm2.conf"))
        os.mkdir(self.path("tokens"))
        os.mkdir(self.path("state"))
        self.write("softhsm2.conf", f"directories.tokendir = {self.path('tokens')}\n")
        self.write("pin", PIN + "\n")
        self.write("so-pin", SO_PIN + "\n")
        self.write("log", "")
        self.configure()

    def close(self):
        if self.is_running():
            children = self.children()
            self.process.kill()
            self.process.wait()
            wait_for(lambda: not any(is_alive(pid) for pid in children.values()), "children's end")
        shutil.rmtree(self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, content):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(content)
        os.chmod(self.path(name), 0o600)
        return self.path(name)

    def read(self, name):
        with open(self.path(name), encoding="utf-8", errors="replace") as file:
            return file.read()

    def configure(self, limits="drain_timeout = 10;", file="nisim.conf", **change):
        values = dict(port=self.port, store="state/nisim.db", keepers=2, log="debug",
                      certificate="pki/server.pem", key="pki/server.key", module=MODULE,
                      label="nisim", pin_file="pin", limits=limits, top="",
                      fingerprint=self.pki.fingerprint("wwsf-3"))
        return self.write(file, CONFIG.format(**{**values, **change}))

    def program(self, name):
        return os.path.join(self.programs, name)

    # nisim-token

    def token(self, *arguments, text="", status=0):
        done = subprocess.run([self.program("nisim-token"), *arguments, "--config", "nisim.conf"],
                              input=text, text=True, timeout=300, capture_output=True, check=False,
                              cwd=self.folder, env=self.environment, start_new_session=True)
        if done.returncode != status:
            raise AssertionError(f"{arguments}: {done.returncode} {done.stdout} {done.stderr}")
        return done

    def init(self, *kind):
        """A token of its own and an empty store."""
        self.token("init", *kind, "--label", "nisim", "--so-pin-file", "so-pin")

    def init_laboratory(self):
        """The same for a laboratory, or a copy: then the token is the same in all tests."""
        if self.ready:
            for name in LABORATORY:
                shutil.copytree(os.path.join(self.ready, name), self.path(name), dirs_exist_ok=True)
        else:
            self.init("--laboratory")

    def token_objects(self, everything=False):
        """The contents of token.object, or of all objects, by path, for restore_token."""
        contents = {}
        for folder, _, names in os.walk(self.path("tokens")):
            for name in names:
                if name == "token.object" or (everything and name.endswith(".object")):
                    with open(os.path.join(folder, name), "rb") as file:
                        contents[file.name] = file.read()
        return contents

    @staticmethod
    def restore_token(contents):
        """SoftHSM rewrites token.object in place at each C_Login, and an object whose attribute is set:
        a kill just then tears it. That is not our fault, and an operator has a copy. True: it was torn."""
        torn = False
        for path, content in contents.items():
            if not os.path.exists(path):
                continue
            with open(path, "r+b") as file:
                if len(file.read()) < len(content):
                    torn = True
                    file.seek(0)
                    file.write(content)
        return torn

    def add(self, who, status=0):
        user_ids = [word for user_id in who.user_ids for word in ("--user-id", user_id)]
        return self.token("subscriber", "add", *user_ids, "--impi", who.impi, "--impu",
                          "sip:" + who.impi, "--domain", who.domain, "--ind-bits",
                          str(who.ind_bits), "--key-file", "-", *who.options, text=who.key_file,
                          status=status)

    # nisimd

    def spawn(self, config="nisim.conf", command=(), **environment):
        """Starts nisimd and does not wait; `command` goes before it."""
        self.started_at = len(self.read("log"))
        with open(self.path("log"), "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [*command, self.program("nisimd"), "--config", self.path(config)], stderr=log,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd="/",
                env=dict(self.environment, **environment))
        return self.process

    def start(self, **how):
        self.spawn(**how)
        wait_for(lambda: self.lines("appliance-ready") or not self.is_running(), "appliance-ready")
        if not self.is_running():
            raise AssertionError("nisimd ended:\n" + self.log())
        return self

    def stop(self):
        """By SIGTERM; gives the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=300)

    def restart(self, **how):
        status = self.stop()
        if status != 0:
            raise AssertionError(f"nisimd ended with {status}:\n" + self.log())
        return self.start(**how)

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def log(self):
        """Since the last start."""
        return self.read("log")[self.started_at:]

    def lines(self, event, process=None):
        """Lines are TIME LEVEL PROCESS EVENT KEY=VALUE..."""
        found = [line.split(maxsplit=4) for line in self.log().splitlines()]
        return [" ".join(words) for words in found
                if words[3:4] == [event] and process in (None, words[2])]

    def errors(self):
        return [line for line in self.log().splitlines() if line.split()[1:2] == ["error"]]

    def children(self):
        """Process ids by name: front, keeper-0, ..."""
        found = {}
        for pid in children_of(self.process.pid):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
                arguments = file.read().split(b"\0")
                if arguments[0].endswith(b"nisim-front"):
                    found["front"] = pid
                if arguments[0].endswith(b"nisim-keeper"):
                    found["keeper-" + arguments[1].decode()] = pid
        return found

    def has_logged_in(self, keeper, pid):
        """Before that a kill may tear token.object (see restore_token). One that is just ending has no
        command line any more."""
        with contextlib.suppress(OSError, IndexError), open(f"/proc/{pid}/cmdline", "rb") as file:
            generation = file.read().split(b"\0")[2].decode()
            return any(f" generation={generation} " in line
                       for line in self.lines("keeper-ready", keeper))
        return False

    def wait_for_children(self, names=("front", "keeper-0", "keeper-1")):
        """children(), each of which can be killed without harm to the token."""
        found = {}

        def are_there():
            found.clear()
            found.update(self.children())
            return set(found) >= set(names) and all(
                name == "front" or self.has_logged_in(name, found[name]) for name in names)

        wait_for(are_there, "all processes")
        return found

    # clients

    def client(self, who="wwsf-1", **how):
        cert, key = (self.pki.path(who + end) for end in (".pem", ".key")) if who else (None, None)
        return protocol.Client(self.port, self.pki.path("ca.pem"), cert, key, **how)

    def nisim_command(self, *arguments, who="wwsf-1"):
        return [self.program("nisim"), "--server", f"127.0.0.1:{self.port}", "--ca",
                self.pki.path("ca.pem"), "--cert", self.pki.path(who + ".pem"), "--key",
                self.pki.path(who + ".key"), "--timeout", "15", *arguments]

    def nisim(self, *arguments, who="wwsf-1"):
        """Exit status, and what stands in the `name: value` lines."""
        done = subprocess.run(self.nisim_command(*arguments, who=who), capture_output=True,
                              text=True, check=False, timeout=300)
        shown = dict(line.split(": ", 1) for line in done.stdout.splitlines())
        if done.returncode != DONE and not done.stderr.startswith("nisim: "):
            raise AssertionError(f"{arguments}: {done.returncode} without a word why")
        return done.returncode, dict(shown, why=done.stderr.strip())

    def authenticate(self, name, challenge, who="wwsf-1"):
        by = ("--impi",) if "@" in name else ()
        return self.nisim(*by, "authenticate", name, challenge.rand.hex(), challenge.autn.hex(),
                          who=who)


def free_port():
    """Below the range that the kernel gives to others."""
    while True:
        port = random.randrange(20000, 30000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for(condition, what, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("waited in vain for " + what)
        time.sleep(0.02)


def is_sanitized(program):
    with open(program, "rb") as file:
        return re.search(rb"__asan_init|__ubsan_handle", file.read()) is not None


class Case(unittest.TestCase):
    """Tests of one file share an appliance; `prepare` fills it before nisimd starts."""
    programs = None
    appliance = None
    is_started = True
    is_laboratory = True  # the token takes keys in clear text

    @classmethod
    def setUpClass(cls):
        cls.appliance = Appliance(cls.programs)
        cls.addClassCleanup(cls.appliance.close)
        if cls.is_laboratory:
            cls.appliance.init_laboratory()
        else:
            cls.appliance.init()
        cls.prepare(cls.appliance)
        if cls.is_started:
            cls.appliance.start()

    @classmethod
    def prepare(cls, lab):
        pass

    def assertAccepted(self, result, challenge):
        """result: (exit status, lines) of the nisim command."""
        status, shown = result
        self.assertEqual(status, DONE, shown)
        self.assertEqual((shown["result"], shown["res"], shown["ck"], shown["ik"]),
                         ("ok", challenge.res.hex(), challenge.ck.hex(), challenge.ik.hex()))

    def assertStale(self, result, auc, challenge, sqn_ms):
        status, shown = result
        self.assertEqual(status, SYNC_FAILURE, shown)
        self.assertEqual(shown["result"], "sync-failure")
        self.assertEqual(auc.sqn_ms(challenge.rand, bytes.fromhex(shown["auts"])), sqn_ms)
        self.assertNotIn("res", shown)

    def assertForged(self, result):
        status, shown = result
        self.assertEqual(status, MAC_FAILURE, shown)
        self.assertEqual(set(shown), {"result", "why"})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True, help="folder of the programs")
    parser.add_argument("--ready", type=os.path.abspath, help="folder that laboratory.py made")
    options, rest = parser.parse_known_args()
    Case.programs = os.path.abspath(options.bin)
    Appliance.ready = options.ready
    unittest.main(module="__main__", argv=[sys.argv[0], *rest])
