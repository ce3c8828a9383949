"""GBA_U (TS 33.220 5.3, TS 31.103 7.1.2.4): python3 test_gba.py --bin BUILD/bin"""

import base64
import contextlib
import glob
import hashlib
import hmac
import json
import os
import signal
import sqlite3
import time

import appliance
import protocol
from appliance import DONE, MAC_FAILURE, REFUSED, SYNC_FAILURE, UNAVAILABLE, USAGE
from test_secrets import found_in, read_bytes
from test_vectors import read_sets

GBA_BOOTSTRAP, GBA_NAF, GBA_STORE = 0x0b, 0x0c, 0x0d
NAF_ID, KS_EXT_NAF, B_TID, KEY_LIFETIME = 0x58, 0x59, 0x5a, 0x5b
NOT_BOOTSTRAPPED, GBA_OFF, GBA_EXPIRED = 0x2a, 0x2b, 0x2c
VECTORS = os.path.join(os.path.dirname(__file__), "..", "vectors", "gba_vectors.json")
NAF = b"naf.example.com\x01\x00\x00\x00\x02"
LATER = 4102444800  # 2100


def naf_key(challenge, impi, naf_id, usage=b"gba-me"):
    """As a phone computes it: TS 33.220 annex B."""
    text = b"\x01" + b"".join(part + len(part).to_bytes(2, "big") for part in
                              (usage, challenge.rand, impi.encode(), naf_id))
    return hmac.new(challenge.ck + challenge.ik, text, "sha256").digest()


def masked(challenge):
    """AUTN with the MAC* that GBA_U is said to have."""
    mask = hashlib.sha1(challenge.ik).digest()[:8]
    return challenge.autn[:8] + bytes(a ^ b for a, b in zip(challenge.autn[8:], mask))


def b_tid(challenge):
    return base64.b64encode(challenge.rand).decode() + "@bsf.example.com"


