"""No secret outside the token: freed memory, logs, store, processes: python3 test_secrets.py --bin BUILD/bin"""

import base64
import contextlib
import hashlib
import hmac
import os
import re
import subprocess
import unittest

import appliance
import importfile
import protocol
from test_vectors import read_sets

SECRETS = ("k", "op", "opc", "res", "ck", "ik")


def needles_of(sets):
    """By name; RES, CK and IK are those of the sets' challenges, which the tests use."""
    found = {}
    for number, one in enumerate(sets, 1):
        values = (one.subscriber.k, one.op, one.subscriber.opc, one.challenge.res, one.challenge.ck,
                  one.challenge.ik)
        for name, value in zip(SECRETS, values):
            found[f"set{number}.{name}"] = value
            found[f"set{number}.{name}.hex"] = value.hex().encode()
            found[f"set{number}.{name}.HEX"] = value.hex().upper().encode()
    return found


PASSWORD = "a digest password of the laboratory"
DIGEST_IMPI = "digest@ims.example.com"


def digest_needles():
    """Of SIP digest: the password, and H(A1) as text and as octets."""
    found = {"digest.password": PASSWORD.encode()}
    for name in ("md5", "sha256", "sha512_256"):
        ha1 = hashlib.new(name, f"{DIGEST_IMPI}:{appliance.DOMAIN}:{PASSWORD}".encode())
        found[f"digest.{name}"] = ha1.digest()
        found[f"digest.{name}.hex"] = ha1.hexdigest().encode()
    return found


GBA_BOOTSTRAP, GBA_NAF, NAF_ID = 0x0b, 0x0c, 0x58
GBA_IMPI, NAF = f"gba@{appliance.DOMAIN}", b"naf.example.com\x01\x00\x00\x00\x02"


def ks_ext_naf(challenge):
    """Of the run with this challenge (TS 33.220 annex B); Ks itself is CK || IK."""
    text = b"\x01" + b"".join(part + len(part).to_bytes(2, "big") for part in
                              (b"gba-me", challenge.rand, GBA_IMPI.encode(), NAF))
    return hmac.new(challenge.ck + challenge.ik, text, "sha256").digest()


def found_in(octets, needles):
    """Names of the needles there, in base64 too, which three alignments can have."""
    names = [name for name, value in needles.items() if value in octets]
    for name, value in needles.items():
        if name.lower().endswith(".hex"):
            continue
        for shift in range(3):
            text = base64.b64encode(bytes(shift) + value)
            # Without the characters that neighbours have a part in.
            if text[(0, 2, 3)[shift]:-4] in octets:
                names.append(name + ".base64")
    return names


def read_bytes(path):
    with open(path, "rb") as file:
        return file.read()


