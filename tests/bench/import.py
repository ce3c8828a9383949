"""How fast `nisim-token import` is, in how much memory, and whether it goes on where it was killed.

    /usr/bin/python3 tests/bench/import.py --bin BUILD/bin [--lines 100000] [--makers N] [--daemon] [--json FILE]

A file with wrapped K and OPc and a KCV on each line is imported into a new SoftHSM token and store,
killed once at a random place and started again; then every subscriber must be there once, and some
must authenticate. With --daemon an appliance serves challenges meanwhile. Prints a table in Markdown.
"""

import argparse
import contextlib
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

    def __init__(self, lab, name, options):
        self.began = time.monotonic()
        self.peak_kb = 0
        self.process = subprocess.Popen(
            [lab.program("nisim-token"), "import", name, "--config", "nisim.conf",
             "--transport-key", importfile.KEY_NAME, "--json", *options], cwd=lab.folder, env=lab.environment,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish(self, kill_after=None):
        cpu_before = cpu_of_children()
        while self.process.poll() is None:
            if kill_after is not None and time.monotonic() - self.began > kill_after:
                self.process.kill()
            self.look()
            time.sleep(0.02)
        self.seconds = time.monotonic() - self.began
        out, self.err = self.process.communicate()
        self.status = self.process.returncode
        self.cpu_seconds = cpu_of_children() - cpu_before
        self.summary = json.loads(out) if out else {}
        return self

    def look(self):
        """The tool and its makers, which may have just ended."""
        pid = self.process.pid
        with contextlib.suppress(OSError):
            for each in [pid, *appliance.children_of(pid)]:
                with open(f"/proc/{each}/status", encoding="ascii") as file:
                    for line in file:
                        if line.startswith("VmHWM:"):
                            self.peak_kb = max(self.peak_kb, int(line.split()[1]))


def write_file(path, lines):
    began = time.monotonic()
    with open(path, "w", encoding="ascii") as file:
        file.write(",".join(importfile.COLUMNS) + "\n")
        for number in range(lines):
            line = importfile.fields(importfile.subscriber(number))
            file.write(",".join(line[name] for name in importfile.COLUMNS) + "\n")
    print(f"{lines} lines made in {time.monotonic() - began:.0f} s", file=sys.stderr)


def count(lab):
    with sqlite3.connect(lab.path("state/nisim.db")) as store:
        return store.execute("SELECT count(*), (SELECT count(*) FROM name) FROM subscription").fetchone()


def measure(lab, lines, options):
    """A run that is killed, and the one that finishes."""
    least = lines / 12000
    write_file(lab.path("subscribers.csv"), lines)
    first = Run(lab, "subscribers.csv", options).finish(kill_after=random.uniform(0.2, 0.8) * least)
    at_kill = count(lab)[0]
    second = Run(lab, "subscribers.csv", options).finish()
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
    rows += [
        ("killed with SIGKILL after", f"{result['killed_after_s']} s, "
                                      f"{result['in_when_killed']:,} subscribers were in"),
        ("started again: imported", f"{result['imported_by_second']:,} in {result['resumed_s']} s")]
    rows += [("subscribers a second", f"{result['per_second']:,}"),
            ("CPU a subscriber", f"{result['cpu_us']} us"),
            ("the machine meanwhile", f"load {result['load']} on {result['cores']} cores"),
            ("in the store afterwards", f"{result['lines']:,}, none twice"),
            ("peak memory of one process (VmHWM)", f"{result['peak_kb'] / 1024:.1f} MB")]
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--makers", type=int, help="as of nisim-token import")
    parser.add_argument("--daemon", action="store_true", help="nisimd runs meanwhile")
    parser.add_argument("--json", help="write the figures to this file, too")
    options = parser.parse_args()
    lab = appliance.Appliance(os.path.abspath(options.bin))
    try:
        lab.init_laboratory()
        importfile.make_transport_key(lab)
        if options.daemon:
            lab.start()
        how = [] if options.makers is None else ["--makers", str(options.makers)]
        result = measure(lab, options.lines, how)
        prove(lab, options.lines)
    finally:
        lab.close()
    print(table(result))
    if options.json:
        with open(options.json, "w", encoding="ascii") as file:
            json.dump(result, file, indent=2)


if __name__ == "__main__":
    main()
