"""VERIFY over the running appliance: whatever happens, a PIN has three tries. python3 test_pin.py --bin BUILD/bin"""

import contextlib
import os
import signal
import sqlite3
import subprocess
import threading

import appliance
import protocol
from test_apdu import APDU, CARD_RESET, COMMAND, RESPONSE, SELECT_ISIM, authenticate, tlv
from test_files import FILE, FILE_DATA, READ_FILE

PIN = "730512"
SELECT_READ_IMPI = "00b0820000"
QUERY = "00200001"


def verify(digits):
    return "0020000108" + digits.encode().ljust(8, b"\xff").hex()


RIGHT, WRONG = verify(PIN), verify("730513")


class Pin(appliance.Case):
    @classmethod
    def prepare(cls, lab):
        lab.write("card-pin", PIN + "\n")
        names = ("alice", "cmd", "crowd", "direct", "full", "kills", "short", "two")
        for name in names:
            who = appliance.subscriber(name, options=("--card-pin-file", "card-pin"))
            setattr(cls, name, who)
            lab.add(who)
        cls.plain = appliance.subscriber("plain")
        lab.add(cls.plain)

    @contextlib.contextmanager
    def card(self, name):
        """A card in use: command in hex to answer in hex."""
        with self.appliance.client() as client:
            field = protocol.name_field(name)
            self.assertEqual(client.ask(CARD_RESET, field).status, protocol.OK)

            def ask(command):
                answer = client.ask(APDU, field, (COMMAND, bytes.fromhex(command)))
                self.assertEqual(answer.status, protocol.OK)
                return answer.one(RESPONSE).hex()
            ask.client = client
            ask.field = field
            yield ask

    def unblock(self, name):
        self.appliance.token("subscriber", "unblock-pin", name)

    def shown(self, name):
        return self.appliance.token("subscriber", "show", name).stdout

    def test_files_and_keys_wait_for_it(self):
        challenge = self.alice.auc.challenge(1, 1)
        with self.card("alice") as ask:
            self.assertEqual(ask(SELECT_ISIM), "9000")
            for command in (SELECT_READ_IMPI, authenticate(challenge), "00b2012400"):
                self.assertEqual(ask(command), "6982")
            self.assertEqual(ask(QUERY), "63c3")
            self.assertEqual(ask(WRONG), "63c2")
            self.assertEqual(ask(RIGHT), "9000")
            self.assertEqual(ask(QUERY), "63c3")
            self.assertEqual(ask(SELECT_READ_IMPI), tlv(self.alice.impi) + "9000")
            self.assertEqual(ask(authenticate(challenge)), "612c")
            with self.card("alice") as other:  # another session has verified nothing
                other(SELECT_ISIM)
                self.assertEqual(other(SELECT_READ_IMPI), "6982")
            self.assertEqual(ask.client.ask(CARD_RESET, ask.field).status, protocol.OK)
            self.assertEqual(ask(SELECT_ISIM), "9000")
            self.assertEqual(ask(SELECT_READ_IMPI), "6982")

    def test_what_is_no_pin(self):
        with self.card("short") as ask:
            for command, sw in (("00200001067330353132ff", "6700"), ("0020000107" + "31" * 7, "6700"),
                                ("0020000109" + "31" * 9, "6700"), (verify("730"), "6a80"),
                                (verify("73051x"), "6a80"), (verify(""), "6a80"),
                                ("0020000108" + PIN.encode().hex() + "0000", "6a80"),
                                ("0020000208" + RIGHT[10:], "6a88"), ("0020010108" + RIGHT[10:], "6a86")):
                self.assertEqual(ask(command), sw, command)
            self.assertEqual(ask(QUERY), "63c3")
        with self.card("plain") as ask:
            self.assertEqual((ask(RIGHT), ask(QUERY)), ("6984", "6984"))

    def test_blocked_until_an_officer_unblocks(self):
        with self.card("full") as ask:
            self.assertEqual([ask(WRONG) for _ in range(4)], ["63c2", "63c1", "63c0", "6983"])
            self.assertEqual((ask(RIGHT), ask(QUERY)), ("6983", "63c0"))
            self.assertIn("card-pin: 0 tries left", self.shown("full"))
            self.unblock("full")
            self.assertIn("card-pin: 3 tries left", self.shown("full"))
            self.assertEqual(ask(RIGHT), "9000")
        self.assertTrue(self.appliance.lines("card-pin-wrong"))
        self.assertNotIn(PIN, self.appliance.read("log"))

    def test_two_connections_share_the_tries(self):
        with self.card("two") as one, self.card("two") as two:
            self.assertEqual([one(WRONG), two(WRONG), one(WRONG)], ["63c2", "63c1", "63c0"])
            self.assertEqual([two(WRONG), one(RIGHT)], ["6983", "6983"])

    def test_many_at_once(self):
        """Eight connections of both keepers, four tries each, all sent before any is answered."""
        told = []

        def ask_all():
            with self.card("crowd") as ask:
                for _ in range(4):
                    ask.client.send(APDU, ask.field, (COMMAND, bytes.fromhex(WRONG)))
                for _ in range(4):
                    answer = ask.client.receive()
                    told.append(answer.one(RESPONSE).hex() if answer.status == protocol.OK
                                else answer.status)
        threads = [threading.Thread(target=ask_all) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        self.assertEqual(len(told), 32)
        self.assertEqual(sorted(one for one in told if str(one).startswith("63c")),
                         ["63c0", "63c1", "63c2"])
        self.assertEqual({one for one in told if not str(one).startswith("63c")} -
                         {"6983", 0x30}, set())

    def test_killed_between_tries(self):
        """kill -9 of every keeper after each answer: the counter goes on where it was."""
        for expected in ("63c2", "63c1", "63c0", "6983"):
            self.wait_for_keepers()
            with self.card("kills") as ask:
                self.assertEqual(ask(WRONG), expected)
            self.kill_keepers()
        self.wait_for_keepers()
        with self.card("kills") as ask:
            self.assertEqual(ask(RIGHT), "6983")
        self.assertIn("card-pin: 0 tries left", self.shown("kills"))

    def kill_keepers(self):
        before = self.appliance.wait_for_children()
        for name, pid in before.items():
            if name.startswith("keeper"):
                os.kill(pid, signal.SIGKILL)
        appliance.wait_for(lambda: all(not appliance.is_alive(pid) for name, pid in before.items()
                                       if name.startswith("keeper")), "the keepers' end")

    def wait_for_keepers(self):
        def served():
            with self.appliance.client() as client:
                return client.ask(CARD_RESET, protocol.name_field("plain")).status == protocol.OK
        appliance.wait_for(served, "service")

    def test_messages_are_no_card(self):
        """AUTHENTICATE and READ_FILE as messages ask for no PIN, blocked or not."""
        with self.card("direct") as ask:
            for _ in range(4):
                ask(WRONG)
            challenge = self.direct.auc.challenge(1, 1)
            answer = ask.client.authenticate(self.direct.impi, challenge)
            self.assertEqual((answer.status, answer.one(protocol.RES)), (protocol.OK, challenge.res))
            answer = ask.client.ask(READ_FILE, ask.field, (FILE, b"\x6f\x02"))
            self.assertEqual(answer.one(FILE_DATA).hex(), tlv(self.direct.impi))
            answer = ask.client.ask(READ_FILE, ask.field, (FILE, b"\x6f\x06"))
            self.assertEqual([data.hex() for data in answer.all(FILE_DATA)],
                             ["8001019000" + "ff" * 6, "800101a406830101950108"])

    def test_the_command_and_the_store(self):
        done = subprocess.run(self.appliance.nisim_command("apdu", "cmd"), check=True, timeout=60,
                              input=f"{SELECT_ISIM}\n{SELECT_READ_IMPI}\n{RIGHT}\n{SELECT_READ_IMPI}\n",
                              capture_output=True, text=True)
        self.assertEqual([line.split()[1][-4:] for line in done.stdout.splitlines()[1:]],
                         ["9000", "6982", "9000", "9000"])
        with contextlib.closing(sqlite3.connect(self.appliance.path("state/nisim.db"))) as store:
            everything = [bytes(row[0]) for row in store.execute("SELECT record FROM subscription")]
        for record in everything:
            self.assertNotIn(PIN.encode(), record)


if __name__ == "__main__":
    appliance.main()
