"""The audit trail of a running appliance: python3 test_audit.py --bin BUILD/bin"""

import collections
import glob
import hashlib
import json
import os
import resource
import signal
import subprocess
import tempfile
import threading
import time

import appliance
import protocol

AUDIT = "state/nisim.db-audit"
WRITERS = ("keeper-0", "keeper-1", "officer")
MUTATIONS = 334  # of each writer


class Audit(appliance.Case):
    @classmethod
    def prepare(cls, lab):
        cls.alice = appliance.subscriber("alice")
        cls.zoe = appliance.subscriber("zoe", domain="other.example.com")
        for who in (cls.alice, cls.zoe):
            lab.add(who)
        cls.sqn = 0

    def setUp(self):
        if not self.appliance.is_running():
            self.appliance.start()

    def challenge(self):
        type(self).sqn += 1
        return self.alice.auc.challenge(100 + self.sqn, 1)

    def accept(self, name="alice"):
        challenge = self.challenge()
        self.assertAccepted(self.appliance.authenticate(name, challenge), challenge)
        return challenge

    def show(self, *arguments, status=0):
        done = self.appliance.token("audit", "show", "--json", *arguments, status=status)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def requests(self, *arguments):
        return [(one["person"], one["operation"], one["subscriber"], one["outcome"])
                for one in self.show(*arguments) if one["kind"] == "request"]

    def verify(self, status=0):
        done = self.appliance.token("audit", "verify", status=status)
        return done.stdout + done.stderr


