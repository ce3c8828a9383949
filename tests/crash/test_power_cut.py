"""Power cuts while the appliance answers challenges: python3 test_power_cut.py --bin BUILD/bin
[--rounds 50] [--seed N] [--verbose]

Each round the power goes at a random moment: all processes end at once, and of what they wrote to
the store's folder there is left what they had synced, and by chance some sectors of the rest (power.c,
power.py). Then the appliance must start, no challenge that was ever answered may be accepted once
more, and one that got no answer is accepted once at most. A control without syncs must show that
this test can fail."""

import argparse
import collections
import contextlib
import os
import random
import shutil
import signal
import socket
import sqlite3
import ssl
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

import appliance  # noqa: E402
import protocol  # noqa: E402
from home import Home  # noqa: E402
from power import Power  # noqa: E402

SUBSCRIBERS = 40
ASKERS = 4
BURST = 24
CONTROL_ROUNDS = 10


class Broken(AssertionError):
    """What a cut must not do."""


class Lost(Broken):
    """An answered SQN that the store forgot: what DESIGN 2.3 rules out."""


class Asker:
    """One connection at a time; its challenges have an IND of their own."""

    def __init__(self, test, number):
        self.test = test
        self.number = number
        self.seq = 1
        self.next_who = number
        self.answered = []  # accepted, and not yet found to be stale after a cut
        self.unknown = []  # sent, no answer: accepted or not
        self.counts = collections.Counter()
        self.fault = None

    def fresh(self):
        """Of all subscribers in turn, under two names, so that two keepers write one row."""
        challenges = []
        for _ in range(BURST):
            home = self.test.homes[self.next_who % len(self.test.homes)]
            if self.next_who % len(self.test.homes) == 0:
                self.seq += 1
            self.next_who += 1
            challenges.append((home.who, home.challenge(self.seq, self.number)))
        return challenges

    def ask(self, client, pairs):
        """Sends all at once and gives (pair, status) one by one; what is not answered is unknown."""
        waiting = {}
        frames = []
        for who, challenge in pairs:
            client.last_id += 1
            waiting[client.last_id] = who, challenge
            name = who.impi if (self.number + challenge.sqn) % 2 else who.user_ids[0]
            frames.append(protocol.frame(protocol.AUTHENTICATE, client.last_id, protocol.encode(
                *protocol.challenge_fields(name, challenge))))
        try:
            client.send_bytes(b"".join(frames))
            while waiting:
                answer = client.receive()
                pair = waiting.pop(answer.request_id)
                if answer.status == protocol.OK and answer.one(protocol.RES) != pair[1].res:
                    raise Broken("a wrong RES")
                if protocol.is_retryable(answer.status):
                    self.unknown.append(pair)
                else:
                    yield pair, answer.status
        finally:
            self.unknown += waiting.values()

    def judge_answered(self, client):
        """Those answered before the cut are stale now, in the order they were answered."""
        while self.answered:
            part = self.answered[:BURST]
            for pair, status in self.ask(client, part):
                self.counts["asked again"] += 1
                if status == protocol.OK:
                    raise Lost(f"{pair[0].impi}: SQN {pair[1].sqn} was answered, and is accepted"
                               " once more after the cut")
                self.expect(status, protocol.SYNC_FAILURE)
            self.unknown = [pair for pair in self.unknown if pair not in part]
            del self.answered[:len(part)]

    def judge_unknown(self, client):
        while self.unknown:
            part, self.unknown = self.unknown[:BURST], self.unknown[BURST:]
            for pair, status in self.ask(client, part):
                self.counts["unknown, then " + ("accepted" if status == protocol.OK
                                                else "stale")] += 1
                if status == protocol.OK:
                    self.answered.append(pair)
                else:
                    self.expect(status, protocol.SYNC_FAILURE)

    def expect(self, status, wanted):
        if status != wanted:
            raise Broken(f"status {status:#x} in place of {wanted:#x}")

    def run(self):
        try:
            with self.test.lab.client(timeout=20) as client:
                self.judge_answered(client)
                self.judge_unknown(client)
                self.counts["judged"] += 1
                self.test.judged.release()
                while True:
                    for pair, status in self.ask(client, self.fresh()):
                        self.expect(status, protocol.OK)
                        self.answered.append(pair)
                        self.counts["answered"] += 1
        except (OSError, ssl.SSLError, protocol.Ended):
            pass  # the cut
        except Exception as error:
            self.fault = error
        finally:
            self.test.judged.release()


