"""Bad input at a running appliance, and what it gets: python3 test_bad_input.py --bin BUILD/bin"""

import socket
import sqlite3
import ssl
import struct
import subprocess
import time

import appliance
import protocol
from appliance import NO_CONNECTION, REFUSED, UNAVAILABLE
from protocol import (AUTHENTICATE, AUTN, BAD_LENGTH, BAD_VALUE, FORM, FRAME_TOO_LARGE, HELLO,
                      IDENTITY, IMPI, MALFORMED, MISSING_FIELD, OK, PING, RAND, REPEATED_FIELD,
                      UNKNOWN_FIELD, UNKNOWN_MESSAGE, UNKNOWN_USER, UNSUPPORTED_VERSION, USER_ID,
                      encode, frame)

FRAME_TIMEOUT = 2
HANDSHAKE_TIMEOUT = 2
LIMITS = f"frame_timeout = {FRAME_TIMEOUT}; handshake_timeout = {HANDSHAKE_TIMEOUT};"


class BadInput(appliance.Case):
    """After each test the service answers, and what it logged was no error."""
    errors_allowed = ()

    @classmethod
    def prepare(cls, lab):
        cls.alice = appliance.subscriber("alice")
        cls.carol = appliance.subscriber("carol", domain="other.example.com")
        cls.alice_seq = 0
        lab.configure(limits=LIMITS)
        lab.add(cls.alice)
        lab.add(cls.carol)

    def tearDown(self):
        self.is_served()
        for line in self.appliance.errors():
            self.assertTrue(any(event in line for event in self.errors_allowed), line)

    def is_served(self):
        with self.appliance.client() as client:
            self.assertEqual(client.ping(), OK)
        challenge = self.next_challenge()
        result = self.appliance.authenticate("alice", challenge)
        self.assertAccepted(result, challenge)

    def next_challenge(self):
        type(self).alice_seq += 1
        return self.alice.auc.challenge(self.alice_seq, 1)


class Subscribers(BadInput):
    errors_allowed = ("record-tampered", "key-unusable")

    def refused(self, name, status, words, who="wwsf-1"):
        challenge = self.alice.auc.challenge(1 << 20, 2)
        by = ("--impi",) if "@" in name else ()
        for result in (self.appliance.authenticate(name, challenge, who=who),
                       self.appliance.nisim(*by, "identity", name, who=who)):
            self.assertEqual(result[0], status, result)
            self.assertEqual(set(result[1]), {"why"})
            self.assertIn(words, result[1]["why"])

    def retried(self, name, challenge):
        """As a client does after UNAVAILABLE: the token may have been searched just now."""
        end = time.monotonic() + 60
        while True:
            result = self.appliance.authenticate(name, challenge)
            if result[0] != UNAVAILABLE or time.monotonic() > end:
                return result
            time.sleep(0.3)

    def test_unknown(self):
        for name in ("nobody", "nobody@ims.example.com", "ALICE", "alice@other.example.com",
                     "alice ", "x" * 128, "%s%n'; DROP TABLE name; --", "\u00fcml\u00e4ut"):
            with self.subTest(name=name):
                self.refused(name, REFUSED, "UNKNOWN_USER")

    def test_of_another_domain(self):
        for name in ("carol", self.carol.impi):
            self.refused(name, REFUSED, "UNKNOWN_USER")
        challenge = self.carol.auc.challenge(1)
        for seq, who in enumerate(("wwsf-2", "wwsf-3"), 1):
            challenge = self.carol.auc.challenge(seq)
            result = self.appliance.authenticate("carol", challenge, who=who)
            self.assertAccepted(result, challenge)

    def test_unknown_and_of_another_domain_look_alike(self):
        with self.appliance.client() as client:
            answers = [client.identity(name) for name in ("nobody", "carol")]
        self.assertEqual([(answer.status, answer.fields) for answer in answers],
                         [(UNKNOWN_USER, [])] * 2)

    def test_disabled_enabled_removed_added(self):
        dave = appliance.subscriber("dave")
        self.refused("dave", REFUSED, "UNKNOWN_USER")
        self.appliance.add(dave)
        first, second, third = (dave.auc.challenge(seq) for seq in (1, 2, 3))
        self.assertAccepted(self.retried("dave", first), first)
        self.appliance.token("subscriber", "disable", "dave")
        self.refused("dave", REFUSED, "USER_DISABLED")
        self.assertEqual(self.appliance.authenticate(dave.impi, second)[0], REFUSED)
        self.appliance.token("subscriber", "enable", "dave")
        self.assertAccepted(self.retried("dave", second), second)
        self.assertStale(self.retried("dave", second), dave.auc, second, second.sqn)
        self.appliance.token("subscriber", "remove", "dave", "--yes")
        self.refused("dave", REFUSED, "UNKNOWN_USER")
        self.assertEqual(self.appliance.authenticate(dave.impi, third)[0], REFUSED)

    def test_taken_names(self):
        for taken in (appliance.subscriber("alice"),
                      appliance.subscriber("erin", user_ids=("erin", "carol"))):
            self.appliance.add(taken, status=7)
        self.refused("erin", REFUSED, "UNKNOWN_USER")

    def test_altered_record(self):
        """Whoever edits the store enables nobody, and hurts nobody else."""
        self.appliance.add(appliance.subscriber("mallory"))
        self.appliance.token("subscriber", "disable", "mallory")
        find = "SELECT s.row, record FROM subscription s JOIN name n ON s.row = n.row WHERE text = ?"
        with sqlite3.connect(self.appliance.path("state/nisim.db")) as store:
            row, record = store.execute(find, ("mallory",)).fetchone()
            enabled = record[:1] + bytes([record[1] ^ 1]) + record[2:]
            store.execute("UPDATE subscription SET record = ? WHERE row = ?", (enabled, row))
        self.refused("mallory", REFUSED, "KEY_UNUSABLE")
        with sqlite3.connect(self.appliance.path("state/nisim.db")) as store:
            other = store.execute(find, ("alice",)).fetchone()[0]
            store.execute("UPDATE name SET row = ? WHERE text = ?", (other, "mallory"))
        self.refused("mallory", REFUSED, "KEY_UNUSABLE")


