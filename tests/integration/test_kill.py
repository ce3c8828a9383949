"""Processes of an appliance that die, hang or stop while it serves: python3 test_kill.py --bin BUILD/bin"""

import collections
import os
import queue
import signal
import ssl
import threading
import time

import appliance
import protocol

CLIENT_DEADLINE = 25  # longer than the appliance takes for anything, restarts included
CHALLENGES = 60  # of one asker at most, made before so that keepers are always at work
ANSWERS = 30  # of all askers, before each kill and after the last one
IND_OF_RECOVERY = 30


class Asker(threading.Thread):
    """Asks for one challenge after the other, each until it has an answer, as PROTOCOL.md says."""

    def __init__(self, lab, who, challenges, progress, enough):
        super().__init__(daemon=True)
        self.lab = lab
        self.who = who
        self.challenges = challenges
        self.progress = progress
        self.enough = enough
        self.asked = []
        self.accepted = []
        self.outcomes = collections.Counter()
        self.faults = []
        self.slowest = 0

    def run(self):
        try:
            for challenge in self.challenges:
                if self.enough.is_set():
                    break
                self.asked.append(challenge)
                self.until_answered(challenge)
                self.progress.put(self)
        except Exception as error:
            self.faults.append(repr(error))
        self.progress.put(None)

    def until_answered(self, challenge):
        uncertain = False
        while True:
            start = time.monotonic()
            outcome = self.ask(challenge)
            self.slowest = max(self.slowest, time.monotonic() - start)
            self.outcomes[outcome] += 1
            if outcome == "accepted":
                self.accepted.append(challenge)
                return
            if outcome == "stale" and uncertain:
                return  # an earlier try was accepted, and its answer lost
            if outcome not in ("retry", "no connection"):
                raise AssertionError(f"{outcome} for a fresh challenge, uncertain={uncertain}")
            uncertain = True
            time.sleep(0.05)


class Speaker(Asker):
    """By the protocol, over one connection as long as it lasts."""
    client = None

    def ask(self, challenge):
        try:
            if self.client is None:
                self.client = self.lab.client(timeout=CLIENT_DEADLINE)
            answer = self.client.authenticate(self.who.impi, challenge)
        except TimeoutError:
            raise
        except (OSError, ssl.SSLError, protocol.Ended):
            if self.client is not None:
                self.client.close()
            self.client = None
            return "no connection"
        if protocol.is_retryable(answer.status):
            return "retry"
        if answer.status == protocol.OK and answer.one(protocol.RES) == challenge.res:
            return "accepted"
        return "stale" if answer.status == protocol.SYNC_FAILURE else f"status {answer.status:#x}"


class Commander(Asker):
    """By the nisim command."""
    meanings = {appliance.DONE: "accepted", appliance.SYNC_FAILURE: "stale",
                appliance.UNAVAILABLE: "retry", appliance.NO_CONNECTION: "no connection"}

    def ask(self, challenge):
        status, shown = self.lab.authenticate(self.who.user_ids[0], challenge)
        if status == appliance.DONE and shown["res"] != challenge.res.hex():
            return "wrong RES"
        return self.meanings.get(status, f"exit status {status}")


class Kill(appliance.Case):
    request_timeout = 3

    @classmethod
    def prepare(cls, lab):
        lab.configure(limits=f"request_timeout = {cls.request_timeout}; drain_timeout = 60;")
        cls.people = [appliance.subscriber(f"user-{i}") for i in range(4)]
        for who in cls.people:
            lab.add(who)
        cls.spare = 0

    def recovery(self, who):
        """A challenge that nobody has used, above all others."""
        type(self).spare += 1
        return who.auc.challenge(10 ** 6 + self.spare, IND_OF_RECOVERY)

    def wait_until_served(self, seconds=60):
        def served():
            return all(self.appliance.nisim("identity", who.user_ids[0])[0] == appliance.DONE
                       for who in self.people)

        appliance.wait_for(served, "service", seconds)
        for who in self.people:
            challenge = self.recovery(who)
            self.assertAccepted(self.appliance.authenticate(who.impi, challenge), challenge)


