"""The card, command by command, over the running appliance: python3 test_apdu.py --bin BUILD/bin"""

import hmac
import os
import signal
import subprocess

import appliance
import protocol

APDU, CARD_RESET, CARD_OFF = 0x08, 0x09, 0x0a
COMMAND, RESPONSE, ATR = 0x48, 0x49, 0x4a
NO_CARD = 0x19
SELECT_ISIM = "00a4040c07a0000000871004"
SELECT_IMPI = "00a4000c026f02"


def tlv(text):
    return (b"\x80" + bytes([len(text)]) + text.encode()).hex()


def authenticate(challenge, le=""):
    return f"008800812210{challenge.rand.hex()}10{challenge.autn.hex()}{le}"


class Card(appliance.Case):
    @classmethod
    def prepare(cls, lab):
        cls.alice = appliance.subscriber("alice")
        cls.bob = appliance.subscriber("bob", domain="other.example.com")
        cls.carol = appliance.subscriber("carol")
        cls.grace = appliance.subscriber("grace", options=("--gba",))
        for who in (cls.alice, cls.bob, cls.carol, cls.grace):
            lab.add(who)
        cls.seq = 0

    def challenge(self):
        type(self).seq += 1
        return self.alice.auc.challenge(self.seq, 1)

    def reset(self, client, name="alice"):
        answer = client.ask(CARD_RESET, protocol.name_field(name))
        self.assertEqual(answer.status, protocol.OK)
        self.assertEqual(answer.one(ATR)[:1], b"\x3b")

    def ask(self, client, command, name="alice"):
        return client.ask(APDU, protocol.name_field(name), (COMMAND, bytes.fromhex(command)))

    def expect(self, client, command, expected, name="alice"):
        answer = self.ask(client, command, name)
        self.assertEqual(answer.status, protocol.OK)
        self.assertEqual(answer.one(RESPONSE).hex(), expected)

    def refuse(self, client, status, command=SELECT_ISIM, name="alice"):
        answer = self.ask(client, command, name)
        self.assertEqual((answer.status, answer.all(RESPONSE)), (status, []))

    def test_before_the_reset(self):
        with self.appliance.client() as client:
            self.refuse(client, NO_CARD)
            answer = client.ask(CARD_OFF, protocol.name_field("alice"))
            self.assertEqual(answer.status, NO_CARD)

    def test_who_may(self):
        with self.appliance.client("wwsf-2") as client:
            for kind in (CARD_RESET, CARD_OFF):
                self.assertEqual(client.ask(kind, protocol.name_field("alice")).status,
                                 protocol.FORM_NOT_ALLOWED)
            self.refuse(client, protocol.FORM_NOT_ALLOWED)
        with self.appliance.client() as client:
            for name in ("bob", "nobody"):
                self.refuse(client, protocol.UNKNOWN_USER, name=name)
                self.assertEqual(client.ask(CARD_RESET, protocol.name_field(name)).status,
                                 protocol.UNKNOWN_USER)

    def test_bad_frames(self):
        with self.appliance.client() as client:
            self.refuse(client, protocol.BAD_LENGTH, "00a404")
            self.refuse(client, protocol.BAD_LENGTH, "00" * 262)
            self.assertEqual(client.ask(APDU, protocol.name_field("alice")).status,
                             protocol.MISSING_FIELD)
            self.assertEqual(client.ask(APDU, (COMMAND, bytes(4))).status, protocol.MISSING_FIELD)
            self.assertEqual(client.ask(CARD_RESET, protocol.name_field("alice"),
                                        (COMMAND, bytes(4))).status, protocol.UNKNOWN_FIELD)
            self.assertEqual(client.ask(CARD_RESET).status, protocol.MISSING_FIELD)

    def gba(self, client, content, expected, name="grace"):
        self.expect(client, f"00880084{len(content):02x}{content.hex()}00", expected, name)

    def test_gba(self):
        naf = b"naf.example.com\x01\0\0\0\2"
        challenge = self.grace.auc.challenge(1, 1)
        run = b"\xdd\x10" + challenge.rand + b"\x10" + challenge.autn
        forged = b"\xdd\x10" + challenge.rand + b"\x10" + challenge.forged().autn
        key = b"\xde" + bytes([len(naf)]) + naf + bytes([len(self.grace.impi)]) + \
            self.grace.impi.encode()
        text = b"\x01" + b"".join(part + len(part).to_bytes(2, "big") for part in
                                  (b"gba-me", challenge.rand, self.grace.impi.encode(), naf))
        expected = hmac.new(challenge.ck + challenge.ik, text, "sha256").hexdigest()
        with self.appliance.client() as client:
            self.reset(client, "grace")
            self.gba(client, run, "6985")
            self.expect(client, SELECT_ISIM, "9000", "grace")
            self.gba(client, key, "6985")
            for bad, sw in ((run[:-1], "6700"), (run + b"\0", "6700"), (b"\xdc" + run[1:], "6a80"),
                            (b"\xdd\x0f" + run[3:18] + run[18:], "6a80"),
                            (key[:-1] + b"x", "6a80"), (forged, "9862")):
                self.gba(client, bad, sw)
            self.gba(client, run, "db08" + challenge.res.hex() + "9000")
            self.gba(client, key, "db20" + expected + "9000")
            answer = bytes.fromhex("dc0e")
            said = self.ask(client, f"00880084{len(run):02x}{run.hex()}00", "grace").one(RESPONSE)
            self.assertEqual((said[:2], said[-2:]), (answer, b"\x90\0"))
            self.assertEqual(self.grace.auc.sqn_ms(challenge.rand, said[2:16]), challenge.sqn)
            self.reset(client)
            self.expect(client, SELECT_ISIM, "9000")
            self.gba(client, run, "9864", "alice")

    def test_files(self):
        with self.appliance.client() as client:
            self.reset(client)
            self.expect(client, "00b0000000", "6986")
            self.expect(client, SELECT_IMPI, "6a82")
            self.expect(client, SELECT_ISIM, "9000")
            self.expect(client, SELECT_IMPI, "9000")
            self.expect(client, "00b0000000", tlv(self.alice.impi) + "9000")
            self.expect(client, "00b0850000", tlv(self.alice.domain) + "9000")
            self.expect(client, "00b2012400", tlv("sip:" + self.alice.impi) + "9000")
            self.expect(client, "00b2022400", "6a83")

    def test_authenticate(self):
        challenge = self.challenge()
        with self.appliance.client() as client:
            self.reset(client)
            self.expect(client, authenticate(challenge), "6985")
            self.expect(client, SELECT_ISIM, "9000")
            self.expect(client, authenticate(challenge.forged()), "9862")
            self.expect(client, authenticate(challenge)[:-2], "6700")
            self.expect(client, authenticate(challenge), "612c")
            vector = f"db08{challenge.res.hex()}10{challenge.ck.hex()}10{challenge.ik.hex()}"
            self.expect(client, "00c000002c", vector + "9000")
            self.expect(client, "00c000002c", "6985")
            stale = self.ask(client, authenticate(challenge, "00")).one(RESPONSE)
            self.assertEqual((stale[:2].hex(), stale[-2:].hex()), ("dc0e", "9000"))
            self.assertEqual(self.alice.auc.sqn_ms(challenge.rand, stale[2:-2]), challenge.sqn)

    def test_all_at_once(self):
        """Commands that arrive together are one batch of the keeper."""
        challenge = self.challenge()
        commands = (SELECT_ISIM, authenticate(challenge), "00c000002c", SELECT_IMPI)
        with self.appliance.client() as client:
            self.reset(client)
            ids = [client.send(APDU, protocol.name_field("alice"), (COMMAND, bytes.fromhex(command)))
                   for command in commands]
            answers = {}
            for _ in commands:
                answer = client.receive()
                answers[answer.request_id] = answer.one(RESPONSE)[-2:].hex()
            self.assertEqual([answers[i] for i in ids], ["9000", "612c", "9000", "9000"])

    def test_two_connections(self):
        with self.appliance.client() as one, self.appliance.client() as two:
            self.reset(one)
            self.refuse(two, NO_CARD)
            self.reset(two)
            self.expect(one, SELECT_ISIM, "9000")
            self.expect(two, SELECT_IMPI, "6a82")
            self.expect(one, SELECT_IMPI, "9000")
            self.reset(two)
            self.expect(one, "00b0000000", tlv(self.alice.impi) + "9000")
            self.assertEqual(two.ask(CARD_OFF, protocol.name_field("alice")).status, protocol.OK)
            self.refuse(two, NO_CARD)
            self.expect(one, "00b0000002", "80159000")

    def test_one_card_of_a_connection(self):
        with self.appliance.client() as client:
            self.reset(client, "alice")
            self.refuse(client, NO_CARD, name=self.alice.impi)
            self.refuse(client, NO_CARD, name="carol")
            self.expect(client, SELECT_ISIM, "9000")
            for name in ("carol", self.carol.impi, "carol"):
                self.reset(client, name)
                self.refuse(client, NO_CARD, name="alice")
                self.expect(client, SELECT_IMPI, "6a82", name)

    def test_command(self):
        challenge = self.challenge()
        for commands, words in ((("zz",), "4 to 261"), (("00a4",), "4 to 261"),
                                (("00" * 262,), "4 to 261")):
            status, shown = self.appliance.nisim("apdu", "alice", *commands)
            self.assertEqual(status, appliance.USAGE, shown)
            self.assertIn(words, shown["why"])
        status, shown = self.appliance.nisim("apdu", "alice", SELECT_ISIM, who="wwsf-2")
        self.assertEqual(status, appliance.REFUSED, shown)
        status, shown = self.appliance.nisim("apdu", "alice", SELECT_ISIM,
                                             authenticate(challenge, "00"))
        self.assertEqual((status, shown["response"][:20]), (appliance.DONE, "db08" + challenge.res.hex()))
        done = subprocess.run(self.appliance.nisim_command("--impi", "apdu", self.alice.impi),
                              input=f"{SELECT_ISIM}\n\n00b0820000\n", capture_output=True, text=True,
                              check=True, timeout=60)
        self.assertEqual(done.stdout.splitlines()[1:],
                         ["response: 9000", f"response: {tlv(self.alice.impi)}9000"])

    def test_keeper_killed(self):
        with self.appliance.client() as client:
            self.reset(client)
            self.expect(client, SELECT_ISIM, "9000")
            before = self.appliance.children()
            for name, pid in before.items():
                if name.startswith("keeper"):
                    os.kill(pid, signal.SIGKILL)

            def lost():
                return self.ask(client, SELECT_IMPI).status == NO_CARD
            appliance.wait_for(lost, "NO_CARD")
            self.reset(client)
            self.expect(client, SELECT_IMPI, "6a82")

    def test_front_killed(self):
        """The numbers of its connections come again: nobody finds another's card."""
        with self.appliance.client() as client:
            self.reset(client)
            self.expect(client, SELECT_ISIM, "9000")
            os.kill(self.appliance.children()["front"], signal.SIGKILL)
        clients = []

        def connected():
            try:
                clients.append(self.appliance.client())
            except OSError:
                return False
            return clients[-1].ping() == protocol.OK
        appliance.wait_for(connected, "a new front")
        for _ in range(8):
            clients.append(self.appliance.client())
        for client in clients:
            with client:
                self.refuse(client, NO_CARD)


if __name__ == "__main__":
    appliance.main()