class Gba(appliance.Case):
    @classmethod
    def prepare(cls, lab):
        config = lab.read("nisim.conf")
        lab.write("nisim.conf", config.replace('forms = ("card", "ha1", "digest", "files", "apdu")',
                                               'forms = ("card", "gba")'))
        cls.seq = 0
        cls.secrets = {}
        names = ("alice", "between", "cmd", "dave", "erin", "frank", "kim", "lru", "many", "pat", "rest", "tamper")
        for name in names:
            setattr(cls, name, appliance.subscriber(name, options=("--gba",)))
            lab.add(getattr(cls, name))
        cls.plain = appliance.subscriber("plain")
        cls.masked = appliance.subscriber("masked", options=("--gba", "--gba-u-mac"))
        lab.add(cls.plain)
        lab.add(cls.masked)

    def challenge(self, who):
        type(self).seq += 1
        challenge = who.auc.challenge(self.seq)
        for name in ("ck", "ik"):
            self.remember(f"{who.impi}.{self.seq}.{name}", getattr(challenge, name))
        return challenge

    def remember(self, name, value):
        self.secrets[name] = value
        self.secrets[name + ".hex"] = value.hex().encode()
        self.secrets[name + ".HEX"] = value.hex().upper().encode()

    def ask(self, kind, who, *fields, client="wwsf-1"):
        """Sent again while the appliance says that it may be."""
        end = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError, protocol.Ended), self.appliance.client(client) as one:
                answer = one.ask(kind, protocol.name_field(who.impi), *fields)
                if not protocol.is_retryable(answer.status):
                    return answer
            if time.monotonic() > end:
                raise AssertionError("no answer that is one")
            time.sleep(0.1)

    def bootstrap(self, who, challenge=None, status=protocol.OK, autn=None):
        challenge = challenge or self.challenge(who)
        answer = self.ask(GBA_BOOTSTRAP, who, (protocol.RAND, challenge.rand),
                          (protocol.AUTN, autn or challenge.autn))
        self.assertEqual(answer.status, status)
        if status == protocol.OK:
            self.assertEqual(answer.fields, [(protocol.RES, challenge.res)])
        return challenge if status == protocol.OK else answer

    def store(self, who, challenge, lifetime=LATER, status=protocol.OK):
        answer = self.ask(GBA_STORE, who, (protocol.RAND, challenge.rand),
                          (B_TID, b_tid(challenge).encode()),
                          (KEY_LIFETIME, lifetime.to_bytes(8, "big")))
        self.assertEqual((answer.status, answer.fields), (status, []))

    def derive(self, who, challenge, naf_id=NAF, told=True):
        answer = self.ask(GBA_NAF, who, (NAF_ID, naf_id))
        key = naf_key(challenge, who.impi, naf_id)
        self.remember(f"{who.impi}.{self.seq}.ext", key)
        self.remember(f"{who.impi}.{self.seq}.int",
                      naf_key(challenge, who.impi, naf_id, b"gba-u"))
        rest = [(B_TID, b_tid(challenge).encode()),
                (KEY_LIFETIME, LATER.to_bytes(8, "big"))] if told else []
        self.assertEqual((answer.status, answer.fields), (protocol.OK, [(KS_EXT_NAF, key), *rest]))

    def refused(self, who, status, naf_id=NAF, **how):
        answer = self.ask(GBA_NAF, who, (NAF_ID, naf_id), **how)
        self.assertEqual((answer.status, answer.all(KS_EXT_NAF)), (status, []))

    def test_a_run(self):
        self.refused(self.alice, NOT_BOOTSTRAPPED)
        challenge = self.challenge(self.alice)
        self.store(self.alice, challenge, status=NOT_BOOTSTRAPPED)
        self.bootstrap(self.alice, challenge)
        self.derive(self.alice, challenge, told=False)
        self.store(self.alice, challenge)
        self.derive(self.alice, challenge)
        self.derive(self.alice, challenge, b"other.example.com\x01\x00\x00\x00\x03")

    def test_a_new_run_replaces_the_old(self):
        first = self.bootstrap(self.dave)
        self.store(self.dave, first)
        self.derive(self.dave, first)
        second = self.bootstrap(self.dave)
        self.store(self.dave, first, status=NOT_BOOTSTRAPPED)
        self.derive(self.dave, second, told=False)
        self.store(self.dave, second)
        self.derive(self.dave, second)

    def test_stale_and_forged_leave_ks_as_it_is(self):
        challenge = self.bootstrap(self.erin)
        self.store(self.erin, challenge)
        answer = self.bootstrap(self.erin, challenge, protocol.SYNC_FAILURE)
        self.assertEqual([tag for tag, _ in answer.fields], [protocol.AUTS])
        self.assertEqual(self.erin.auc.sqn_ms(challenge.rand, answer.one(protocol.AUTS)),
                         challenge.sqn)
        forged = self.challenge(self.erin).forged()
        self.assertEqual(self.bootstrap(self.erin, forged, protocol.MAC_FAILURE).fields, [])
        self.derive(self.erin, challenge)

    def test_a_challenge_serves_once_whatever_asks(self):
        challenge = self.challenge(self.frank)
        answer = self.ask(protocol.AUTHENTICATE, self.frank, (protocol.RAND, challenge.rand),
                          (protocol.AUTN, challenge.autn), (protocol.FORM, protocol.CARD))
        self.assertEqual(answer.status, protocol.OK)
        self.bootstrap(self.frank, challenge, protocol.SYNC_FAILURE)
        self.refused(self.frank, NOT_BOOTSTRAPPED)

    def test_lifetime(self):
        challenge = self.bootstrap(self.kim)
        self.store(self.kim, challenge, lifetime=int(time.time()) - 1)
        self.refused(self.kim, GBA_EXPIRED)
        self.store(self.kim, challenge)
        self.derive(self.kim, challenge)

    def test_switched_off(self):
        challenge = self.challenge(self.plain)
        self.bootstrap(self.plain, challenge, GBA_OFF)
        self.refused(self.plain, GBA_OFF)
        self.store(self.plain, challenge, status=GBA_OFF)
        table = {who.impi: self.ask(protocol.IDENTITY, who).one(protocol.SERVICE_TABLE)
                 for who in (self.plain, self.alice)}
        self.assertEqual((table[self.plain.impi], table[self.alice.impi]), (b"\x00", b"\x02"))

    def test_form_and_names(self):
        challenge = self.challenge(self.pat)
        for kind, *fields in ((GBA_BOOTSTRAP, (protocol.RAND, challenge.rand),
                               (protocol.AUTN, challenge.autn)),
                              (GBA_NAF, (NAF_ID, NAF)),
                              (GBA_STORE, (protocol.RAND, challenge.rand), (B_TID, b"x"),
                               (KEY_LIFETIME, bytes(7) + b"\x01"))):
            answer = self.ask(kind, self.pat, *fields, client="wwsf-2")
            self.assertEqual(answer.status, protocol.FORM_NOT_ALLOWED)
            stranger = appliance.subscriber("nobody")
            self.assertEqual(self.ask(kind, stranger, *fields).status, protocol.UNKNOWN_USER)
            answer = self.ask(kind, self.pat, *fields[1:])
            self.assertEqual((answer.status, answer.at_field),
                             (protocol.MISSING_FIELD, fields[0][0]))

    def test_fields_that_are_wrong(self):
        rand = (protocol.RAND, bytes(16))
        name = (B_TID, b"x@y")
        for kind, fields, status, at in (
                (GBA_NAF, [(NAF_ID, NAF[-5:])], protocol.BAD_LENGTH, NAF_ID),
                (GBA_NAF, [(NAF_ID, bytes(256))], protocol.BAD_LENGTH, NAF_ID),
                (GBA_NAF, [(NAF_ID, NAF)] * 2, protocol.REPEATED_FIELD, NAF_ID),
                (GBA_NAF, [(NAF_ID, NAF), rand], protocol.UNKNOWN_FIELD, protocol.RAND),
                (GBA_STORE, [rand, name, (KEY_LIFETIME, bytes(8))], protocol.BAD_VALUE,
                 KEY_LIFETIME),
                (GBA_STORE, [rand, name, (KEY_LIFETIME, bytes(4))], protocol.BAD_LENGTH,
                 KEY_LIFETIME),
                (GBA_STORE, [rand, (B_TID, b"a\nb"), (KEY_LIFETIME, b"\x01" * 8)],
                 protocol.BAD_VALUE, B_TID),
                (GBA_BOOTSTRAP, [rand, (protocol.AUTN, bytes(15))], protocol.BAD_LENGTH,
                 protocol.AUTN)):
            with self.subTest(kind=kind, fields=fields):
                answer = self.ask(kind, self.pat, *fields)
                self.assertEqual((answer.status, answer.at_field), (status, at))

    def test_mac_of_gba_u(self):
        """MAC* only where the subscription has it."""
        challenge = self.challenge(self.masked)
        self.bootstrap(self.masked, challenge, protocol.MAC_FAILURE)
        self.bootstrap(self.masked, challenge, autn=masked(challenge))
        self.derive(self.masked, challenge, told=False)
        challenge = self.challenge(self.pat)
        self.bootstrap(self.pat, challenge, protocol.MAC_FAILURE, autn=masked(challenge))

    def test_more_nafs_than_the_list_holds(self):
        challenge = self.bootstrap(self.lru)
        for number in (*range(12), 3, 3, 11):
            self.derive(self.lru, challenge, b"naf%d.example.com" % number + NAF[-5:], told=False)
        self.derive(self.lru, challenge, b"n" * 250 + NAF[-5:], told=False)

    def test_one_batch(self):
        """Runs and NAFs in flight together on one connection."""
        challenges = [self.challenge(self.many) for _ in range(8)]
        with self.appliance.client() as client:
            name = protocol.name_field(self.many.impi)
            for one in challenges:
                client.send(GBA_BOOTSTRAP, name, (protocol.RAND, one.rand),
                            (protocol.AUTN, one.autn))
                client.send(GBA_NAF, name, (NAF_ID, NAF))
            answers = [client.receive() for _ in range(2 * len(challenges))]
        keys = {naf_key(one, self.many.impi, NAF) for one in challenges}
        accepted = {answer.one(protocol.RES) for answer in answers
                    if (answer.kind, answer.status) == (GBA_BOOTSTRAP, protocol.OK)}
        self.assertIn(challenges[-1].res, accepted)
        for answer in answers:
            if answer.kind == GBA_NAF and answer.status == protocol.OK:
                self.assertIn(answer.one(KS_EXT_NAF), keys)
        self.derive(self.many, challenges[-1], told=False)

    def test_restart_and_kill(self):
        challenge = self.bootstrap(self.rest)
        self.store(self.rest, challenge)
        self.appliance.restart()
        self.derive(self.rest, challenge)
        for _ in range(2):
            challenge = self.bootstrap(self.rest)
            self.appliance.wait_for_children()
            self.kill_keepers()
            self.derive(self.rest, challenge, told=False)
            self.store(self.rest, challenge)
            self.appliance.wait_for_children()
            self.kill_keepers()
            self.derive(self.rest, challenge)
        self.expect_no_object_left_over()

    def test_kill_in_between(self):
        """An answer lost on the way: the run it belongs to was done, or is done by the retry."""
        for pause in (0, 0.001, 0.003, 0.01, 0.03):
            challenge = self.challenge(self.between)
            fields = ((protocol.RAND, challenge.rand), (protocol.AUTN, challenge.autn))
            self.appliance.wait_for_children()
            with self.appliance.client() as client:
                client.send(GBA_BOOTSTRAP, protocol.name_field(self.between.impi), *fields)
                time.sleep(pause)
                self.kill_keepers()
                answer = client.receive()
            if answer.status != protocol.OK:
                self.assertEqual(answer.status, protocol.UNAVAILABLE)
                answer = self.ask(GBA_BOOTSTRAP, self.between, *fields)
                self.assertIn(answer.status, (protocol.OK, protocol.SYNC_FAILURE))
            self.derive(self.between, challenge, told=False)

    def kill_keepers(self):
        for name, pid in self.appliance.children().items():
            if name.startswith("keeper-"):
                os.kill(pid, signal.SIGKILL)

    def expect_no_object_left_over(self):
        """In the token there is what was there before the first run."""
        (folder,) = glob.glob(self.appliance.path("tokens/*"))
        # A kill while the module rewrites an anchor leaves an empty file, and a new one is made.
        files = [name for name in glob.glob(folder + "/*.object") if os.path.getsize(name) > 0]
        listed = json.loads(self.appliance.token("subscriber", "list", "--json").stdout)
        # K and OPc of each; KEK, integrity key, audit key pair, two anchors, a laboratory's mark, and
        # the token's own file.
        self.assertEqual(len(files), 2 * len(listed) + 7 + 1)

    def test_record_of_another_and_edited(self):
        mine, other = self.bootstrap(self.tamper), self.bootstrap(self.alice)
        self.derive(self.tamper, mine, told=False)
        with contextlib.closing(sqlite3.connect(self.appliance.path("state/nisim.db"))) as store:
            rows = {impi: row for impi, row in store.execute("SELECT text, row FROM name")}
            own, its = rows[self.tamper.impi], rows[self.alice.impi]
            read = "SELECT record, seal FROM gba WHERE row = ?"
            write = "UPDATE gba SET record = ?, seal = ? WHERE row = ?"
            record, seal = store.execute(read, (own,)).fetchone()
            for changed in ((bytes([record[0], *record[1:-1], record[-1] ^ 1]), seal),
                            (record, bytes(32)), (record[:-1], seal), (b"", seal),
                            store.execute(read, (its,)).fetchone()):
                store.execute(write, (*changed, own))
                store.commit()
                self.refused(self.tamper, protocol.KEY_UNUSABLE)
            store.execute(write, (record, seal, own))
            store.commit()
        self.derive(self.tamper, mine, told=False)
        self.derive(self.alice, other, told=False)

    def command(self, *arguments):
        """The nisim command, again while the appliance says that it may be."""
        for _ in range(100):
            status, shown = self.appliance.nisim(*arguments)
            if status != UNAVAILABLE:
                return status, shown
            time.sleep(0.1)
        raise AssertionError("no answer that is one")

    def test_the_command(self):
        """A whole run by nisim(1), and what it says of wrong arguments."""
        nisim, challenge = self.command, self.challenge(self.cmd)
        rand, autn = challenge.rand.hex(), challenge.autn.hex()
        naf = ("gba-naf", "cmd", "naf.example.com", "0100000002")
        tid = ("gba-store", "cmd", rand, b_tid(challenge), str(LATER))
        key = naf_key(challenge, self.cmd.impi, NAF)
        self.remember("cmd.ext", key)
        status, shown = nisim(*naf)
        self.assertEqual((status, "NOT_BOOTSTRAPPED" in shown["why"]), (REFUSED, True), shown)
        self.assertEqual(nisim(*tid)[0], REFUSED)
        forged = challenge.forged().autn.hex()
        status, shown = nisim("gba-bootstrap", "cmd", rand, forged)
        self.assertEqual((status, shown.get("result")), (MAC_FAILURE, "mac-failure"), shown)
        status, shown = nisim("gba-bootstrap", "cmd", rand, autn)
        self.assertEqual((status, shown), (DONE, {"result": "ok", "res": challenge.res.hex(),
                                                  "why": ""}))
        self.assertEqual(nisim(*naf), (DONE, {"ks-ext-naf": key.hex(), "why": ""}))
        self.assertEqual(nisim(*tid), (DONE, {"why": ""}))
        self.assertEqual(nisim(*naf), (DONE, {"ks-ext-naf": key.hex(), "b-tid": b_tid(challenge),
                                              "lifetime": str(LATER), "why": ""}))
        status, shown = nisim("gba-bootstrap", "cmd", rand, autn)
        self.assertEqual((status, shown["result"], len(shown["auts"])),
                         (SYNC_FAILURE, "sync-failure", 28))
        self.assertEqual(nisim(*tid[:-1], "1")[0], DONE)
        status, shown = nisim(*naf)
        self.assertEqual((status, "GBA_EXPIRED" in shown["why"]), (REFUSED, True), shown)
        for wrong in (naf[:3], (*naf[:3], "01"), (*naf[:3], "xx00000002"), (*naf[:2], "", naf[3]),
                      (*naf[:2], "n" * 251, naf[3]), tid[:4], (*tid[:4], "0"), (*tid[:4], "+5"),
                      (*tid[:4], "1x"), (*tid[:3], "", tid[4]), (*tid[:3], "b" * 256, tid[4]),
                      (*tid[:2], "00", *tid[3:]), ("gba-bootstrap", "cmd", rand, "00")):
            with self.subTest(arguments=wrong):
                self.assertEqual(nisim(*wrong)[0], USAGE)

    def test_the_officer(self):
        one = appliance.subscriber("zoe", options=("--gba-u-mac",))
        self.assertIn("--gba", self.appliance.add(one, status=2).stderr)
        for who, shown in ((self.plain, "off"), (self.alice, "on"), (self.masked, "on, u-mac")):
            self.assertIn(f"\ngba: {shown}\n",
                          self.appliance.token("subscriber", "show", who.impi).stdout)
        gone = appliance.subscriber("gone", options=("--gba",))
        self.appliance.add(gone)
        challenge = self.bootstrap(gone)
        self.appliance.token("subscriber", "remove", gone.impi, "--yes")
        self.refused(gone, protocol.UNKNOWN_USER)
        self.appliance.add(gone)
        self.refused(gone, NOT_BOOTSTRAPPED)
        self.bootstrap(gone, challenge)

    @classmethod
    def tearDownClass(cls):
        """Of all that the tests above made, nothing lies in store, logs and token."""
        looked_at = []
        for folder, _, files in os.walk(cls.appliance.folder):
            for name in files:
                path = os.path.join(folder, name)
                looked_at.append(os.path.relpath(path, cls.appliance.folder))
                found = found_in(read_bytes(path), cls.secrets)
                if found:
                    raise AssertionError(f"{path} holds {found}")
        if not {"log", "state/nisim.db", "state/nisim.db-wal"} <= set(looked_at) or \
                not cls.secrets:
            raise AssertionError(f"looked only at {looked_at}")


