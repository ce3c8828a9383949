#!/usr/bin/python3
"""What an authentication costs, side by side in one run on one machine:
tests/bench/bench.py --bin BUILD/bin [--seconds 5] [--json FILE]

Ratios tell; bare times are of the machine. CPU is user and system time of all processes of the
appliance, or of the process that uses the raw token; the generator's is not in it. Two processes on
the raw token have a token each."""

import argparse
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

import appliance  # noqa: E402

SUBSCRIBERS = 200
TICK = os.sysconf("SC_CLK_TCK")


class Bench:
    def __init__(self, programs, seconds):
        self.programs = os.path.abspath(programs)
        self.seconds = seconds
        self.rows = {}

    def row(self, name, rate, cpu_us=None, **more):
        self.rows[name] = dict(rate=rate, cpu_us=cpu_us, **more)
        cpu = f"{cpu_us:9.1f} us" if cpu_us is not None else " " * 12
        rest = "  ".join(f"{key} {value}" for key, value in more.items())
        print(f"{name:44} {rate:11,.0f}/s {cpu}  {rest}", flush=True)

    # The raw token, and AES without one.

    def raw(self, name, way, processes):
        program = os.path.join(self.programs, "..", "tests", "raw_token")
        running = [subprocess.Popen([program, way, str(self.seconds)], stdout=subprocess.PIPE,
                                    text=True) for _ in range(processes)]
        shown = [process.communicate()[0].split() for process in running]
        if any(process.returncode != 0 for process in running):
            raise SystemExit(f"raw_token {way} failed")
        count = sum(int(words[0]) for words in shown)
        wall = max(float(words[1]) for words in shown)
        self.row(name, count / wall, sum(float(words[2]) for words in shown) / count * 1e6)

    # The appliance.

    def cpu_seconds(self):
        total = 0
        for pid in [self.lab.process.pid, *self.lab.children().values()]:
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                words = file.read().rsplit(")", 1)[1].split()
            total += int(words[11]) + int(words[12])
        return total / TICK

    def load(self, name, *arguments, seconds=None):
        seconds = seconds or self.seconds
        before = self.cpu_seconds()
        done = subprocess.run(self.lab.nisim_command(
            "--json", "--warm-up", "2", "--duration", str(seconds), *arguments, "bench",
            self.subscribers), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{name}: {done.stdout} {done.stderr}")
        shown = json.loads(done.stdout)
        cpu = (self.cpu_seconds() - before) / shown["all_answers"] * 1e6
        latency = shown["latency_ms"]
        self.row(name, shown["rate"], cpu, p50=f"{latency['p50']:.2f}", p99=f"{latency['p99']:.2f}",
                 max=f"{latency['max']:.2f} ms",
                 **{key: value for key, value in shown["outcomes"].items() if key != "OK"})
        return shown

    def provision(self):
        self.lab.token("init", "--laboratory", "--label", "nisim", "--so-pin-file", "so-pin")
        who = [appliance.subscriber(f"bench-{i}") for i in range(SUBSCRIBERS)]
        begin = time.monotonic()
        for one in who:
            self.lab.add(one)
        self.row("subscriber add, a process each", SUBSCRIBERS / (time.monotonic() - begin))
        self.subscribers = self.lab.write("bench.jsonl", "".join(one.bench_line for one in who))

    def handshakes(self):
        count, begin, before = 0, time.monotonic(), self.cpu_seconds()
        while time.monotonic() < begin + self.seconds:
            with self.lab.client():
                count += 1
        self.row("TLS handshake and HELLO, one at a time", count / (time.monotonic() - begin),
                 (self.cpu_seconds() - before) / count * 1e6)

    def commits(self):
        path = self.lab.path("commit")
        count, begin = 0, time.monotonic()
        with open(path, "wb", buffering=0) as file:
            while time.monotonic() < begin + min(self.seconds, 2):
                file.write(b"x" * 4096)
                os.fdatasync(file.fileno())
                count += 1
        self.row("4 KiB written and fdatasync, on this disk", count / (time.monotonic() - begin))

    def idle(self):
        time.sleep(1)
        before, begin = self.cpu_seconds(), time.monotonic()
        time.sleep(max(self.seconds, 5))
        share = (self.cpu_seconds() - before) / (time.monotonic() - begin)
        self.rows["idle"] = dict(share_of_a_core=share)
        print(f"{'idle: share of a core':44} {100 * share:10.2f} %")

    def whole(self):
        self.lab = appliance.Appliance(self.programs)
        try:
            self.provision()
            self.lab.configure(log="info")
            self.lab.start()
            self.commits()
            self.handshakes()
            self.load("appliance: one connection, one request", "--connections", "1",
                      "--in-flight", "1")
            self.load("appliance: 4 connections x 16", "--connections", "4", "--in-flight", "16")
            top = self.load("appliance: 8 connections x 32", "--connections", "8", "--in-flight",
                            "32")
            self.load("appliance: half the top rate, open loop", "--connections", "8",
                      "--in-flight", "32", "--rate", str(int(top["rate"] / 2)))
            self.idle()
        finally:
            self.lab.close()

    def ratios(self):
        naive = self.rows["raw token: naive, one process"]
        top = self.rows["appliance: 8 connections x 32"]
        half = self.rows["appliance: half the top rate, open loop"]
        print()
        for name, value, wanted in (
                ("CPU of the appliance / CPU of naive", top["cpu_us"] / naive["cpu_us"], "<= 0.75"),
                ("rate of the appliance / rate of naive", top["rate"] / naive["rate"], ">= 1.5"),
                ("rate of the appliance", top["rate"], "> 7200 /s"),
                ("p99 at half the top rate, ms", float(half["p99"]), "< 20"),
                ("idle, percent of a core", 100 * self.rows["idle"]["share_of_a_core"], "< 0.5")):
            print(f"{name:44} {value:11.2f}   wanted {wanted}")

    def run(self):
        print(f"{'':44} {'rate':>13} {'CPU each':>12}")
        self.raw("raw token: naive, one process", "naive", 1)
        self.raw("raw token: naive, two processes", "naive", 2)
        self.raw("raw token: session copy, one Init", "session", 1)
        self.raw("OpenSSL in process (the floor)", "openssl", 1)
        self.whole()
        self.ratios()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help="folder of the programs")
    parser.add_argument("--seconds", type=int, default=5, help="for each measurement")
    parser.add_argument("--json", help="file to write the rows to")
    options = parser.parse_args()
    bench = Bench(options.bin, options.seconds)
    bench.run()
    if options.json:
        with open(options.json, "w", encoding="ascii") as file:
            json.dump(bench.rows, file, indent=1)


if __name__ == "__main__":
    main()