class Killed(Kill):
    rounds = 0

    def askers(self):
        """Two for each subscriber, each with an IND of its own."""
        type(self).rounds += 1
        first_seq = self.rounds * 1000
        self.progress = queue.Queue()
        self.enough = threading.Event()
        made = []
        for number, who in enumerate(self.people * 2):
            ind = 1 + number // len(self.people)
            challenges = [who.auc.challenge(first_seq + i, ind) for i in range(CHALLENGES)]
            kind = Commander if number < 2 else Speaker
            made.append(kind(self.appliance, who, challenges, self.progress, self.enough))
        return made

    def advance(self):
        """Until so many more challenges are answered."""
        for _ in range(ANSWERS):
            if self.progress.get(timeout=CLIENT_DEADLINE) is None:
                return

    def kill(self, name):
        children = self.appliance.wait_for_children()
        os.kill(self.appliance.process.pid if name == "nisimd" else children[name], signal.SIGKILL)
        if name == "nisimd":
            # As systemd does.
            self.appliance.process.wait()
            self.appliance.start()

    def kill_at_work(self, name):
        """On a machine so slow that each victim was idle."""
        os.kill(self.appliance.wait_for_children()[name], signal.SIGSTOP)
        time.sleep(0.5)
        self.kill(name)

    def hits(self, askers):
        return sum(asker.outcomes["retry"] + asker.outcomes["no connection"] for asker in askers)

    def run_and_kill(self, *victims):
        askers = self.askers()
        for asker in askers:
            asker.start()
        for victim in victims:
            self.advance()
            self.kill(victim)
        self.advance()
        if self.hits(askers) == 0:
            self.kill_at_work("keeper-0")
            appliance.wait_for(lambda: self.hits(askers) > 0, "one whose request was lost")
        self.enough.set()
        for asker in askers:
            asker.join(timeout=120)
            self.assertFalse(asker.is_alive())
        self.wait_until_served()
        self.judge(askers)

    def judge(self, askers):
        outcomes = sum((asker.outcomes for asker in askers), collections.Counter())
        self.assertEqual([fault for asker in askers for fault in asker.faults], [], outcomes)
        self.assertEqual(sum(len(asker.accepted) for asker in askers) + outcomes["stale"],
                         sum(len(asker.asked) for asker in askers), outcomes)
        self.assertGreater(self.hits(askers), 0, outcomes)
        self.assertLess(max(asker.slowest for asker in askers), CLIENT_DEADLINE)
        with self.appliance.client(timeout=CLIENT_DEADLINE) as client:
            for asker in askers:
                for challenge in asker.asked:
                    answer = client.authenticate(asker.who.impi, challenge)
                    self.assertEqual(answer.status, protocol.SYNC_FAILURE)

    def test_front(self):
        self.run_and_kill("front", "front")

    def test_keepers(self):
        self.run_and_kill("keeper-0", "keeper-1", "keeper-0")

    def test_nisimd(self):
        self.run_and_kill("nisimd", "nisimd")

    def test_all_in_turn(self):
        self.run_and_kill("keeper-1", "front", "nisimd")


class Drained(Kill):
    """What is in hand has its time, on a busy machine too."""
    request_timeout = 40

    def setUp(self):
        if not self.appliance.is_running():
            self.appliance.start()

    def send_challenges(self, client):
        """By request id: who, and the challenge."""
        sent = {}
        for who, challenge in [(who, self.recovery(who)) for who in self.people * 12]:
            request = client.send(protocol.AUTHENTICATE,
                                  *protocol.challenge_fields(who.impi, challenge))
            sent[request] = who, challenge
        return sent

    def answers_until_end(self, client):
        statuses = {}
        try:
            while True:
                answer = client.receive()
                self.assertNotIn(answer.request_id, statuses)
                statuses[answer.request_id] = answer.status
        except protocol.Ended:
            return statuses

    def expect_stopped(self, children):
        self.assertEqual(self.appliance.process.wait(timeout=60), 0, self.appliance.log())
        self.assertFalse(any(appliance.is_alive(pid) for pid in children.values()))
        self.assertEqual(self.appliance.errors(), [])

    def test_drain_answers_what_is_in_hand(self):
        children = self.appliance.wait_for_children()
        with self.appliance.client() as client, self.appliance.client() as idle:
            for keeper in ("keeper-0", "keeper-1"):
                os.kill(children[keeper], signal.SIGSTOP)
            sent = self.send_challenges(client)
            time.sleep(0.5)  # until the front has read them
            self.appliance.process.send_signal(signal.SIGTERM)
            idle.expect_end()
            for keeper in ("keeper-0", "keeper-1"):
                os.kill(children[keeper], signal.SIGCONT)
            statuses = self.answers_until_end(client)
        self.assertEqual(statuses, dict.fromkeys(sent, protocol.OK))
        self.expect_stopped(children)

    def test_drain_under_load(self):
        """What gets no answer was not accepted either."""
        children = self.appliance.wait_for_children()
        with self.appliance.client() as client:
            sent = self.send_challenges(client)
            self.appliance.process.send_signal(signal.SIGTERM)
            statuses = self.answers_until_end(client)
        self.assertLessEqual(set(statuses.values()), {protocol.OK, protocol.SHUTTING_DOWN})
        self.expect_stopped(children)
        self.appliance.start()
        with self.appliance.client() as client:
            for request, (who, challenge) in sent.items():
                was_accepted = statuses.get(request) == protocol.OK
                self.assertEqual(client.authenticate(who.impi, challenge).status,
                                 protocol.SYNC_FAILURE if was_accepted else protocol.OK)


