"""What a power cut leaves of a folder and those in it: reads the journal that libpower.so (power.c) writes.

Durable is what was synced before. Of each later write every sector is on the disk or not, by the
throw of a coin, whatever came before or after it; so are a later change of size and a later name in
the folder. Sectors themselves are whole: SQLite relies on it (its powersafe overwrite), as on a
drive."""

import mmap
import os
import struct
import time
from dataclasses import dataclass, field

ROOM = 256 << 20
HEAD = 4096
ALIGN = 64
SECTOR = 512
MAGIC = 0x504f5752
RECORD = struct.Struct("<IIQQQ128s")
USED, CUT, FUSE, FUSE_OF, BUSY, SYNC_US = range(0, 48, 8)
WRITE, TRUNCATE, SYNC, CREATE, UNLINK, SYNC_FOLDER = range(1, 7)


@dataclass
class Record:
    at: int
    kind: int
    inode: int
    offset: int
    name: str
    data: bytes


@dataclass
class File:
    content: bytearray = field(default_factory=bytearray)

    def write(self, offset, data):
        if len(self.content) < offset:
            self.content.extend(bytes(offset - len(self.content)))
        self.content[offset:offset + len(data)] = data

    def truncate(self, size):
        del self.content[size:]
        self.content.extend(bytes(size - len(self.content)))


def is_kept(name):
    return not name.endswith(("-shm", "-turn", ".lock"))


def files_in(folder):
    """Their paths in it."""
    for path, _, names in os.walk(folder):
        yield from (os.path.relpath(os.path.join(path, name), folder) for name in names)


class Power:
    """The supply of one folder. arm(), run the processes, cut(), end them, then leave()."""

    def __init__(self, folder, journal, library):
        self.folder = folder
        self.journal = journal
        if not os.path.exists(library):  # the loader would only mention it
            raise SystemExit(f"{library}: not there; build the tests")
        self.environment = dict(LD_PRELOAD=library, NISIM_POWER_FOLDER=folder,
                                NISIM_POWER_JOURNAL=journal)
        self.map = None

    def close(self):
        if self.map is not None:
            self.map.close()
        self.map = None

    def get(self, where):
        return struct.unpack_from("<q", self.map, where)[0]

    def put(self, where, value):
        struct.pack_into("<q", self.map, where, value)

    def arm(self, fuse=0, only_database=False, sync_us=0):
        """With a fuse, the power goes with so many records from now on."""
        self.close()
        with open(self.journal, "wb") as file:
            file.truncate(ROOM)
        with open(self.journal, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), ROOM)
        self.put(FUSE, fuse)
        self.put(FUSE_OF, int(only_database))
        self.put(SYNC_US, sync_us)
        self.before = {}
        self.names = {}
        for name in filter(is_kept, files_in(self.folder)):
            path = os.path.join(self.folder, name)
            with open(path, "rb") as file:
                inode = os.fstat(file.fileno()).st_ino
                self.before[inode] = bytearray(file.read())
            self.names[name] = inode

    def is_cut(self):
        return self.get(CUT) != 0

    def cut(self):
        """From now on nothing changes; what is half written down is waited for."""
        self.put(CUT, 1)
        end = time.monotonic() + 5
        while self.get(BUSY) != 0 and time.monotonic() < end:
            time.sleep(0.001)

    def records(self):
        at, end = 0, self.get(USED)
        while at < end:
            magic, kind, inode, offset, length, name = RECORD.unpack_from(self.map, HEAD + at)
            if magic != MAGIC:
                raise AssertionError("a process ended in the middle of a record")
            begin = HEAD + at + RECORD.size
            yield Record(at, kind, inode, offset, name.rstrip(b"\0").decode(),
                         self.map[begin:begin + length])
            at += (RECORD.size + length + ALIGN - 1) // ALIGN * ALIGN

    def replay(self, survives, heeds_sync=True):
        """The folder's files; `survives` is asked for each part that no sync has made durable."""
        records = list(self.records())
        durable, durable_names = {}, {}
        for record in records if heeds_sync else ():
            if record.kind == SYNC:
                durable[record.inode] = max(durable.get(record.inode, 0), record.offset)
            if record.kind == SYNC_FOLDER:
                durable_names[record.name] = max(durable_names.get(record.name, 0), record.offset)
        files = {inode: File(bytearray(content)) for inode, content in self.before.items()}
        names = dict(self.names)
        for record in records:
            below = (durable_names.get(os.path.dirname(record.name), 0)
                     if record.kind in (CREATE, UNLINK) else durable.get(record.inode, 0))
            is_durable = record.at < below
            file = files.setdefault(record.inode, File())
            if record.kind == WRITE:
                self.write(file, record, (lambda: True) if is_durable else survives)
            elif record.kind == TRUNCATE and (is_durable or survives()):
                file.truncate(record.offset)
            elif record.kind == CREATE and (is_durable or survives()):
                names[record.name] = record.inode
            elif record.kind == UNLINK and (is_durable or survives()):
                names.pop(record.name, None)
        return {name: bytes(files.get(inode, File()).content) for name, inode in names.items()}

    @staticmethod
    def write(file, record, survives):
        begin, end = record.offset, record.offset + len(record.data)
        while begin < end:
            after = min(end, (begin // SECTOR + 1) * SECTOR)
            if survives():
                file.write(begin, record.data[begin - record.offset:after - record.offset])
            begin = after

    def check(self):
        """All records together must be what the processes left: else some change escaped us."""
        for name, content in self.replay(lambda: True).items():
            with open(os.path.join(self.folder, name), "rb") as file:
                if file.read() != content:
                    raise AssertionError(f"{name} was changed without a record")

    def leave(self, randomness, share, heeds_sync=True):
        """Puts the folder into the state that the cut left; of the unsynced this share survives."""
        self.check()
        left = self.replay(lambda: randomness.random() < share, heeds_sync)
        for name in list(files_in(self.folder)):
            path = os.path.join(self.folder, name)
            if name.endswith("-shm"):
                self.spoil(path, randomness)
            elif is_kept(name):
                os.unlink(path)
        for name, content in left.items():
            path = os.path.join(self.folder, name)
            with open(path, "wb") as file:
                file.write(content)
            os.chmod(path, 0o600)

    @staticmethod
    def spoil(path, randomness):
        """A mapped file may be as it was, gone, or anything."""
        choice = randomness.randrange(3)
        if choice == 0:
            os.unlink(path)
        elif choice == 1:
            with open(path, "r+b") as file:
                file.write(randomness.randbytes(os.path.getsize(path)))