class Secrets(appliance.Case):
    """A whole life of an appliance: what every process of it frees is searched."""
    sets = read_sets()
    needles = {**needles_of(sets), **digest_needles()}
    needles["gba.key"] = ks_ext_naf(sets[4].challenge)

    @classmethod
    def setUpClass(cls):
        tests = os.path.join(os.path.dirname(cls.programs), "tests")
        cls.library = os.path.join(tests, "libscrub.so")
        cls.control = os.path.join(tests, "scrub_control")
        cls.is_searched = not appliance.is_sanitized(os.path.join(cls.programs, "nisim-keeper"))
        super().setUpClass()

    @classmethod
    def prepare(cls, lab):
        lines = (f"{name} {value.hex()}\n" for name, value in cls.needles.items())
        os.mkdir(lab.path("scrub"))
        lab.write("scrub/needles", "".join(lines))
        cls.scrub = {"SCRUB_NEEDLES": lab.path("scrub/needles"),
                     "SCRUB_REPORT": lab.path("scrub/report")}
        if cls.is_searched:
            cls.scrub["LD_PRELOAD"] = cls.library
        lab.environment.update(cls.scrub)
        for one in cls.sets:
            lab.add(one.subscriber)
        cls.add_digest(lab)
        lab.write("nisim.conf", lab.read("nisim.conf").replace(
            'forms = ("card", "ha1", "digest", "files", "apdu")', 'forms = ("card", "ha1", "digest", "gba")'))
        one = cls.sets[4].subscriber
        lab.add(appliance.Subscriber(("gba",), GBA_IMPI, one.k, one.opc,
                                     options=(*one.options, "--gba")))

    @classmethod
    def add_digest(cls, lab):
        lab.token("subscriber", "add", "--user-id", "digest", "--impi", DIGEST_IMPI, "--impu",
                  "sip:" + DIGEST_IMPI, "--domain", appliance.DOMAIN, "--digest-password-file", "-",
                  text=PASSWORD + "\n")

    def use_digest(self):
        for algorithm in ("MD5", "SHA-256", "SHA-512-256"):
            status, shown = self.appliance.nisim(
                "authorize", "digest", "REGISTER", "sip:x",
                f'Digest realm="{appliance.DOMAIN}", nonce="n", algorithm={algorithm}, qop="auth"')
            self.assertEqual(status, appliance.DONE, shown)

    def run_gba(self, status):
        challenge = self.sets[4].challenge
        with self.appliance.client() as client:
            name = protocol.name_field(GBA_IMPI)
            answer = client.ask(GBA_BOOTSTRAP, name, (protocol.RAND, challenge.rand),
                                (protocol.AUTN, challenge.autn))
            self.assertEqual(answer.status, status)
            answer = client.ask(GBA_NAF, name, (NAF_ID, NAF))
            self.assertEqual(answer.fields[0][1], self.needles["gba.key"])

    def use(self):
        """Every outcome of every set, by both ways."""
        with self.appliance.client() as client:
            for one in self.sets:
                for challenge, status in ((one.challenge.forged(), protocol.MAC_FAILURE),
                                          (one.challenge, protocol.OK),
                                          (one.challenge, protocol.SYNC_FAILURE)):
                    self.assertEqual(client.authenticate(one.user, challenge).status, status)
                self.assertEqual(client.identity(one.impi).status, protocol.OK)
        self.use_digest()
        one = self.sets[0]
        lab = self.appliance
        self.assertStale(lab.authenticate(one.impi, one.challenge), one.auc, one.challenge, one.sqn)

    def provision(self):
        """The tool's other verbs, and adds that fail."""
        one = self.sets[1].subscriber
        token = self.appliance.token
        token("check")
        token("subscriber", "list")
        token("subscriber", "show", one.impi, "--json")
        token("subscriber", "disable", one.impi)
        token("subscriber", "enable", one.impi)
        self.appliance.add(one, status=7)
        text = one.key_file.replace("K=", "K=0")
        names = ("--user-id", "x", "--impi", "x@ims.example.com", "--impu", "tel:+1", "--domain",
                 appliance.DOMAIN, "--key-file", "-")
        token("subscriber", "add", *names, text=text, status=2)
        token("subscriber", "add", *names, text=one.key_file[:-2], status=2)
        token("subscriber", "remove", one.impi, "--yes")
        self.appliance.add(one)
        names = names[:-2]
        token("subscriber", "add", *names, "--digest-password-file", "-", text=PASSWORD + "\n\n",
              status=2)
        token("subscriber", "add", *names, "--digest-ha1-file", "-", status=2,
              text=f"MD5={self.needles['digest.md5.hex'].decode()}\nMD5=0\n")
        token("subscriber", "remove", "digest", "--yes")
        self.add_wrapped_digest(names)
        token("subscriber", "remove", "x", "--yes")
        self.add_digest(self.appliance)

    def add_wrapped_digest(self, names):
        """Once with a check value that is wrong. A name of its own keeps the needles' H(A1)."""
        lab = self.appliance
        importfile.make_transport_key(lab)
        lines = ""
        for name, needle in (("MD5", "md5"), ("SHA-256", "sha256"), ("SHA-512-256", "sha512_256")):
            text = self.needles[f"digest.{needle}.hex"]
            lines += f"HA1-{name}={importfile.wrap(text).hex()}\n"
            lines += f"HA1-{name}-KCV=sha256:{hashlib.sha256(text).hexdigest()[:6]}\n"
        add = ("subscriber", "add", *names, "--digest-wrapped-file", "digests", "--transport-key", importfile.KEY_NAME)
        lab.write("digests", lines[:-7] + "000000\n")
        lab.token(*add, status=2)
        lab.write("digests", lines)
        lab.token(*add)

    def test_whole_life(self):
        self.use()
        self.run_gba(protocol.OK)
        self.look_into_processes()
        self.provision()
        self.expect_no_secret_in_files()
        self.appliance.restart()
        self.assertEqual(self.appliance.nisim("identity", self.sets[1].user)[0], 0)
        self.run_gba(protocol.SYNC_FAILURE)
        self.assertEqual(self.appliance.stop(), 0)
        self.expect_no_secret_in_files()
        self.expect_no_finding()
        self.appliance.start()

    def expect_no_secret_in_files(self):
        """Logs, store with its WAL, the token's folder: all but what the test itself wrote."""
        looked_at = []
        for folder, _, files in os.walk(self.appliance.folder):
            if folder == self.appliance.path("scrub"):
                continue
            for name in files:
                path = os.path.join(folder, name)
                looked_at.append(os.path.relpath(path, self.appliance.folder))
                self.assertEqual(found_in(read_bytes(path), self.needles), [], path)
        self.assertIn("log", looked_at)
        self.assertIn("state/nisim.db", looked_at)
        self.assertTrue(any(name.startswith("tokens/") for name in looked_at))
        if self.appliance.is_running():
            self.assertIn("state/nisim.db-wal", looked_at)

    def findings(self):
        """(how, program, needle, frames), and how often each program began and ended."""
        report = self.appliance.read("scrub/report")
        blocks = re.findall(r"^(\w+) (\S+) (\d+) (\S+) \S+\n((?:\S*[(\[].*\n)*)", report, re.M)
        counts = {}
        for how, program, _, _, _ in blocks:
            counts[how, program] = counts.get((how, program), 0) + 1
        return [block for block in blocks if block[0] not in ("begin", "end")], counts

    def expect_no_finding(self):
        if not self.is_searched:
            return
        findings, counts = self.findings()
        for program, least in (("nisimd", 2), ("nisim-keeper", 4), ("nisim-front", 2),
                               ("nisim-token", 30)):
            self.assertGreaterEqual(counts["begin", program], least, counts)
            self.assertEqual(counts["end", program], counts["begin", program], counts)
        told = "\n".join(f"{how} in {program} {pid}: {needle}\n{frames}"
                         for how, program, pid, needle, frames in findings
                         if program != "nisim-front")
        self.assertEqual(told, "")

    def look_into_processes(self):
        """What lies in the living: OPc in the keepers, by design, and nothing else."""
        if os.geteuid() != 0 or not self.is_searched:
            return  # only root can, and a sanitizer's shadow is terabytes
        opcs = {f"set{number}.opc" for number in range(1, len(self.sets) + 1)}
        for name, pid in self.appliance.children().items():
            found = set(found_in(memory_of(pid), self.needles))
            if name.startswith("keeper-"):
                self.assertEqual(found - opcs, set(), name)

    def test_search_finds_what_is_there(self):
        if not self.is_searched:
            self.skipTest("a sanitizer has an allocator of its own")
        value = self.needles["set3.k"]
        for how in ("freed", "reallocated", "unmapped", "left"):
            for octets, name in ((value, "set3.k"), (value.hex().encode(), "set3.k.hex")):
                self.assertIn((how, name), self.run_control(how, octets))
        self.assertEqual(self.run_control("clean", value), [])

    def run_control(self, how, octets):
        report = self.appliance.path("scrub/control-report")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(report)
        subprocess.run([self.control, how], input=octets, check=True,
                       env={**os.environ, **self.scrub, "SCRUB_REPORT": report})
        lines = self.appliance.read("scrub/control-report").splitlines()
        return [(words[0], words[3]) for words in map(str.split, lines)
                if len(words) == 5 and words[3] != "-"]

    def test_search_of_files_finds_what_is_there(self):
        value = self.needles["set4.ck"]
        for octets in (value, value.hex().encode(), value.hex().upper().encode(),
                       base64.b64encode(value), base64.b64encode(b"x" + value + b"yz"),
                       base64.b64encode(b"xy" + value)):
            names = found_in(b"before" + octets + b"after", self.needles)
            self.assertTrue(any(name.startswith("set4.ck") for name in names), octets)
        self.assertEqual(found_in(bytes(1000), self.needles), [])


