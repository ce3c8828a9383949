"""The officer's changes while the appliance runs: python3 test_life.py --bin BUILD/bin"""

import dataclasses
import os

import appliance


class Life(appliance.Case):
    @classmethod
    def prepare(cls, lab):
        cls.who = appliance.subscriber("alice")
        lab.add(cls.who)

    def refused(self, name, status):
        challenge = self.who.auc.challenge(1 << 20)
        self.assertEqual(self.appliance.authenticate(name, challenge)[0], status)

    def accepted(self, who, name, seq):
        challenge = who.auc.challenge(seq)
        self.assertAccepted(self.appliance.authenticate(name, challenge), challenge)
        return challenge

    def stale(self, who, challenge, sqn_ms):
        result = self.appliance.authenticate(who.impi, challenge)
        self.assertStale(result, who.auc, challenge, sqn_ms)

    def test_everything_without_a_restart(self):
        lab, who, name = self.appliance, self.who, self.who.impi
        first = self.accepted(who, name, 100)

        lab.token("subscriber", "add-id", name, "--user-id", "another")
        self.accepted(who, "another", 101)
        lab.token("subscriber", "drop-id", name, "--user-id", "another")
        self.refused("another", appliance.REFUSED)

        lab.token("sqn", "reset", name, "--to", "500")
        self.stale(who, who.auc.challenge(500, 3), 500 << 5 | 31)
        self.accepted(who, name, 501)
        lab.token("sqn", "reset", name, "--to", "99", "--even-downwards")
        self.accepted(who, name, 100)  # `first` once more

        new = dataclasses.replace(who, k=os.urandom(16), opc=os.urandom(16), op=b"")
        lab.write("new-key", new.key_file)
        lab.token("subscriber", "rotate-key", name, "--key-file", "new-key")
        self.assertForged(lab.authenticate(name, first))  # the old K's MAC
        self.accepted(new, name, 1)

        lab.token("subscriber", "move", name, "--domain", "ims.example.net")
        self.refused(name, appliance.REFUSED)  # wwsf-1 is of the other domain
        challenge = new.auc.challenge(2)
        self.assertAccepted(lab.authenticate(name, challenge, who="wwsf-2"), challenge)
        lab.token("subscriber", "remove", name, "--yes")
        self.refused(name, appliance.REFUSED)


if __name__ == "__main__":
    appliance.main()