class Requests(BadInput):
    def test_lengths_in_the_command(self):
        for rand, autn in (("00" * 15, "00" * 16), ("00" * 16, "00" * 17), ("0" * 31, "00" * 16),
                           ("0g" * 16, "00" * 16), ("", "00" * 16)):
            status, shown = self.appliance.nisim("authenticate", "alice", rand, autn)
            self.assertEqual(status, appliance.USAGE, shown)

    def test_fields(self):
        """Each is refused with the field at fault, and the connection goes on."""
        user, rand, autn = (USER_ID, b"alice"), (RAND, bytes(16)), (AUTN, bytes(16))
        impi, form = (IMPI, b"alice@ims.example.com"), (FORM, b"\1")
        unknown = 0x0077
        for kind, fields, status, at in (
                (AUTHENTICATE, (user, (RAND, bytes(15)), autn, form), BAD_LENGTH, RAND),
                (AUTHENTICATE, (user, (RAND, bytes(17)), autn, form), BAD_LENGTH, RAND),
                (AUTHENTICATE, (user, rand, (AUTN, b""), form), BAD_LENGTH, AUTN),
                (AUTHENTICATE, (user, rand, (AUTN, bytes(14)), form), BAD_LENGTH, AUTN),
                (AUTHENTICATE, (user, rand, autn, (FORM, b"\0\1")), BAD_LENGTH, FORM),
                (AUTHENTICATE, (user, rand, autn, (FORM, b"\0")), BAD_VALUE, FORM),
                (AUTHENTICATE, (user, rand, autn, (FORM, b"\2")), BAD_VALUE, FORM),
                (AUTHENTICATE, (user, rand, autn), MISSING_FIELD, FORM),
                (AUTHENTICATE, (user, autn, form), MISSING_FIELD, RAND),
                (AUTHENTICATE, (rand, autn, form), MISSING_FIELD, USER_ID),
                (AUTHENTICATE, (), MISSING_FIELD, None),
                (AUTHENTICATE, (user, rand, rand, autn, form), REPEATED_FIELD, RAND),
                (AUTHENTICATE, (user, user, rand, autn, form), REPEATED_FIELD, USER_ID),
                (AUTHENTICATE, (user, impi, rand, autn, form), REPEATED_FIELD, IMPI),
                (AUTHENTICATE, (user, rand, autn, form, (unknown, b"")), UNKNOWN_FIELD, unknown),
                (AUTHENTICATE, (user, rand, autn, form, (protocol.RES, bytes(8))), UNKNOWN_FIELD,
                 protocol.RES),
                (IDENTITY, (user, rand), UNKNOWN_FIELD, RAND),
                (IDENTITY, ((USER_ID, b""),), BAD_LENGTH, USER_ID),
                (IDENTITY, ((USER_ID, b"x" * 129),), BAD_LENGTH, USER_ID),
                (IDENTITY, ((USER_ID, b"al\0ice"),), BAD_VALUE, USER_ID),
                (IDENTITY, ((USER_ID, b"alice\n"),), BAD_VALUE, USER_ID),
                (IDENTITY, ((USER_ID, b"\xff\xfe"),), BAD_VALUE, USER_ID),
                (IDENTITY, ((IMPI, b"a@"),), BAD_LENGTH, IMPI),
                (IDENTITY, (), MISSING_FIELD, USER_ID),
                (PING, (user,), UNKNOWN_FIELD, USER_ID)):
            with self.subTest(kind=kind, fields=fields), self.appliance.client() as client:
                answer = client.ask(kind, *fields)
                self.assertEqual(answer.status, status)
                if at is not None:
                    self.assertEqual(answer.at_field, at)
                self.assertEqual(client.identity("alice").status, OK)

    def test_optional_fields_are_skipped(self):
        challenge = self.next_challenge()
        with self.appliance.client() as client:
            fields = protocol.challenge_fields("alice", challenge)
            answer = client.ask(AUTHENTICATE, (0xfff0, b"of the future"), *fields, (0x8abc, b""),
                                (0x8abc, bytes(4000)))
            self.assertEqual(answer.status, OK)
            self.assertEqual(answer.one(protocol.RES), challenge.res)

    def test_bodies_cut_short_or_too_long(self):
        whole = encode(*protocol.challenge_fields("alice", self.alice.auc.challenge(1 << 20)))
        with self.appliance.client() as client:
            for cut in range(1, len(whole)):
                client.send_bytes(frame(AUTHENTICATE, cut, whole[:cut]))
                answer = client.receive()
                self.assertEqual(answer.request_id, cut)
                self.assertIn(answer.status, (MALFORMED, MISSING_FIELD))
            for over in (b"\0", b"\0\1\0", encode((USER_ID, b"alice"))[:-1], b"\x80\1\0\1"):
                client.send_bytes(frame(AUTHENTICATE, 500, whole + over))
                self.assertEqual(client.receive().status, MALFORMED)
            self.assertEqual(client.identity("alice").status, OK)

    def test_types(self):
        with self.appliance.client() as client:
            for kind in (HELLO, 0, 0x0e, 0x7f, 0xff):
                self.assertEqual(client.ask(kind, (USER_ID, b"alice")).status, UNKNOWN_MESSAGE)
            self.assertEqual(client.ping(), OK)

    def test_headers_after_which_nothing_is_read(self):
        body = encode((USER_ID, b"alice"))
        for octets, status in (
                (frame(IDENTITY, 7, body, version=0), UNSUPPORTED_VERSION),
                (frame(IDENTITY, 7, body, version=2), UNSUPPORTED_VERSION),
                (frame(IDENTITY, 7, body, flags=1), MALFORMED),
                (frame(IDENTITY, 7, body, flags=0x80), MALFORMED),
                (frame(IDENTITY, 7, body, status=1), MALFORMED),
                (frame(IDENTITY, 7, b"", length=8193), FRAME_TOO_LARGE),
                (frame(IDENTITY, 7, b"", length=0xffffffff), FRAME_TOO_LARGE)):
            with self.subTest(octets=octets), self.appliance.client() as client:
                client.send_bytes(octets + frame(PING, 8))
                answer = client.receive()
                self.assertEqual((answer.kind, answer.request_id, answer.status),
                                 (IDENTITY, 7, status))
                client.expect_end()

    def test_longest_body(self):
        body = encode((USER_ID, b"alice"), (0x8001 + 0x1000, bytes(8192 - 9 - 4)))
        self.assertEqual(len(body), 8192)
        with self.appliance.client() as client:
            client.send_bytes(frame(IDENTITY, 1, body))
            self.assertEqual(client.receive().status, OK)

    def test_half_a_frame_then_silence(self):
        octets = frame(IDENTITY, 1, encode((USER_ID, b"alice")))
        for part in (octets[:1], octets[:11], octets[:12], octets[:-1]):
            with self.subTest(part=part), self.appliance.client() as client:
                client.send_bytes(part)
                start = time.monotonic()
                self.is_served()
                client.expect_end()
                self.assertGreater(time.monotonic() - start, FRAME_TIMEOUT - 0.5)

    def test_a_frame_byte_by_byte(self):
        with self.appliance.client() as client:
            for octet in frame(IDENTITY, 1, encode((USER_ID, b"alice"))):
                client.send_bytes(bytes([octet]))
            self.assertEqual(client.receive().status, OK)

    def test_more_in_flight_than_allowed(self):
        """Nothing is lost: the server only stops reading."""
        with self.appliance.client() as client:
            most = struct.unpack(">H", client.hello.one(protocol.MAX_IN_FLIGHT))[0]
            ids = {client.send(IDENTITY, (USER_ID, b"alice")) for _ in range(3 * most)}
            answers = [client.receive() for _ in ids]
            self.assertEqual({answer.request_id for answer in answers}, ids)
            self.assertEqual({answer.status for answer in answers}, {OK})

    def test_a_client_that_goes_away(self):
        for _ in range(20):
            with self.appliance.client() as client:
                for _ in range(20):
                    client.send(IDENTITY, (USER_ID, b"alice"))