def memory_of(pid):
    """All that is writable of a process."""
    found = []
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb",
                                                                    buffering=0) as memory:
        for line in maps:
            start, end = (int(part, 16) for part in line.split()[0].split("-"))
            if line.split()[1][1] == "w":
                with contextlib.suppress(OSError):
                    memory.seek(start)
                    found.append(memory.read(end - start))
    return b"\0".join(found)


class Confinement(appliance.Case):
    """What the processes can reach while they serve."""
    seq = 0

    @classmethod
    def prepare(cls, lab):
        cls.alice = appliance.subscriber("alice")
        lab.add(cls.alice)

    def setUp(self):
        type(self).seq += 1
        challenge = self.alice.auc.challenge(self.seq)
        self.assertAccepted(self.appliance.authenticate("alice", challenge), challenge)
        self.children = self.appliance.children()
        self.keepers = {name: pid for name, pid in self.children.items() if name != "front"}
        self.assertEqual(sorted(self.children), ["front", "keeper-0", "keeper-1"])

    def status(self, pid):
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)

    def open_files(self, pid):
        if os.geteuid() != 0:
            self.skipTest("only root can see the descriptors of processes that are not dumpable")
        links = []
        for descriptor in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                links.append(os.readlink(f"/proc/{pid}/fd/{descriptor}"))
        return links

    def mapped_files(self, pid):
        with open(f"/proc/{pid}/maps", encoding="utf-8") as file:
            return {os.path.basename(line.split(maxsplit=5)[5].strip()) for line in file
                    if len(line.split(maxsplit=5)) == 6}

    def test_limits_of_each_process(self):
        for name, pid in self.children.items():
            with self.subTest(process=name):
                status = self.status(pid)
                self.assertEqual(status["NoNewPrivs"], "1")
                self.assertEqual(status["Threads"], "1")
                if not self.is_sanitized():
                    self.assertEqual(status["Seccomp"], "2")
                with open(f"/proc/{pid}/limits", encoding="utf-8") as file:
                    self.assertRegex(file.read(), r"Max core file size +0 +0 ")

    @unittest.skipIf(os.geteuid() == 0, "root is refused nothing")
    def test_no_process_is_dumpable(self):
        if self.is_sanitized():
            self.skipTest("a sanitizer wants to trace its process")
        for pid in self.children.values():
            for name in ("mem", "environ"):
                with self.assertRaises(PermissionError):
                    read_bytes(f"/proc/{pid}/{name}")

    def is_sanitized(self):
        return appliance.is_sanitized(self.appliance.program("nisim-keeper"))

    def test_secrets_of_keepers_are_locked(self):
        if self.is_sanitized():
            self.skipTest("a sanitizer makes mlock do nothing")
        for pid in self.keepers.values():
            self.assertGreater(int(self.status(pid)["VmLck"].split()[0]), 0)

    def test_front_holds_no_file(self):
        links = self.open_files(self.children["front"])
        self.assertIn(self.appliance.path("log"), links)
        for link in links:
            if link.startswith("/") and not link.startswith("/memfd:"):
                self.assertIn(link, ("/dev/null", self.appliance.path("log")))
        for library in self.mapped_files(self.children["front"]):
            self.assertNotRegex(library, "softhsm|sqlite")

    def test_keepers_hold_no_network(self):
        network = set()
        for table in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6"):
            with contextlib.suppress(FileNotFoundError), open(f"/proc/net/{table}",
                                                              encoding="ascii") as file:
                network |= {f"socket:[{line.split()[9]}]" for line in file.readlines()[1:]}
        self.assertTrue(network & set(self.open_files(self.children["front"])))
        for pid in self.keepers.values():
            self.assertEqual(network & set(self.open_files(pid)), set())
            for library in self.mapped_files(pid):
                self.assertNotRegex(library, "libssl|libevent")


if __name__ == "__main__":
    appliance.main()
