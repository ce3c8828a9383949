#!/usr/bin/python3
"""A million wrapped subscribers against a thousand, on one machine:
tests/bench/million.py --bin BUILD/bin [--subscribers 1000000] [--seconds 10] [--json FILE]

Makes them with tests/bench/bulk.c (laboratory keys), by two processes; then rates, the time to
READY and the memory of each keeper: a thousand in a store of a few and a thousand among all, in
turn; all of them in random order (each a miss), and a thousand while the maker runs. Ratios tell;
bare figures are of the machine."""

import argparse
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

import appliance  # noqa: E402

HOT = 1000
MAKERS = 2
TURNS = 2


class Million:
    def __init__(self, arguments):
        self.programs = os.path.abspath(arguments.bin)
        self.count = arguments.subscribers
        self.seconds = arguments.seconds
        self.shown = {}

    def say(self, name, value, unit=""):
        self.shown[name] = value
        print(f"{name:52} {value:12,.2f} {unit}", flush=True)

    def laboratory(self):
        lab = appliance.Appliance(self.programs)
        lab.init_laboratory()
        lab.configure(log="info")
        return lab

    def maker(self, lab, first, count, home):
        program = os.path.join(self.programs, "..", "tests", "bulk")
        return subprocess.Popen([program, "nisim.conf", "nisim", str(first), str(count), home],
                                cwd=lab.folder, env=lab.environment, stdout=subprocess.PIPE,
                                text=True)

    def make(self, lab, count, makers):
        """Subscribers 0 to count - 1; their rate, with the makers side by side."""
        begin = time.monotonic()
        share = count // makers
        running = [self.maker(lab, i * share, share, f"home-{i}") for i in range(makers)]
        if any(maker.wait() != 0 for maker in running):
            raise SystemExit("the maker failed")
        took = time.monotonic() - begin
        with open(lab.path("all"), "w", encoding="ascii") as out:
            for i in range(makers):
                with open(lab.path(f"home-{i}"), encoding="ascii") as file:
                    out.writelines(file)
        # Each load has subscribers of its own: who was asked before begins with SYNC_FAILURE.
        sets = [f"head -n {(i + 1) * HOT} all | tail -n {HOT} > hot-{i}" for i in range(3)]
        subprocess.run(["sh", "-c", "; ".join([*sets, "shuf all > random; shuf all > random-2"])],
                       check=True, cwd=lab.folder)
        os.sync()  # what the maker left for the kernel to write would slow the first load
        return count / took

    def start(self, lab):
        begin = time.monotonic()
        lab.start()
        return time.monotonic() - begin

    def memory(self, lab):
        """MiB of the keeper that has most."""
        most = 0
        for name, pid in lab.children().items():
            with open(f"/proc/{pid}/status", encoding="ascii") as file:
                rss = next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
            most = max(most, rss / 1024 if name.startswith("keeper") else 0)
        return most

    def load(self, lab, name, home, seconds=None):
        done = subprocess.run(lab.nisim_command(
            "--json", "--connections", "8", "--in-flight", "32", "--warm-up", "3", "--duration",
            str(seconds or self.seconds), "bench", lab.path(home)), capture_output=True, text=True,
            check=False)
        if done.returncode != 0:
            raise SystemExit(f"{name}: {done.stdout} {done.stderr}")
        shown = json.loads(done.stdout)
        self.say(name, shown["rate"], f"/s  p99 {shown['latency_ms']['p99']:.1f} ms"
                 f"  {shown['outcomes']}")
        return shown["rate"]

    def compare(self, small, large):
        """A thousand in a store of a few and in one of all, in turn: a machine changes with the minutes."""
        rates = {"a few": [], "all": []}
        for turn in range(TURNS):
            for of, lab in (("a few", small), ("all", large)):
                lab.start()
                rates[of].append(self.load(lab, f"a thousand in a store of {of}, turn {turn + 1}",
                                           f"hot-{turn}"))
                lab.stop()
        return [sum(rates[of]) / TURNS for of in ("a few", "all")]

    def run(self):
        small, large = self.laboratory(), self.laboratory()
        try:
            # By as many makers, so that a thousand lie as near to each other in both.
            self.say("made for the store of a few", self.make(small, HOT * 4, MAKERS), "/s")
            self.say("made by two makers at once", self.make(large, self.count, MAKERS), "/s")
            size = os.stat(large.path("state/nisim.db")).st_size
            self.say("store, bytes a subscriber", size / self.count)
            few, hot = self.compare(small, large)
            self.say("start to READY", self.start(large), "s")
            self.say("a keeper's memory at the start", self.memory(large), "MiB")
            every = self.load(large, "all at random", "random")
            self.say("a keeper's memory after it", self.memory(large), "MiB")
            self.beside(large, hot)
            long = self.load(large, "all at random, for long", "random-2", 6 * self.seconds)
            self.say("a keeper's memory after that", self.memory(large), "MiB")
            print()
            for name, value in (("hot among all / alone, wanted 0.95", hot / few),
                                ("all at random / alone, wanted 0.5", every / few),
                                ("all at random / hot", every / hot),
                                ("all at random for long / hot", long / hot)):
                self.say(name, value)
        finally:
            small.close()
            large.close()

    def beside(self, lab, hot):
        maker = self.maker(lab, self.count, 10_000_000, "more")
        rate = self.load(lab, "a thousand of all, while the maker runs", "hot-2")
        with open(lab.path("more"), encoding="ascii") as file:
            made = sum(1 for _ in file)
        maker.terminate()
        maker.wait()
        self.say("made meanwhile", made / (self.seconds + 3), "/s")
        self.say("rate beside the maker / hot", rate / hot)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--subscribers", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--json")
    arguments = parser.parse_args()
    million = Million(arguments)
    million.run()
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(million.shown, file, indent=2)


if __name__ == "__main__":
    main()