class Stopped(Kill):
    def setUp(self):
        if not self.appliance.is_running():
            self.appliance.start()

    def test_hung_keeper(self):
        """It is answered for in time, and harms the others' service as little as its own later."""
        pids = self.appliance.wait_for_children()
        for keeper in ("keeper-0", "keeper-1"):
            os.kill(pids[keeper], signal.SIGSTOP)
            try:
                statuses = [self.timed_identity(who) for who in self.people]
            finally:
                os.kill(pids[keeper], signal.SIGCONT)
            self.assertIn(protocol.UNAVAILABLE, statuses)
            self.assertLessEqual(set(statuses), {protocol.OK, protocol.UNAVAILABLE})
            self.wait_until_served()
        self.assertEqual(self.appliance.children(), pids)

    def timed_identity(self, who):
        with self.appliance.client() as client:
            start = time.monotonic()
            status = client.identity(who.impi).status
            self.assertLess(time.monotonic() - start, self.request_timeout + 10)
            if status == protocol.UNAVAILABLE:
                self.assertGreater(time.monotonic() - start, self.request_timeout - 0.5)
            return status

    def test_challenge_in_a_hung_keeper(self):
        """UNAVAILABLE leaves open whether it was accepted; asked again, it gives one answer."""
        pids = self.appliance.wait_for_children()
        challenges = {who.impi: self.recovery(who) for who in self.people}
        for keeper in ("keeper-0", "keeper-1"):
            os.kill(pids[keeper], signal.SIGSTOP)
        try:
            with self.appliance.client() as client:
                for name, challenge in challenges.items():
                    client.send(protocol.AUTHENTICATE, *protocol.challenge_fields(name, challenge))
                statuses = {client.receive().status for _ in challenges}
        finally:
            for keeper in ("keeper-0", "keeper-1"):
                os.kill(pids[keeper], signal.SIGCONT)
        self.assertEqual(statuses, {protocol.UNAVAILABLE})
        with self.appliance.client() as client:
            for name, challenge in challenges.items():
                first = client.authenticate(name, challenge).status
                self.assertIn(first, (protocol.OK, protocol.SYNC_FAILURE))
                self.assertEqual(client.authenticate(name, challenge).status,
                                 protocol.SYNC_FAILURE)

    def test_stop_while_nothing_is_asked(self):
        start = time.monotonic()
        self.appliance.restart()
        self.assertLess(time.monotonic() - start, 30)

    def test_interrupt(self):
        self.appliance.process.send_signal(signal.SIGINT)
        self.assertEqual(self.appliance.process.wait(timeout=60), 0)
        self.appliance.start()

    def test_command_while_stopped(self):
        self.assertEqual(self.appliance.stop(), 0)
        status, shown = self.appliance.nisim("ping")
        self.assertEqual(status, appliance.NO_CONNECTION, shown)
        self.appliance.start()
        self.assertEqual(self.appliance.nisim("ping")[0], appliance.DONE)


if __name__ == "__main__":
    appliance.main()
