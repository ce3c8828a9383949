"""Freshness of SQNs (TS 33.102 C.2.2) in a running appliance: python3 test_sqn.py --bin BUILD/bin"""

import collections
import threading

import appliance
import protocol

DELTA = 1000
AGE_LIMIT = 50
AT_ONCE = 50


def opted(name, *options, **how):
    return appliance.subscriber(name, options=options, **how)


class Sqn(appliance.Case):
    @classmethod
    def prepare(cls, lab):
        cls.usual = opted("usual")
        cls.narrow = opted("narrow", "--delta", str(DELTA))
        cls.aging = opted("aging", "--age-limit", str(AGE_LIMIT))
        cls.short = opted("short", ind_bits=2)
        cls.bare = opted("bare", ind_bits=0)
        # With nine names it is asked through every keeper.
        cls.many = opted("many", user_ids=tuple(f"many-{i}" for i in range(8)))
        for who in (cls.usual, cls.narrow, cls.aging, cls.short, cls.bare, cls.many):
            lab.add(who)

    def accepted(self, who, seq, ind=0):
        challenge = who.auc.challenge(seq, ind)
        self.assertAccepted(self.appliance.authenticate(who.impi, challenge), challenge)
        return challenge

    def stale(self, who, seq, ind, sqn_ms):
        challenge = who.auc.challenge(seq, ind)
        result = self.appliance.authenticate(who.impi, challenge)
        self.assertStale(result, who.auc, challenge, sqn_ms)

    def test_each_ind_has_its_seq(self):
        who = self.usual
        self.stale(who, 0, 1, 0)
        self.accepted(who, 100, 1)
        self.accepted(who, 90, 2)
        self.stale(who, 100, 1, 100 << 5 | 1)
        self.stale(who, 90, 2, 100 << 5 | 1)
        self.stale(who, 99, 1, 100 << 5 | 1)
        self.appliance.restart()
        self.stale(who, 100, 1, 100 << 5 | 1)
        self.stale(who, 90, 2, 100 << 5 | 1)
        self.accepted(who, 91, 2)
        self.accepted(who, 1, 31)
        self.accepted(who, 101, 31)
        self.stale(who, 100, 1, 101 << 5 | 31)

    def test_delta(self):
        who = self.narrow
        self.stale(who, DELTA + 1, 3, 0)
        self.accepted(who, DELTA, 3)
        self.stale(who, 2 * DELTA + 1, 4, DELTA << 5 | 3)
        self.appliance.restart()
        self.stale(who, 2 * DELTA + 1, 4, DELTA << 5 | 3)
        self.accepted(who, 2 * DELTA, 4)
        self.accepted(who, 1, 5)

    def test_age_limit(self):
        who = self.aging
        self.accepted(who, 1000, 1)
        self.stale(who, 1000 - AGE_LIMIT, 2, 1000 << 5 | 1)
        self.accepted(who, 1000 - AGE_LIMIT + 1, 2)
        self.appliance.restart()
        self.stale(who, 1000 - AGE_LIMIT, 3, 1000 << 5 | 1)
        self.accepted(who, 1000 - AGE_LIMIT + 1, 3)

    def test_length_of_ind(self):
        self.accepted(self.short, 7, 3)
        self.accepted(self.short, 7, 2)
        self.stale(self.short, 7, 3, 7 << 2 | 3)
        self.accepted(self.bare, 7)
        self.stale(self.bare, 7, 0, 7)
        self.accepted(self.bare, 8)

    def test_stale_ones_change_nothing(self):
        who = self.usual
        with self.appliance.client() as client:
            for _ in range(5):
                answer = client.authenticate(who.impi, who.auc.challenge((1 << 28) + 10 ** 6, 9))
                self.assertEqual(answer.status, protocol.SYNC_FAILURE)
        self.accepted(who, 1000, 9)

    def ask_at_once(self, names, challenge, statuses, ready):
        with self.appliance.client() as client:
            ready.wait(timeout=60)
            for name in names:
                client.send(protocol.AUTHENTICATE, *protocol.challenge_fields(name, challenge))
            statuses += [client.receive().status for _ in names]

    def test_many_at_once_under_all_names(self):
        who = self.many
        names = [(*who.user_ids, who.impi)[i % 9] for i in range(AT_ONCE)]
        for seq in range(1, 11):
            challenge = who.auc.challenge(seq, 1)
            statuses = []
            ready = threading.Barrier(5)
            threads = [threading.Thread(target=self.ask_at_once,
                                        args=(names[i::5], challenge, statuses, ready))
                       for i in range(5)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(collections.Counter(statuses),
                             {protocol.OK: 1, protocol.SYNC_FAILURE: AT_ONCE - 1})
        asked = {line.split()[2] for line in self.appliance.lines("sync-failure")
                 if who.impi in line}
        self.assertEqual(asked, {"keeper-0", "keeper-1"})

    def test_names_of_one_subscriber_share_the_sqn(self):
        who = self.many
        for seq, name in enumerate((*who.user_ids, who.impi), 100):
            challenge = who.auc.challenge(seq, 2)
            self.assertAccepted(self.appliance.authenticate(name, challenge), challenge)
            for other in (who.impi, *who.user_ids[:2]):
                again = self.appliance.authenticate(other, challenge)
                self.assertStale(again, who.auc, challenge, seq << 5 | 2)


if __name__ == "__main__":
    appliance.main()
