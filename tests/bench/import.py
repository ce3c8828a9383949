"""How fast `nisim-token import` is, in how much memory, and whether it goes on where it was killed.

    /usr/bin/python3 tests/bench/import.py --bin BUILD/bin [--lines 100000] [--tools 2] [--daemon] [--json FILE]

A file with wrapped K and OPc and a KCV on each line is imported into a new SoftHSM token and store,
killed once at a random place and started again; then every subscriber must be there once, and some
must authenticate. With --tools N the lines are in N files, and N tools import them at the same time; none is
killed. With --daemon an appliance serves challenges meanwhile. Prints a table in Markdown.
"""

import argparse
import json
import os
import random
import resource
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

import appliance  # noqa: E402
import importfile  # noqa: E402


def cpu_of_children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Run:
    """One run of the tool, with the peak of its memory."""

    def __init__(self, lab, name):
        self.began = time.monotonic()
        self.peak_kb = 0
        self.process = subprocess.Popen(
            [lab.program("nisim-token"), "import", name, "--config", "nisim.conf",
             "--transport-key", importfile.KEY_NAME, "--json"], cwd=lab.folder, env=lab.environment,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish(self, kill_after=None):
        cpu_before = cpu_of_children()
        while self.is_running():
            if kill_after is not None and time.monotonic() - self.began > kill_after:
                self.process.kill()
            time.sleep(0.02)
        self.seconds = time.monotonic() - self.began
        out, self.err = self.process.communicate()
        self.status = self.process.returncode
        self.cpu_seconds = cpu_of_children() - cpu_before
        self.summary = json.loads(out) if out else {}
        return self

    def is_running(self):
        try:
            with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
                for line in file:
                    if line.startswith("VmHWM:"):
                        self.peak_kb = max(self.peak_kb, int(line.split()[1]))
        except OSError:
            pass  # it has just ended
        return self.process.poll() is None


def write_file(path, lines, first=0):
    began = time.monotonic()
    with open(path, "w", encoding="ascii") as file:
        file.write(",".join(importfile.COLUMNS) + "\n")
        for number in range(first, first + lines):
            line = importfile.fields(importfile.subscriber(number))
            file.write(",".join(line[name] for name in importfile.COLUMNS) + "\n")
    print(f"{lines} lines made in {time.monotonic() - began:.0f} s", file=sys.stderr)


def count(lab):
    with sqlite3.connect(lab.path("state/nisim.db")) as store:
        return store.execute("SELECT count(*), (SELECT count(*) FROM name) FROM subscription").fetchone()


def measure(lab, lines):
    """A run that is killed, and the one that finishes."""
    guess = lines / 3000
    write_file(lab.path("subscribers.csv"), lines)
    first = Run(lab, "subscribers.csv").finish(kill_after=random.uniform(0.2, 0.8) * guess)
    at_kill = count(lab)[0]
    second = Run(lab, "subscribers.csv").finish()
    if second.status != 0 or count(lab) != (lines, 3 * lines):
        raise SystemExit(f"not all are in: {second.status} {count(lab)} {second.err[-500:]}")
    if second.summary["done_before"] != at_kill:
        raise SystemExit(f"{at_kill} were in, {second.summary['done_before']} were passed over")
    return {"lines": lines, "killed_after_s": round(first.seconds, 1), "in_when_killed": at_kill,
            "resumed_s": round(second.seconds, 1), "imported_by_second": second.summary["imported"],
            "per_second": round(second.summary["imported"] / second.summary["seconds"]),
            "cpu_us": round(second.cpu_seconds / second.summary["imported"] * 1e6),
            "load": round(os.getloadavg()[1], 1), "cores": os.cpu_count(),
            "peak_kb": max(first.peak_kb, second.peak_kb)}


def measure_together(lab, lines, tools):
    """Each its own file, at the same time."""
    share = lines // tools
    names = [f"subscribers-{i}.csv" for i in range(tools)]
    for i, name in enumerate(names):
        write_file(lab.path(name), share, i * share)
    began, cpu_before = time.monotonic(), cpu_of_children()
    runs = [Run(lab, name) for name in names]
    while any([run.is_running() for run in runs]):
        time.sleep(0.02)
    runs = [run.finish() for run in runs]
    seconds = time.monotonic() - began
    failed = [run.err[-500:] for run in runs if run.status != 0]
    if failed or count(lab) != (share * tools, 3 * share * tools):
        raise SystemExit(f"not all are in: {failed} {count(lab)}")
    return {"lines": share * tools, "tools": tools, "seconds": round(seconds, 1),
            "per_second": round(share * tools / seconds),
            "cpu_us": round((cpu_of_children() - cpu_before) / (share * tools) * 1e6),
            "load": round(os.getloadavg()[1], 1), "cores": os.cpu_count(),
            "peak_kb": max(run.peak_kb for run in runs)}


def prove(lab, lines):
    """Some of them authenticate."""
    if not lab.process:
        lab.start()
    for number in random.sample(range(lines), 5):
        who = importfile.subscriber(number)
        challenge = who.auc.challenge(1000)
        status, shown = lab.authenticate(who.user_ids[0], challenge)
        if status != 0 or shown["res"] != challenge.res.hex():
            raise SystemExit(f"{who.impi} does not authenticate: {status} {shown}")


def table(result):
    rows = [("lines", f"{result['lines']:,}")]
    if "tools" in result:
        rows += [("tools at the same time", f"{result['tools']}, done in {result['seconds']} s")]
    else:
        rows += [
            ("killed with SIGKILL after", f"{result['killed_after_s']} s, "
                                          f"{result['in_when_killed']:,} subscribers were in"),
            ("started again: imported", f"{result['imported_by_second']:,} in {result['resumed_s']} s")]
    rows += [("subscribers a second", f"{result['per_second']:,}"),
            ("CPU a subscriber", f"{result['cpu_us']} us"),
            ("the machine meanwhile", f"load {result['load']} on {result['cores']} cores"),
            ("in the store afterwards", f"{result['lines']:,}, none twice"),
            ("peak memory (VmHWM)", f"{result['peak_kb'] / 1024:.1f} MB")]
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--tools", type=int, default=1, help="so many at the same time")
    parser.add_argument("--daemon", action="store_true", help="nisimd runs meanwhile")
    parser.add_argument("--json", help="write the figures to this file, too")
    options = parser.parse_args()
    lab = appliance.Appliance(os.path.abspath(options.bin))
    try:
        lab.init_laboratory()
        importfile.make_transport_key(lab)
        if options.daemon:
            lab.start()
        if options.tools > 1:
            result = measure_together(lab, options.lines, options.tools)
        else:
            result = measure(lab, options.lines)
        prove(lab, options.lines)
    finally:
        lab.close()
    print(table(result))
    if options.json:
        with open(options.json, "w", encoding="ascii") as file:
            json.dump(result, file, indent=2)


if __name__ == "__main__":
    main()
