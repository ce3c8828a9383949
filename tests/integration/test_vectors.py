"""The sets of TS 35.208 through a running appliance: python3 test_vectors.py --bin BUILD/bin"""

import json
import os

import appliance
import protocol
from auc import Auc, Challenge

VECTORS = os.path.join(os.path.dirname(__file__), "..", "vectors", "milenage_vectors.json")
NUMBER_48_BITS = (1 << 48) - 1


class Set:
    """One set: its subscriber, its challenge, and what must come of it."""

    def __init__(self, values):
        number = values["set"]
        octets = {name: bytes.fromhex(value) for name, value in values.items()
                  if isinstance(value, str)}
        self.op = octets["op"]
        self.sqn = int(values["sqn"], 16)
        self.auts = octets["derived_auts_sqn_ms_eq_sqn"]
        self.challenge = Challenge(self.sqn, octets["rand"], octets["derived_autn"], octets["f2"],
                                   octets["f3"], octets["f4"])
        # SQNs of the sets lie far above the 0 that a new subscriber begins with.
        self.subscriber = appliance.Subscriber(
            (f"+155501{number:02}",), f"set{number}@{appliance.DOMAIN}", octets["k"], octets["opc"],
            op=self.op if number % 2 else b"", options=("--delta", str(NUMBER_48_BITS)))
        self.auc = Auc(octets["k"], octets["opc"], amf=values["amf"])
        self.user = self.subscriber.user_ids[0]
        self.impi = self.subscriber.impi


def read_sets():
    with open(VECTORS, encoding="utf-8") as file:
        return [Set(values) for values in json.load(file)["vectors"]]


class Vectors(appliance.Case):
    @classmethod
    def prepare(cls, lab):
        cls.sets = read_sets()
        for one in cls.sets:
            lab.add(one.subscriber)

    def test_there_are_twenty(self):
        self.assertEqual(len(self.sets), 20)

    def test_by_the_command(self):
        for one in self.sets[::2]:
            with self.subTest(impi=one.impi):
                self.assertForged(self.appliance.authenticate(one.user, one.challenge.forged(31)))
                accepted = self.appliance.authenticate(one.impi, one.challenge)
                self.assertAccepted(accepted, one.challenge)
                again = self.appliance.authenticate(one.user, one.challenge)
                self.assertStale(again, one.auc, one.challenge, one.sqn)
                self.assertEqual(again[1]["auts"], one.auts.hex())
                self.assertForged(self.appliance.authenticate(one.impi, one.challenge.forged()))

    def test_by_the_protocol(self):
        """On one connection, by a client that is not ours."""
        with self.appliance.client() as client:
            for one in self.sets[1::2]:
                with self.subTest(impi=one.impi):
                    self.ask(client, one)

    def ask(self, client, one):
        def expect(name, challenge, status, *fields):
            answer = client.authenticate(name, challenge)
            self.assertEqual((answer.status, sorted(answer.fields)), (status, sorted(fields)))

        for bit in (0, 31, 63):
            expect(one.user, one.challenge.forged(bit), protocol.MAC_FAILURE)
        expect(one.user, one.challenge, protocol.OK, *answer_to(one.challenge))
        expect(one.impi, one.challenge, protocol.SYNC_FAILURE, (protocol.AUTS, one.auts))
        expect(one.user, one.challenge.forged(), protocol.MAC_FAILURE)
        self.assertEqual(one.auc.sqn_ms(one.challenge.rand, one.auts), one.sqn)
        following = one.auc.challenge_of_sqn(one.sqn + 32)
        expect(one.impi, following, protocol.OK, *answer_to(following))


def answer_to(challenge):
    return ((protocol.RES, challenge.res), (protocol.CK, challenge.ck), (protocol.IK, challenge.ik))


if __name__ == "__main__":
    appliance.main()