class Connections(BadInput):
    def refused(self, reason, who="wwsf-1", **how):
        """No HELLO comes, and the log says why, unless it has said too much in this second."""
        for _ in range(5):
            before = self.count(reason)
            with self.assertRaises((ssl.SSLError, protocol.Ended, ConnectionError)) as caught:
                self.appliance.client(who, **how).close()
            end = time.monotonic() + 1
            while time.monotonic() < end:
                if self.count(reason) > before:
                    return str(caught.exception).lower()
                time.sleep(0.05)
        return self.fail(reason + " is not in the log")

    def count(self, reason):
        return sum(reason in line for line in self.appliance.lines("connection-refused"))

    def test_certificates(self):
        self.assertIn("certificate required",
                      self.refused("peer did not return a certificate", None))
        self.assertIn("expired", self.refused("certificate has expired", "expired"))
        self.assertIn("unknown ca", self.refused("unable to get local issuer", "other"))
        self.refused("unsuitable certificate purpose", "server")

    def test_certificates_by_the_command(self):
        for who in ("expired", "other"):
            status, shown = self.appliance.nisim("ping", who=who)
            self.assertEqual(status, NO_CONNECTION, shown)
            self.assertEqual(set(shown), {"why"})

    def test_unlisted_certificate(self):
        with self.appliance.client("unlisted") as client:
            self.assertEqual((client.hello.status, client.hello.fields),
                             (protocol.CLIENT_NOT_LISTED, []))
            client.expect_end()
        status, shown = self.appliance.nisim("ping", who="unlisted")
        self.assertEqual(status, REFUSED)
        self.assertIn("CLIENT_NOT_LISTED", shown["why"])
        self.assertIn("sha256:" + self.appliance.pki.fingerprint("unlisted"), self.appliance.log())

    def test_listed_certificates(self):
        for who in ("wwsf-1", "wwsf-2", "wwsf-3"):
            with self.appliance.client(who) as client:
                self.assertEqual(client.hello.one(protocol.CLIENT_NAME), who.encode())
            self.assertEqual(self.appliance.nisim("ping", who=who)[1]["client"], who)

    def test_wrong_protocols(self):
        self.assertIn("protocol", self.refused("unsupported protocol",
                                               version=ssl.TLSVersion.TLSv1_2))
        for alpn in ((), ("http/1.1",), ("nisim/2",)):
            self.assertIn("no application protocol",
                          self.refused("no application protocol", alpn=alpn))

    def test_tls_1_2_by_openssl(self):
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{self.appliance.port}", "-CAfile",
                   self.appliance.pki.path("ca.pem"), "-cert", self.appliance.pki.path("wwsf-1.pem"),
                   "-key", self.appliance.pki.path("wwsf-1.key"), "-alpn", "nisim/1", "-brief"]
        for version, works in (("-tls1_2", False), ("-tls1_3", True)):
            done = subprocess.run([*command, version], input=b"", capture_output=True, timeout=60,
                                  check=False)
            self.assertEqual(b"CONNECTION ESTABLISHED" in done.stderr, works, done.stderr)

    def test_garbage_instead_of_tls(self):
        for garbage in (b"GET / HTTP/1.1\r\n\r\n", bytes(range(256)), frame(PING, 1), b"\0" * 70000,
                        b"\x16\x03\x01\x00\x05hello", b"\x16\x03\x03\xff\xff" + b"\1" * 200):
            with self.subTest(garbage=garbage[:20]), self.plain() as plain:
                try:
                    plain.sendall(garbage)
                    while plain.recv(4096):
                        pass
                except ConnectionError:
                    pass
        self.assertTrue(self.appliance.lines("connection-refused"))

    def test_silence_in_the_handshake(self):
        start = time.monotonic()
        with self.plain() as silent, self.plain() as half:
            half.sendall(b"\x16\x03\x01\x02")
            self.is_served()
            for plain in (silent, half):
                self.assertEqual(plain.recv(1), b"")
        self.assertGreater(time.monotonic() - start, HANDSHAKE_TIMEOUT - 0.5)

    def plain(self):
        return socket.create_connection(("127.0.0.1", self.appliance.port), timeout=60)


del BadInput

if __name__ == "__main__":
    appliance.main()
