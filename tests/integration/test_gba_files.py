"""EF_GBABP and EF_GBANL, as files of the card and by READ_FILE: python3 test_gba_files.py --bin BUILD/bin"""

import contextlib
import sqlite3

import appliance
import protocol
from test_apdu import APDU, CARD_RESET, COMMAND, RESPONSE, SELECT_ISIM
from test_files import FILE, FILE_DATA, NO_SUCH_FILE, READ_FILE, RECORD, RECORD_COUNT
from test_gba import B_TID, GBA_BOOTSTRAP, GBA_NAF, GBA_STORE, KEY_LIFETIME, LATER, NAF, NAF_ID, b_tid

GBABP, GBANL = 0x6fd5, 0x6fd7
GBABP_BYTES, RECORD_BYTES, RECORDS = 294, 255, 8
OTHER_NAF = b"other.example.com\x01\0\0\0\3"
KEY_UNUSABLE = 0x40


def lv(*values):
    return b"".join(bytes([len(value)]) + value for value in values)


def record(naf_id, tid):
    return (b"\x80" + lv(naf_id) + b"\x81" + lv(tid)).ljust(RECORD_BYTES, b"\xff")


class GbaFiles(appliance.Case):
    @classmethod
    def prepare(cls, lab):
        config = lab.read("nisim.conf")
        lab.write("nisim.conf", config.replace('"files", "apdu")', '"files", "apdu", "gba")'))
        for name in ("alice", "card", "cmd", "tamper"):
            who = appliance.subscriber(name, options=("--gba",))
            setattr(cls, name, who)
            lab.add(who)
        cls.plain = appliance.subscriber("plain")
        lab.add(cls.plain)

    def setUp(self):
        super().setUp()
        self.client = self.appliance.client()
        self.addCleanup(self.client.close)

    def ask(self, kind, who, *fields):
        answer = self.client.ask(kind, protocol.name_field(who.impi), *fields)
        self.assertEqual(answer.status, protocol.OK)
        return answer

    def read(self, who, file, *more):
        return self.ask(READ_FILE, who, (FILE, file.to_bytes(2, "big")), *more).all(FILE_DATA)

    def run_it(self, who, seq=1):
        challenge = who.auc.challenge(seq, 1)
        self.ask(GBA_BOOTSTRAP, who, (protocol.RAND, challenge.rand), (protocol.AUTN, challenge.autn))
        return challenge

    def store(self, who, challenge, lifetime=LATER):
        self.ask(GBA_STORE, who, (protocol.RAND, challenge.rand), (B_TID, b_tid(challenge).encode()),
                 (KEY_LIFETIME, lifetime.to_bytes(8, "big")))

    def expect(self, who, parameters, records):
        self.assertEqual(self.read(who, GBABP), [parameters.ljust(GBABP_BYTES, b"\xff")])
        empty = [b"\xff" * RECORD_BYTES] * (RECORDS - len(records))
        self.assertEqual(self.read(who, GBANL), records + empty)

    def test_without_gba(self):
        for file in (GBABP, GBANL):
            answer = self.client.ask(READ_FILE, protocol.name_field("plain"),
                                     (FILE, file.to_bytes(2, "big")))
            self.assertEqual((answer.status, answer.at_field), (NO_SUCH_FILE, FILE))
        self.assertEqual(self.read(self.plain, 0x6f07), [b"\0"])

    def test_what_a_run_leaves(self):
        who = self.alice
        self.assertEqual(self.read(who, 0x6f07), [b"\2"])
        self.expect(who, b"", [])
        challenge = self.run_it(who)
        self.expect(who, lv(challenge.rand, b"", b""), [])
        self.ask(GBA_NAF, who, (NAF_ID, NAF))
        self.expect(who, lv(challenge.rand, b"", b""), [record(NAF, b"")])
        self.store(who, challenge)
        tid = b_tid(challenge).encode()
        told = lv(challenge.rand, tid, b"2100-01-01T00:00:00Z")
        self.expect(who, told, [record(NAF, tid)])
        self.ask(GBA_NAF, who, (NAF_ID, OTHER_NAF))
        self.expect(who, told, [record(OTHER_NAF, tid), record(NAF, tid)])
        self.assertEqual(self.read(who, GBANL, (RECORD, b"\2")), [record(NAF, tid)])
        for number in (0, 9):
            answer = self.client.ask(READ_FILE, protocol.name_field(who.impi),
                                     (FILE, GBANL.to_bytes(2, "big")), (RECORD, bytes([number])))
            self.assertEqual((answer.status, answer.at_field), (protocol.BAD_VALUE, RECORD))
        challenge = self.run_it(who, 2)
        self.expect(who, lv(challenge.rand, b"", b""), [])
        self.store(who, challenge, 2 ** 64 - 1)
        self.expect(who, lv(challenge.rand, b_tid(challenge).encode(), b"9999-12-31T23:59:59Z"), [])
        self.ask(GBA_NAF, who, (NAF_ID, b"a" * 250 + NAF[-5:]))  # fits into no record
        self.expect(who, lv(challenge.rand, b_tid(challenge).encode(), b"9999-12-31T23:59:59Z"),
                    [b"\xff" * RECORD_BYTES])

    def apdu(self, who, command):
        return self.ask(APDU, who, (COMMAND, bytes.fromhex(command))).one(RESPONSE)

    def test_as_a_card(self):
        who = self.card
        challenge = who.auc.challenge(1, 1)
        self.ask(CARD_RESET, who)
        self.assertEqual(self.apdu(who, SELECT_ISIM), b"\x90\0")
        self.assertEqual(self.apdu(who, "00a4000c026fd5"), b"\x90\0")
        self.assertEqual(self.apdu(who, "00b0000002"), b"\xff\xff\x90\0")
        run = b"\xdd" + lv(challenge.rand, challenge.autn)
        self.assertEqual(self.apdu(who, f"00880084{len(run):02x}{run.hex()}00")[-2:], b"\x90\0")
        self.assertEqual(self.apdu(who, "00b0000013"), lv(challenge.rand, b"", b"") + b"\x90\0")
        key = b"\xde" + lv(NAF, who.impi.encode())
        self.assertEqual(self.apdu(who, f"00880084{len(key):02x}{key.hex()}00")[-2:], b"\x90\0")
        self.assertEqual(self.apdu(who, "00a4000c026fd7"), b"\x90\0")
        self.assertEqual(self.apdu(who, "00b20104ff"), record(NAF, b"") + b"\x90\0")
        self.assertEqual(self.apdu(who, "00b20804ff"), b"\xff" * RECORD_BYTES + b"\x90\0")
        self.assertEqual(self.apdu(who, "00b2090400"), b"\x6a\x83")

    def test_edited_record(self):
        who = self.tamper
        self.run_it(who)
        with contextlib.closing(sqlite3.connect(self.appliance.path("state/nisim.db"))) as store:
            store.execute("UPDATE gba SET seal = zeroblob(32) WHERE row ="
                          " (SELECT row FROM name WHERE text = ?)", (who.impi,))
            store.commit()
        for file in (GBABP, GBANL):
            answer = self.client.ask(READ_FILE, protocol.name_field(who.impi),
                                     (FILE, file.to_bytes(2, "big")))
            self.assertEqual((answer.status, answer.all(FILE_DATA)), (KEY_UNUSABLE, []))
        self.ask(CARD_RESET, who)
        self.assertEqual(self.apdu(who, SELECT_ISIM), b"\x90\0")
        answer = self.client.ask(APDU, protocol.name_field(who.impi),
                                 (COMMAND, bytes.fromhex("00a4000c026fd5")))
        self.assertEqual((answer.status, answer.all(RESPONSE)), (KEY_UNUSABLE, []))

    def test_the_command(self):
        challenge = self.run_it(self.cmd)
        for name, begin in (("GBABP", lv(challenge.rand, b"", b"")), ("gbanl", b"\xff")):
            args = ("1",) if name == "gbanl" else ()
            status, shown = self.appliance.nisim("file", "cmd", name, *args)
            self.assertEqual(status, appliance.DONE, shown)
            self.assertTrue(shown["data"].startswith(begin.hex()), shown)
        self.assertEqual(self.ask(READ_FILE, self.cmd, (FILE, b"\x6f\xd7")).one(RECORD_COUNT),
                         bytes([RECORDS]))


if __name__ == "__main__":
    appliance.main()