class Records(Audit):
    def test_each_end_of_a_request(self):
        challenge = self.accept()
        self.appliance.authenticate("alice", challenge)
        self.appliance.authenticate("alice@ims.example.com", self.challenge().forged())
        self.appliance.authenticate("nobody", challenge)
        self.appliance.authenticate("zoe", challenge)
        self.appliance.nisim("identity", "alice", who="wwsf-2")
        self.appliance.authenticate("alice", challenge, who="wwsf-4")
        self.appliance.token("subscriber", "disable", "alice")
        self.appliance.authenticate("alice", self.challenge())
        self.appliance.token("subscriber", "enable", "alice")
        found = collections.Counter(self.requests())
        for person, operation, about, outcome in (
                ("wwsf-1", "AUTHENTICATE", self.alice.impi, "OK"),
                ("wwsf-1", "AUTHENTICATE", self.alice.impi, "SYNC_FAILURE"),
                ("wwsf-1", "AUTHENTICATE", self.alice.impi, "MAC_FAILURE"),
                ("wwsf-1", "AUTHENTICATE", "nobody", "UNKNOWN_USER"),
                ("wwsf-1", "AUTHENTICATE", self.zoe.impi, "UNKNOWN_USER"),
                ("wwsf-2", "IDENTITY", self.alice.impi, "OK"),
                ("wwsf-4", "AUTHENTICATE", "alice", "FORM_NOT_ALLOWED"),
                ("wwsf-1", "AUTHENTICATE", self.alice.impi, "USER_DISABLED")):
            self.assertGreater(found[person, operation, about, outcome], 0,
                               (person, operation, about, outcome, found))
        self.assertIn("as it was written", self.verify())

    def test_filters(self):
        self.accept()
        self.assertEqual({one[0] for one in self.requests("--person", "wwsf-1")}, {"wwsf-1"})
        self.assertEqual({one[3] for one in self.requests("--outcome", "OK")}, {"OK"})
        self.assertEqual({one[2] for one in self.requests("--subscriber", self.alice.impi)},
                         {self.alice.impi})
        self.assertEqual(self.show("--since", "2100-01-01"), [])
        self.assertEqual(self.show("--until", "2000-01-01T00:00:00Z"), [])
        self.assertEqual({one["writer"] for one in self.show("--writer", "officer")}, {"officer"})
        times = [one["time"] for one in self.show("--since", "2000-01-01", "--until", "2100-01-01")]
        self.assertEqual(times, sorted(times))
        text = self.appliance.token("audit", "show", "--person", "wwsf-1").stdout
        self.assertRegex(text, rf"keeper-\d \d+ request AUTHENTICATE {self.alice.impi} by wwsf-1: OK")

    def test_bad_arguments(self):
        for arguments, status, why in (
                (("--since", "yesterday"), 2, "is no time"),
                (("--until", "2026-13-01"), 2, "is no time"),
                (("--outcome", "ok"), 2, "is no outcome"),
                (("--writer", "nobody"), 8, "no audit trail of writer nobody"),
                (("--yes",), 2, "--yes")):
            done = self.appliance.token("audit", "show", *arguments, status=status)
            self.assertIn(why, done.stderr)
            self.assertEqual(done.stdout, "")

    def test_acts(self):
        mallory = appliance.subscriber("mallory")
        self.appliance.add(mallory)
        self.appliance.token("subscriber", "remove", "mallory", status=2)  # no terminal to confirm on: no act
        self.appliance.token("subscriber", "remove", "mallory", "--yes")
        acts = [one for one in self.show("--subscriber", mallory.impi) if one["writer"] == "officer"]
        self.assertEqual([(one["kind"], one["operation"], one.get("outcome")) for one in acts],
                         [("intent", "subscriber add", None), ("outcome", "subscriber add", "DONE"),
                          ("intent", "subscriber remove", None),
                          ("outcome", "subscriber remove", "DONE")])
        self.assertEqual([one["act"] for one in acts[1::2]], [one["record"] for one in acts[::2]])
        self.assertTrue(all(one["person"] for one in acts))

    def test_no_secret_in_it(self):
        challenge = self.accept()
        content = b""
        for path in glob.glob(self.appliance.path(AUDIT + "/*.1")):
            with open(path, "rb") as file:
                content += file.read()
        self.assertIn(b"wwsf-1", content)
        for secret in (self.alice.k, self.alice.opc, challenge.res, challenge.ck, challenge.ik,
                       challenge.rand, challenge.autn, appliance.PIN.encode()):
            self.assertNotIn(secret, content)
            self.assertNotIn(secret.hex().encode(), content)

    def test_export_for_a_third_party(self):
        self.accept()
        self.appliance.stop()
        lines = [json.loads(line)
                 for line in self.appliance.token("audit", "export").stdout.splitlines()]
        chains, signed = {}, 0
        with tempfile.TemporaryDirectory() as folder:
            with open(folder + "/key.pem", "w", encoding="ascii") as file:
                file.write(lines[0]["public_key"])
            for one in lines[1:]:
                before = chains.get(one["writer"], bytes(32))
                chain = hashlib.sha256(before + bytes.fromhex(one["body"])).digest()
                self.assertEqual(chain.hex(), one["chain"])
                chains[one["writer"]] = chain
                if one["kind"] == "checkpoint":
                    signed += 1
                    self.check_signature(folder, one, before)
        self.assertGreaterEqual(signed, 4)
        self.assertEqual(set(chains), set(WRITERS))

    def check_signature(self, folder, one, before):
        body = bytes.fromhex(one["body"])
        statement = (f"nisim audit checkpoint\nwriter {one['writer']}\nrecord {one['record']}\n"
                     f"time {int.from_bytes(body[9:17], 'big')}\nchain {before.hex()}\n")
        with open(folder + "/signature", "wb") as file:
            file.write(bytes.fromhex(one["signature"]))
        done = subprocess.run(["openssl", "dgst", "-sha256", "-verify", "key.pem", "-signature",
                               "signature"], cwd=folder, input=statement.encode(), check=False,
                              capture_output=True)
        self.assertEqual(done.stdout, b"Verified OK\n", done)


