"""READ_FILE over a running appliance: every EF in its coding, the service table, and what is refused."""

import appliance
import protocol

READ_FILE = 0x07
FILE, RECORD, STRUCTURE, RECORD_COUNT, FILE_DATA = 0x40, 0x41, 0x42, 0x43, 0x44
P_CSCF_KIND, WEBRTC_URI = 0x8045, 0x8046
NO_SUCH_FILE = 0x26
TRANSPARENT, LINEAR = 1, 2
URI = "https://wwsf.example.com/"
P_CSCFS = ("pcscf.example.com", "192.0.2.7", "2001:db8::7")
LONG = "sip:" + "a" * 130 + "@ims.example.com"
ALL = (0x6f02, 0x6f03, 0x6f04, 0x6f06, 0x6f07, 0x6f09, 0x6fad, 0x6ffa)


def tlv(value):
    return b"\x80" + (b"\x81" if len(value) > 127 else b"") + bytes([len(value)]) + value


def padded(records):
    longest = max(map(len, records))
    return [record + b"\xff" * (longest - len(record)) for record in records]


class Files(appliance.Case):
    @classmethod
    def prepare(cls, lab):
        p_cscfs = [word for address in P_CSCFS for word in ("--p-cscf", address)]
        cls.alice = appliance.subscriber("alice", options=(
            "--impu", "tel:+15551", "--impu", LONG, "--webrtc-uri", URI, *p_cscfs))
        cls.bare = appliance.subscriber("bare")
        cls.idle = appliance.subscriber("idle")
        cls.bob = appliance.subscriber("bob", domain="other.example.com")
        for who in (cls.alice, cls.bare, cls.idle, cls.bob):
            lab.add(who)
        lab.token("subscriber", "disable", "idle")

    def setUp(self):
        super().setUp()
        self.client = self.appliance.client()
        self.addCleanup(self.client.close)

    def ask(self, fid, *record, name="alice", client=None):
        fields = [protocol.name_field(name), (FILE, fid.to_bytes(2, "big"))]
        fields += [(RECORD, bytes([number])) for number in record]
        return (client or self.client).ask(READ_FILE, *fields)

    def expect(self, answer, structure, data, count=0):
        self.assertEqual(answer.status, protocol.OK)
        self.assertEqual(answer.one(STRUCTURE)[0], structure)
        self.assertEqual(answer.one(RECORD_COUNT)[0], count)
        self.assertEqual(answer.all(FILE_DATA), data)

    def refused(self, answer, status, at_field=0):
        self.assertEqual((answer.status, answer.at_field), (status, at_field))
        self.assertFalse(answer.all(FILE_DATA))

    def test_no_such_file(self):
        for fid in (0x0000, 0x2f00, 0x3f00, 0x7fff, 0x6f01, 0x6f3c, 0xffff):
            with self.subTest(fid=hex(fid)):
                self.refused(self.ask(fid), NO_SUCH_FILE, FILE)
        for fid in (0x6f09, 0x6ffa):
            with self.subTest(fid=hex(fid)):
                self.refused(self.ask(fid, name="bare"), NO_SUCH_FILE, FILE)

    def test_no_such_record(self):
        for fid in ALL:
            for number in (0, 4, 255):
                with self.subTest(fid=hex(fid), number=number):
                    self.refused(self.ask(fid, number), protocol.BAD_VALUE, RECORD)
        self.refused(self.ask(0x6f02, 1), protocol.BAD_VALUE, RECORD)
        self.refused(self.ask(0x6f06, 2), protocol.BAD_VALUE, RECORD)

    def test_request_that_is_none(self):
        name, fid = protocol.name_field("alice"), (FILE, b"\x6f\x02")
        for fields, status, at_field in (
                ((name,), protocol.MISSING_FIELD, FILE),
                ((fid,), protocol.MISSING_FIELD, protocol.USER_ID),
                ((name, (FILE, b"\x6f")), protocol.BAD_LENGTH, FILE),
                ((name, fid, fid), protocol.REPEATED_FIELD, FILE),
                ((name, fid, (RECORD, b"")), protocol.BAD_LENGTH, RECORD),
                ((name, fid, (RECORD, b"\0\1")), protocol.BAD_LENGTH, RECORD),
                ((name, fid, (FILE_DATA, b"x")), protocol.UNKNOWN_FIELD, FILE_DATA)):
            with self.subTest(fields=fields):
                self.refused(self.client.ask(READ_FILE, *fields), status, at_field)

    def test_who_may_not(self):
        with self.appliance.client("wwsf-2") as other:
            self.refused(self.ask(0x6f02, client=other), protocol.FORM_NOT_ALLOWED)
            self.refused(self.ask(0x6f01, name="carol", client=other), protocol.FORM_NOT_ALLOWED)
        self.refused(self.ask(0x6f02, name="carol"), protocol.UNKNOWN_USER)
        self.refused(self.ask(0x6f02, name="bob"), protocol.UNKNOWN_USER)
        self.refused(self.ask(0x6f02, name="idle"), protocol.USER_DISABLED)

    def test_transparent_files(self):
        services = bytes([0x01, 0x00, 0x08])
        for fid, data in ((0x6f02, tlv(self.alice.impi.encode())),
                          (0x6f03, tlv(appliance.DOMAIN.encode())),
                          (0x6fad, bytes(3)), (0x6f07, services)):
            with self.subTest(fid=hex(fid)):
                self.expect(self.ask(fid), TRANSPARENT, [data])
        self.expect(self.ask(0x6f07, name="bare"), TRANSPARENT, [b"\0"])

    def test_linear_files(self):
        impus = padded([tlv(text.encode()) for text in
                        ("sip:" + self.alice.impi, "tel:+15551", LONG)])
        p_cscfs = padded([tlv(b"\0" + P_CSCFS[0].encode()), tlv(bytes([1, 192, 0, 2, 7])),
                          tlv(bytes.fromhex("0220010db8000000000000000000000007"))])
        for fid, records in ((0x6f04, impus), (0x6f09, p_cscfs), (0x6ffa, [tlv(URI.encode())])):
            with self.subTest(fid=hex(fid)):
                self.expect(self.ask(fid), LINEAR, records, len(records))
                for number, record in enumerate(records, 1):
                    self.expect(self.ask(fid, number), LINEAR, [record], len(records))

    def test_identity(self):
        answer = self.client.identity("alice")
        self.assertEqual(answer.all(P_CSCF_KIND), [b"\1", b"\2", b"\3"])
        self.assertEqual(answer.one(WEBRTC_URI), URI.encode())
        self.assertEqual(answer.one(protocol.SERVICE_TABLE), self.ask(0x6f07).one(FILE_DATA))
        answer = self.client.identity("bare")
        self.assertFalse(answer.all(P_CSCF_KIND) + answer.all(WEBRTC_URI))

    def test_record_survives_a_change(self):
        self.appliance.token("subscriber", "disable", "alice")
        self.refused(self.ask(0x6ffa), protocol.USER_DISABLED)
        self.appliance.token("subscriber", "enable", "alice")
        self.expect(self.ask(0x6ffa), LINEAR, [tlv(URI.encode())], 1)
        self.assertIn(f"webrtc-uri: {URI}", self.appliance.token("subscriber", "show", "alice").stdout)

    def test_command(self):
        for file, record, value in (("IMPI", (), self.alice.impi), ("impu", ("2",), "tel:+15551"),
                                    ("IST", (), "services 1, 20"), ("P-CSCF", ("1",), P_CSCFS[0]),
                                    ("6f09", ("2",), P_CSCFS[1]), ("p-cscf", ("3",), P_CSCFS[2]),
                                    ("WebRTCURI", (), URI), ("AD", (), None)):
            with self.subTest(file=file):
                status, shown = self.appliance.nisim("file", "alice", file, *record)
                self.assertEqual((status, shown.get("value")), (appliance.DONE, value), shown)
        for arguments, exit_status, words in (
                (("6f01",), appliance.REFUSED, "NO_SUCH_FILE"),
                (("IMPU", "9"), appliance.REFUSED, "BAD_VALUE"),
                (("IMPU", "0"), appliance.USAGE, "RECORD"),
                (("IMPU", "256"), appliance.USAGE, "RECORD"),
                (("IMPU", "1x"), appliance.USAGE, "RECORD"),
                (("GARBAGE",), appliance.USAGE, "FILE"), ((), appliance.USAGE, "arguments"),
                (("IMPU", "1", "2"), appliance.USAGE, "arguments")):
            with self.subTest(arguments=arguments):
                status, shown = self.appliance.nisim("file", "alice", *arguments)
                self.assertEqual(status, exit_status, shown)
                self.assertIn(words, shown["why"])
                self.assertNotIn("data", shown)

    def test_webrtc_uri_that_is_none(self):
        for uri in ("", "ftp://wwsf.example.com", "https://", "https:///x", "https://a b/",
                    "https://a\r\n", "https://" + "a" * 255):
            with self.subTest(uri=uri):
                self.appliance.add(appliance.subscriber("eve", options=("--webrtc-uri", uri)),
                                   status=2)


if __name__ == "__main__":
    appliance.main()