class Vectors(appliance.Case):
    """The sets of tests/vectors/gba_vectors.json: one IMPI for all, so one after another."""

    @classmethod
    def prepare(cls, lab):
        config = lab.read("nisim.conf")
        lab.write("nisim.conf", config.replace('forms = ("card", "ha1", "digest", "files", "apdu")', 'forms = ("gba")')
                  .replace('domains = ("ims.example.com");', 'domains = ("*");', 1))
        with open(VECTORS, encoding="utf-8") as file:
            cls.vectors = json.load(file)["vectors"]
        cls.sets = read_sets()

    def ask(self, client, kind, *fields):
        """A key that was just loaded may take a second to be seen."""
        for _ in range(50):
            answer = client.ask(kind, *fields)
            if not protocol.is_retryable(answer.status):
                return answer
            time.sleep(0.1)
        raise AssertionError("no answer that is one")

    def run_set(self, client, one, vector, options):
        who = one.subscriber
        who = appliance.Subscriber(("gba",), vector["impi"], who.k, who.opc,
                                   domain=vector["impi"].split("@")[1],
                                   options=(*who.options, "--gba", *options))
        autn = bytes.fromhex(vector["gba_u_autn_star_UNVERIFIED_RULE"]) if options \
            else one.challenge.autn
        self.appliance.add(who)
        name = (protocol.USER_ID, b"gba")
        naf = (NAF_ID, bytes.fromhex(vector["naf_id"]))
        self.assertEqual(self.ask(client, GBA_NAF, name, naf).status, NOT_BOOTSTRAPPED)
        answer = self.ask(client, GBA_BOOTSTRAP, name, (protocol.RAND, one.challenge.rand),
                          (protocol.AUTN, autn))
        self.assertEqual((answer.status, answer.fields),
                         (protocol.OK, [(protocol.RES, one.challenge.res)]))
        answer = self.ask(client, GBA_NAF, name, naf)
        self.assertEqual((answer.status, answer.fields),
                         (protocol.OK, [(KS_EXT_NAF, bytes.fromhex(vector["ks_ext_naf"]))]))
        self.appliance.token("subscriber", "remove", who.impi, "--yes")

    def test_each(self):
        self.assertGreaterEqual(len(self.vectors), 10)
        with self.appliance.client() as client:
            for number, vector in enumerate(self.vectors):
                one = self.sets[vector["milenage_set"] - 1]
                with self.subTest(set=vector["milenage_set"]):
                    self.run_set(client, one, vector, ())
                    if number % 4 == 0:
                        self.run_set(client, one, vector, ("--gba-u-mac",))


if __name__ == "__main__":
    appliance.main()