class Trouble(Audit):
    def keepers(self):
        return [pid for name, pid in self.appliance.wait_for_children().items() if name != "front"]

    def test_killed_keepers(self):
        accepted = []
        for _ in range(5):
            for pid in self.keepers():
                os.kill(pid, signal.SIGKILL)
            end = time.monotonic() + 60
            challenge = self.challenge()
            while self.appliance.authenticate("alice", challenge)[0] != appliance.DONE:
                self.assertLess(time.monotonic(), end)
                challenge = self.challenge()
                time.sleep(0.05)
            accepted.append(challenge)
        self.keepers()
        report = self.verify()
        self.assertIn("as it was written", report)
        outcomes = [one["outcome"] for one in self.show("--subscriber", self.alice.impi,
                                                        "--person", "wwsf-1")]
        self.assertGreaterEqual(outcomes.count("OK"), len(accepted))

    def test_torn_record(self):
        """As a power cut leaves it: behind what the store confirmed."""
        self.accept()
        self.appliance.stop()
        with open(self.appliance.path(AUDIT + "/keeper-0.1"), "ab") as file:
            file.write(b"\0\x50half of a record")
        self.assertIn("a crash leaves such", self.verify())
        self.appliance.start()
        self.assertRegex(self.appliance.log(), "audit-resumed .*18 bytes of a torn one cut off")
        self.assertNotIn("note", self.verify())
        self.assertEqual([one["kind"] for one in self.show("--writer", "keeper-0")][-3:],
                         ["resumed", "start", "checkpoint"])

    def test_disk_full(self):
        """By a limit on the size of files, which must leave room for the log."""
        self.appliance.stop()
        self.appliance.write("log", "")
        self.appliance.start()
        pids = self.keepers()
        with self.appliance.client() as client:
            for _ in range(60):
                client.identity(self.alice.impi)
        records = len(self.requests())
        for name, pid in self.appliance.children().items():
            if name != "front":
                with open(self.appliance.path(f"{AUDIT}/{name}.1"), "rb") as file:
                    size = len(file.read().rstrip(b"\0"))  # without the room for more
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        challenge = self.challenge()
        with self.appliance.client() as client:
            for _ in range(8):
                answer = client.authenticate(self.alice.impi, challenge)
                self.assertEqual(answer.status, protocol.UNAVAILABLE)
        self.assertIn(len(self.appliance.lines("audit-failing")), (1, 2))
        for pid in pids:
            resource.prlimit(pid, resource.RLIMIT_FSIZE,
                             (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        self.assertAccepted(self.appliance.authenticate("alice", challenge), challenge)
        self.assertEqual(self.keepers(), pids)
        self.assertEqual(len(self.requests()), records + 1)
        self.assertIn("as it was written", self.verify())

    def test_what_an_officer_cannot_record(self):
        before = self.appliance.token("subscriber", "list").stdout
        turn = self.appliance.path(AUDIT + "/officer-turn")
        os.remove(turn)
        os.mkdir(turn)
        done = self.appliance.token("subscriber", "remove", "zoe", "--yes", status=6)
        os.rmdir(turn)
        self.assertIn("what can't be recorded is not done", done.stderr)
        self.assertEqual(self.appliance.token("subscriber", "list").stdout, before)
        self.assertIn("as it was written", self.verify())

    def test_init_leaves_anothers_trail(self):
        folder = self.appliance.path("state/other.db-audit")
        os.mkdir(folder)
        with open(folder + "/officer.1", "wb") as file:
            file.write(b"of another store")
        done = self.appliance.token("init", "--label", "other", "--so-pin-file", "so-pin", "--store",
                                    "state/other.db", status=6)
        self.assertIn("another store; move it away", done.stderr)
        self.appliance.token("audit", "verify", "--token-label", "other", status=4)
        with open(folder + "/officer.1", "rb") as file:
            self.assertEqual(file.read(), b"of another store")

    def tools_at_once(self, *acts):
        command = [self.appliance.program("nisim-token"), "subscriber"]
        tools = [subprocess.Popen([*command, *act, "--config", "nisim.conf"],
                                  cwd=self.appliance.folder, env=self.appliance.environment,
                                  stdout=subprocess.DEVNULL) for act in acts]
        return [tool.wait(timeout=60) for tool in tools]

    def test_tools_at_once_on_one_subscriber(self):
        statuses = self.tools_at_once(*[("disable", "zoe")] * 4)
        # 6: another was faster.
        self.assertTrue(0 in statuses and set(statuses) <= {0, 6}, statuses)
        self.assertIn("as it was written", self.verify())

    def test_tools_at_once(self):
        """They log in one after another, and look again for an object that another one rewrites."""
        others = [appliance.subscriber(f"other-{i}") for i in range(4)]
        for who in others:
            self.appliance.add(who)
        for act in ("disable", "enable") * 5:
            acts = [(act, who.user_ids[0]) for who in others]
            self.assertEqual(self.tools_at_once(*acts), [0] * len(others))
        self.assertIn("as it was written", self.verify())
        self.assertEqual(self.appliance.lines("anchor-failing"), [])

    def test_tools_while_the_appliance_starts(self):
        """Neither finds the token as the other rewrites it."""
        statuses, stop = [], threading.Event()

        def ask():
            while not stop.is_set():
                statuses.extend(self.tools_at_once(("disable", "zoe"), ("disable", "alice")))
                statuses.extend(self.tools_at_once(("enable", "zoe"), ("enable", "alice")))
        asking = threading.Thread(target=ask)
        asking.start()
        try:
            for _ in range(4):
                self.appliance.restart()
                self.assertEqual(self.appliance.lines("token-unusable"), [])
        finally:
            stop.set()
            asking.join()
        self.assertEqual(set(statuses), {0})

    def test_no_folder(self):
        self.appliance.stop()
        os.rename(self.appliance.path(AUDIT), self.appliance.path("away"))
        try:
            self.assertIn("No such file", self.verify(status=6))
            checked = subprocess.run([self.appliance.program("nisimd"), "--check",
                                      self.appliance.path("nisim.conf")], check=False, text=True,
                                     capture_output=True)
            self.assertEqual(checked.returncode, appliance.EXIT_CONFIG)
            self.assertRegex(checked.stderr, "audit: .*-audit.*nisim-token init makes it")
            self.appliance.spawn()
            self.assertNotEqual(self.appliance.process.wait(timeout=60), 0)
            self.assertTrue(self.appliance.lines("audit-unusable"))
        finally:
            os.rename(self.appliance.path("away"), self.appliance.path(AUDIT))


class Mutations(Audit):
    """audit_mutations.c does in one process what a thousand runs of the tool would."""

    def test_each_is_found(self):
        for _ in range(20):
            self.accept()
        self.appliance.restart()
        for _ in range(20):
            self.accept()
        self.appliance.stop()
        self.assertIn("as it was written", self.verify())
        seed = str(time.time_ns() % 10 ** 9)
        print("seed", seed)
        program = os.path.join(self.programs, "..", "tests", "audit_mutations")
        done = subprocess.run(
            [program, appliance.MODULE, "nisim", "pin", "state/nisim.db", AUDIT, str(MUTATIONS), seed,
             *WRITERS], cwd=self.appliance.folder, env=self.appliance.environment, check=False,
            capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("as it was written", self.verify())

    def test_the_tool_finds_them(self):
        self.accept()
        self.appliance.stop()
        for writer in WRITERS:
            path = self.appliance.path(f"{AUDIT}/{writer}.1")
            with open(path, "rb") as file:
                content = file.read()
            for changed in (content[:-1], content[:100] + content[101:], b"", None):
                os.remove(path)
                if changed is not None:
                    with open(path, "wb") as file:
                        file.write(changed)
                report = self.verify(status=1)
                self.assertIn("WRONG", report)
                self.assertIn(writer, report)
                with open(path, "wb") as file:
                    file.write(content)
        self.assertIn("as it was written", self.verify())


if __name__ == "__main__":
    appliance.main()
