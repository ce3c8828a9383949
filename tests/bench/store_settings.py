#!/usr/bin/python3
"""SQLite settings for the SQN rows, side by side: tests/bench/store_settings.py [--seconds 3]

Each way commits 64 rows at a time, durably, as a keeper's full batch does: of 200 subscribers who
are asked for again and again, and of 200,000 at random, which is nearly a page for each row. The
ways take turns, several times over, since machines are noisy; CPU is of the process."""

import argparse
import multiprocessing
import os
import random
import sqlite3
import tempfile
import time

ROWS = 200_000
HOT = 200
BATCH = 64
SEQS = bytes(192)  # 32 entries in use
ROUNDS = 3

# name: page size, pages before a checkpoint
WAYS = {"as it is: page 4096, checkpoint at 1000 pages": (4096, 1000),
        "page 4096, checkpoint at 4000 pages": (4096, 4000),
        "page 1024, checkpoint at 4000 pages": (1024, 4000),
        "page 16384, checkpoint at 1000 pages": (16384, 1000)}


def open_store(path, page, checkpoint):
    store = sqlite3.connect(path, isolation_level=None, timeout=10)
    store.executescript(f"PRAGMA page_size = {page}; PRAGMA journal_mode = WAL;"
                        f"PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = {checkpoint};")
    return store


def make_store(path, page, checkpoint):
    store = open_store(path, page, checkpoint)
    store.execute("CREATE TABLE sqn (row INTEGER PRIMARY KEY, version INTEGER NOT NULL,"
                  " seqs BLOB NOT NULL) STRICT")
    with store:
        store.execute("BEGIN")
        store.executemany("INSERT INTO sqn VALUES (?, 0, ?)", ((i, SEQS) for i in range(ROWS)))
    return store


def commits(store, among, seconds):
    """Rows a second, CPU microseconds of a row."""
    count, begin, cpu = 0, time.monotonic(), time.process_time()
    while time.monotonic() < begin + seconds:
        store.execute("BEGIN IMMEDIATE")
        store.executemany("UPDATE sqn SET version = version + 1, seqs = ? WHERE row = ?",
                          ((SEQS, row) for row in random.sample(range(among), BATCH)))
        store.execute("COMMIT")
        count += BATCH
    return count / (time.monotonic() - begin), (time.process_time() - cpu) / count * 1e6


def row(name, figures):
    rates, cpus = zip(*figures)
    print(f"{name:56} {sum(rates) / len(rates):9,.0f} rows/s {sum(cpus) / len(cpus):7.1f} us CPU"
          f"  ({', '.join(f'{rate:,.0f}' for rate in rates)})", flush=True)


def settings(folder, seconds):
    stores = {name: make_store(os.path.join(folder, f"{number}.db"), *how)
              for number, (name, how) in enumerate(WAYS.items())}
    for among in (HOT, ROWS):
        figures = {name: [] for name in stores}
        for _ in range(ROUNDS):
            for name, store in stores.items():
                figures[name].append(commits(store, among, seconds))
        for name, found in figures.items():
            row(f"{among:7,} subscribers, {name}", found)


def write_in_process(path, seconds, out):
    out.put(commits(open_store(path, 4096, 1000), ROWS, seconds))


def files(folder, seconds):
    """Two writers, in one file and in a file each."""
    paths = [os.path.join(folder, f"writer-{i}.db") for i in range(2)]
    for path in paths:
        make_store(path, 4096, 1000).close()
    ways = {"two writers, one file": [paths[0]] * 2, "two writers, a file each": paths}
    figures = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, chosen in ways.items():
            out = multiprocessing.Queue()
            writers = [multiprocessing.Process(target=write_in_process, args=(path, seconds, out))
                       for path in chosen]
            for writer in writers:
                writer.start()
            found = [out.get() for _ in writers]
            for writer in writers:
                writer.join()
            figures[name].append((sum(rate for rate, _ in found),
                                  sum(cpu for _, cpu in found) / len(found)))
    for name, found in figures.items():
        row(f"{ROWS:7,} subscribers, {name}", found)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3, help="for each measurement")
    parser.add_argument("--folder", default=None, help="on the disk to measure")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        settings(folder, options.seconds)
        files(folder, options.seconds)


if __name__ == "__main__":
    main()
