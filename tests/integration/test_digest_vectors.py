"""The AKA digests of tests/vectors through a running appliance: python3 test_digest_vectors.py
--bin BUILD/bin. The published two are of the XOR algorithm, which nisim has not: a unit test has them."""

import json
import os
import sqlite3

import appliance
import protocol
import test_vectors

VECTORS = os.path.join(os.path.dirname(__file__), "..", "vectors", "aka_digest_vectors.json")
DIGEST, RESPONSE = 0x05, 0x0024
# Name of the value: algorithm, with qop.
FORMS = {"response_akav1_md5": ("AKAv1-MD5", True), "response_akav1_md5_noqop": ("AKAv1-MD5", False),
         "response_akav2_md5": ("AKAv2-MD5", True), "response_akav2_sha256": ("AKAv2-SHA-256", True)}


class DigestVectors(appliance.Case):
    @classmethod
    def prepare(cls, lab):
        cls.sets = {number: one for number, one in enumerate(test_vectors.read_sets(), 1)}
        with open(VECTORS, encoding="utf-8") as file:
            cls.vectors = [values for values in json.load(file) if "milenage_set" in values]

    def subscribe(self, values):
        """The sets share one IMPI: each is its subscriber in turn."""
        one = self.sets[values["milenage_set"]].subscriber
        self.appliance.add(appliance.Subscriber(("vector",), values["username"], one.k, one.opc,
                                                domain=values["realm"], options=one.options))

    def forget_sqn(self):
        """A challenge is answered once, and here it is asked four times."""
        with sqlite3.connect(self.appliance.path("state/nisim.db")) as store:
            store.execute("UPDATE sqn SET version = version + 1, seqs = zeroblob(length(seqs))")

    def ask(self, client, *fields):
        """A key that came a moment ago is not known to the keeper at once: UNAVAILABLE, retry."""
        answers = []
        appliance.wait_for(lambda: answers.append(client.ask(DIGEST, *fields)) or
                           answers[-1].status != protocol.UNAVAILABLE, "the new key")
        return answers[-1]

    def response(self, client, values, algorithm, with_qop):
        protection = [(0x0019, values["qop"].encode()), (0x001a, values["nc"].encode()),
                      (0x001b, values["cnonce"].encode())]
        answer = self.ask(client, (protocol.USER_ID, b"vector"), (0x0013, algorithm.encode()),
                          (0x0014, values["realm"].encode()), (0x0015, values["nonce"].encode()),
                          (0x0016, values["username"].encode()),
                          (0x0017, values["method"].encode()), (0x0018, values["uri"].encode()),
                          *(protection if with_qop else ()))
        self.assertEqual(answer.status, protocol.OK)
        return answer.one(RESPONSE).decode()

    def test_every_vector(self):
        self.assertEqual(len(self.vectors), 10)
        with self.appliance.client("wwsf-4") as client:
            for values in self.vectors:
                self.subscribe(values)
                for name, (algorithm, with_qop) in FORMS.items():
                    with self.subTest(set=values["milenage_set"], name=name):
                        self.forget_sqn()
                        said = self.response(client, values, algorithm, with_qop)
                        self.assertEqual(said, values[name])
                self.appliance.token("subscriber", "remove", values["username"], "--yes")


if __name__ == "__main__":
    appliance.main()