class PowerCut:
    def __init__(self, programs, seed):
        self.random = random.Random(seed)
        self.lab = appliance.Appliance(programs)
        self.power = Power(self.lab.path("state"), self.lab.path("journal"),
                           os.path.join(programs, "..", "tests", "libpower.so"))
        self.counts = collections.Counter()
        self.how = ""
        self.askers = [Asker(self, number) for number in range(ASKERS)]

    def close(self):
        self.power.close()
        self.lab.close()

    def prepare(self):
        self.lab.init_laboratory()
        who = [appliance.subscriber(f"user-{i}") for i in range(SUBSCRIBERS)]
        for one in who:
            self.lab.add(one)
        self.homes = [Home(one) for one in who]
        self.token_objects = self.lab.token_objects()
        self.homes[0].self_check()
        self.lab.configure(log="warning", limits="drain_timeout = 10; request_timeout = 15;")

    def arm(self):
        """Some cuts are by the clock, some at a record, some while a checkpoint writes the database."""
        how = self.random.randrange(10)
        sync_us = self.random.choice((0, 200, 2000))
        self.deadline = 3
        if how < 4:
            self.power.arm(sync_us=sync_us)
            self.deadline = self.random.uniform(0.01, 0.4)
        elif how < 8:
            self.power.arm(fuse=self.random.randrange(1, 400), sync_us=sync_us)
            self.how = "at a record"
        else:
            self.power.arm(fuse=self.random.randrange(1, 12), only_database=True)
            self.how = "in a checkpoint"

    def start(self):
        """False: the power went before it was ready."""
        self.spawn()
        if not self.lab.is_running() and self.lab.restore_token(self.token_objects):
            self.counts["token.object torn by a kill in C_Login, restored"] += 1
            self.spawn()
        if not self.lab.is_running() and not self.power.is_cut():
            raise Broken("the appliance does not start after the cut:\n" + self.lab.log())
        return not self.power.is_cut()

    def spawn(self):
        self.lab.write("log", "")
        self.lab.spawn(**self.power.environment)
        appliance.wait_for(lambda: self.power.is_cut() or not self.lab.is_running() or
                           self.is_listening(), "readiness")

    def is_listening(self):
        try:
            self.lab.client(timeout=20).close()
            return True
        except (OSError, ssl.SSLError, protocol.Ended):
            return False

    def end_all(self):
        """nisimd first: it would start others."""
        self.power.cut()
        pids = []
        with contextlib.suppress(OSError):
            os.kill(self.lab.process.pid, signal.SIGSTOP)
            pids = list(self.lab.children().values())
        for pid in [*pids, self.lab.process.pid]:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        self.lab.process.wait()
        appliance.wait_for(lambda: not any(map(appliance.is_alive, pids)), "the end of all")

    def load(self):
        self.judged = threading.Semaphore(0)
        threads = [threading.Thread(target=asker.run, daemon=True) for asker in self.askers]
        for thread in threads:
            thread.start()
        for _ in threads:
            while not self.judged.acquire(timeout=0.05) and not self.power.is_cut():
                pass
        end = time.monotonic() + self.deadline
        while time.monotonic() < end and not self.power.is_cut():
            time.sleep(0.002)
        return threads

    def check_store(self):
        """A copy, so that the appliance finds the store as the cut left it."""
        with tempfile.TemporaryDirectory(dir=self.lab.folder) as folder:
            for name in ("nisim.db", "nisim.db-wal"):
                with contextlib.suppress(FileNotFoundError):
                    shutil.copy(os.path.join(self.power.folder, name), folder)
            with contextlib.closing(sqlite3.connect(os.path.join(folder, "nisim.db"))) as store:
                found = store.execute("PRAGMA integrity_check").fetchall()
        if found != [("ok",)]:
            raise Broken(f"the store is damaged: {found[:3]}")

    def round(self, heeds_sync=True):
        self.arm()
        threads = self.load() if self.start() else []
        self.counts["cut " + (self.how if self.power.is_cut() else "by the clock")] += 1
        self.counts["cut before it was ready"] += not threads
        self.end_all()
        for thread in threads:
            thread.join(60)
        faults = [asker.fault for asker in self.askers if asker.fault]
        if faults:
            raise faults[0]
        share = self.random.choice((0, 0.1, 0.5, 0.9, 1)) if heeds_sync else 0
        self.power.leave(self.random, share, heeds_sync)
        self.check_store()

    def total(self):
        total = sum((asker.counts for asker in self.askers), collections.Counter())
        return total + self.counts


@contextlib.contextmanager
def bench(programs, seed):
    test = PowerCut(programs, seed)
    try:
        test.prepare()
        yield test
    finally:
        test.close()


def control(programs, seed):
    """On a disk for which a sync is nothing, answered SQNs are lost, and this test must say so."""
    with bench(programs, seed) as test:
        for number in range(CONTROL_ROUNDS):
            try:
                test.round(heeds_sync=False)
            except Lost as lost:
                print(f"control: without syncs, round {number + 1} finds: {lost}")
                return
            except Broken as broken:
                # The token had been told of more than the disk kept: that is found at the start.
                if "store-refused" not in str(broken):
                    raise
                print(f"control: without syncs, round {number + 1} finds: {broken}")
                return
    raise SystemExit("control: without syncs nothing was lost, so this test proves nothing")


def prove(programs, rounds, seed, verbose):
    begin = time.monotonic()
    with bench(programs, seed) as test:
        for number in range(rounds):
            try:
                test.round()
            except Broken as broken:
                raise SystemExit(f"round {number + 1} of seed {seed}: {broken}\n"
                                 f"{test.lab.log()}") from broken
            if verbose or (number + 1) % 50 == 0 or number + 1 == rounds:
                print(f"{number + 1} rounds, {time.monotonic() - begin:.0f} s: {dict(test.total())}",
                      flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help="folder of the programs")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--verbose", action="store_true", help="a line for each round")
    options = parser.parse_args()
    programs = os.path.abspath(options.bin)
    print(f"seed {options.seed}")
    control(programs, options.seed)
    prove(programs, options.rounds, options.seed, options.verbose)


if __name__ == "__main__":
    main()
