"""nisim-token import beside a running appliance: python3 test_import.py --bin BUILD/bin"""

import contextlib
import glob
import json
import os
import pty
import random
import resource
import signal
import sqlite3
import subprocess
import time

from cryptography.hazmat.primitives.keywrap import aes_key_unwrap

import appliance
import importfile
from appliance import DONE, PIN

FAILED, USAGE, WRONG_PIN, STORE, TAKEN = 1, 2, 3, 6, 7


class ImportCase(appliance.Case):
    """Each test has numbers of its own: they share a store."""
    next_number = 0

    @classmethod
    def prepare(cls, lab):
        importfile.make_transport_key(lab)
        importfile.make_transport_key(lab, "outward", bytes(range(16)), wraps=True)

    def people(self, count):
        first = ImportCase.next_number
        ImportCase.next_number += count
        return [importfile.subscriber(number) for number in range(first, first + count)]

    def lines(self, count):
        return [importfile.fields(who) for who in self.people(count)]

    def command(self, *options, file="in.csv", key=importfile.KEY_NAME):
        how = ["--transport-key", key] if key else []
        return [self.appliance.program("nisim-token"), "import", file, "--config", "nisim.conf", *how,
                *options]

    def run_import(self, *options, status=DONE, content=None, file="in.csv", err=(), **how):
        lab = self.appliance
        limit = how.pop("limit", None)
        if content is not None:
            with open(lab.path(file), "wb") as out:
                out.write(content if isinstance(content, bytes) else content.encode())
        done = subprocess.run(self.command(*options, file=file, **how), capture_output=True,
                              cwd=lab.folder, env=lab.environment, timeout=300, check=False,
                              errors="replace", start_new_session=True, preexec_fn=limit)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        for part in [err] if isinstance(err, str) else err:
            self.assertIn(part, done.stderr)
        self.assertNotIn(PIN, done.stdout + done.stderr)
        return done

    def summary(self, *options, **how):
        return json.loads(self.run_import("--json", *options, **how).stdout)

    def count(self):
        with sqlite3.connect(self.appliance.path("state/nisim.db")) as store:
            return store.execute("SELECT count(*) FROM subscription").fetchone()[0]

    def assertServed(self, who, seq=1000):
        challenge = who.auc.challenge(seq)
        self.assertAccepted(self.appliance.authenticate(who.user_ids[0], challenge), challenge)

    def assertNoneAdded(self, content, why, **how):
        before = self.count()
        done = self.run_import(*how.pop("options", ()), content=content, err=why,
                               status=how.pop("status", USAGE), **how)
        self.assertEqual(self.count(), before)
        return done


class Files(ImportCase):
    def test_no_file(self):
        self.run_import(file="none.csv", status=USAGE, err="none.csv: No such file")

    def test_a_folder(self):
        self.run_import(file="state", status=USAGE, err="no regular file")

    def test_empty_file(self):
        self.assertNoneAdded("", "in.csv: the file is empty")

    def test_missing_column(self):
        columns = [name for name in importfile.COLUMNS if name != "domain"]
        self.assertNoneAdded(importfile.csv(self.lines(1), columns), 'no column "domain"')

    def test_unknown_column(self):
        self.assertNoneAdded("colour," + importfile.csv(self.lines(1)),
                             'unknown column 1 "colour" in the header')

    def test_no_transport_key(self):
        self.assertNoneAdded(importfile.csv(self.lines(1)), 'no transport key "nobody"', key="nobody")

    def test_transport_key_for_the_way_out(self):
        self.assertNoneAdded(importfile.csv(self.lines(1)), "on their way out", key="outward")

    def test_nothing_says_how_it_is_wrapped(self):
        self.assertNoneAdded(importfile.csv(self.lines(1)), "line 2: nothing says which transport key",
                             key=None, status=FAILED)

    def test_report_over_the_input(self):
        text = importfile.csv(self.lines(1))
        self.run_import("--report", "in.csv", content=text, status=USAGE, err="is the file to import")
        self.assertEqual(self.appliance.read("in.csv"), text)


class Lines(ImportCase):
    def test_wrapped_keys_authenticate_beside_the_daemon(self):
        people = self.people(3)
        self.run_import(content=importfile.csv([importfile.fields(who) for who in people]))
        for who in people:
            self.assertServed(who)

    def test_crlf_bom_quotes_and_no_end(self):
        who = self.people(1)[0]
        line = {name: f'"{value}"' for name, value in importfile.fields(who).items()}
        text = "\ufeff" + importfile.csv([line], end="\r\n").rstrip("\r\n")
        self.assertEqual(self.summary(content=text)["imported"], 1)
        self.assertServed(who)

    def bad_line(self, why, **change):
        """Among two that are good; the report says the same."""
        lines = self.lines(3)
        lines[1].update(change)
        before = self.count()
        done = self.run_import("--report", "report", content=importfile.csv(lines), status=FAILED,
                               err=["in.csv line 3: " + why, "1 lines were refused"])
        self.assertEqual(self.count(), before + 2)
        self.assertTrue(self.appliance.read("report").startswith("3: " + why))
        self.assertNotIn(lines[0]["k"], done.stderr)

    def test_wrong_kcv(self):
        self.bad_line("k: ", kcv="000000")

    def test_one_bit_of_k(self):
        blob = bytearray(importfile.wrap(bytes(16)))
        blob[5] ^= 1
        self.bad_line("k: ", k=blob.hex())

    def test_one_bit_of_opc(self):
        blob = bytearray(importfile.wrap(bytes(16)))
        blob[23] ^= 0x80
        self.bad_line("opc: ", opc=blob.hex())

    def test_clear_text_in_place_of_a_wrapped_key(self):
        self.bad_line("k: it is 16 bytes in hex, not wrapped", k="465b5ce8b199b49faa5f0a2ee238a6bc")

    def test_bad_names(self):
        self.bad_line('impi "alice": it is not user@realm', impi="alice")
        self.bad_line('impus "alice": ', impus="alice")
        self.bad_line("user_ids: it is empty", user_ids="")
        self.bad_line('domain "localhost": ', domain="localhost")

    def test_not_utf8(self):
        lines = self.lines(3)
        lines[1]["impi"] = "BAD@ims.example.com"
        text = importfile.csv(lines).encode().replace(b"BAD", b"b\xe4d")
        self.run_import(content=text, status=FAILED, err="line 3: impi: it has control characters or "
                                                         "is not UTF-8")

    def test_10_mb_line(self):
        lines = self.lines(3)
        lines[1]["impus"] = "x" * 10_000_000
        before = self.count()
        self.run_import(content=importfile.csv(lines), status=FAILED,
                        err="line 3: it is longer than 32768 bytes")
        self.assertEqual(self.count(), before + 2)

    def test_duplicates_within_the_file(self):
        lines = self.lines(3)
        lines[1]["impi"] = lines[0]["impi"]
        lines[2]["user_ids"] = lines[0]["user_ids"]
        self.run_import(content=importfile.csv(lines), status=FAILED,
                        err=[f'line 3: "{lines[0]["impi"]}" is in line 2 of this file already',
                             "line 4: ", "is in line 2 of this file already"])

    def test_duplicates_against_the_store(self):
        lines = self.lines(2)
        self.run_import(content=importfile.csv(lines[:1]))
        lines[1]["user_ids"] = lines[0]["impi"]
        self.run_import(content=importfile.csv(lines[1:]), status=FAILED,
                        err=f'"{lines[0]["impi"]}" is a user id or the IMPI of a subscriber already')

    def test_dry_run_finds_all_and_writes_nothing(self):
        lines = self.lines(4)
        lines[1]["kcv"] = "000000"
        lines[3]["impi"] = lines[0]["impi"]
        before = self.count()
        summary = self.run_import("--dry-run", "--json", content=importfile.csv(lines), status=FAILED,
                                  err=["line 3: k: ", "line 5: "])
        self.assertEqual(json.loads(summary.stdout)["imported"], 2)
        self.assertEqual(self.count(), before)

    def test_all_or_nothing(self):
        lines = self.lines(3)
        good = lines[2]["kcv"]
        lines[2]["kcv"] = "000000"
        before = self.count()
        self.run_import("--all-or-nothing", content=importfile.csv(lines), status=FAILED,
                        err=["line 4: k: ", "nothing is imported"])
        self.assertEqual(self.count(), before)
        lines[2]["kcv"] = good
        self.assertEqual(self.summary("--all-or-nothing", content=importfile.csv(lines))["imported"], 3)

    def test_the_same_file_again(self):
        text = importfile.csv(self.lines(2))
        self.run_import(content=text)
        before = self.count()
        self.run_import(content=text, err="was imported already, 2 subscribers of 2 lines")
        self.run_import("--again", content=text, status=FAILED, err="2 lines were refused")
        self.assertEqual(self.count(), before)

    def test_progress_on_a_terminal(self):
        self.appliance.write("in.csv", importfile.csv(self.lines(3)))
        terminal, end = pty.openpty()
        with contextlib.closing(os.fdopen(terminal, "rb", buffering=0)) as shown:
            done = subprocess.run(self.command(), cwd=self.appliance.folder, stderr=end, text=True,
                                  env=self.appliance.environment, stdout=subprocess.PIPE, check=True)
            os.close(end)
            self.assertRegex(shown.read(4096).decode(),
                             r"^\r1 lines, \d+ %, \d+ a second, \d+ s left")
        self.assertIn("in.csv: 3 imported, 0 refused", done.stdout)

    def test_resident(self):
        who = self.people(1)[0]
        self.run_import("--residence", "resident", content=importfile.csv([importfile.fields(who)]))
        self.assertServed(who)

    def test_clear_text(self):
        who = self.people(1)[0]
        text = importfile.csv([importfile.fields(who, wrapped=False)])
        self.run_import("--clear", key=None, content=text, err="CLEAR-TEXT LABORATORY IMPORT")
        self.assertServed(who)


class Pskc(ImportCase):
    def test_packages(self):
        people = self.people(5)
        packages = [importfile.package(people[0]), importfile.package(people[1], importfile.KW_PAD),
                    importfile.package(people[2], importfile.CBC),
                    importfile.package(people[3]).replace(":milenage", ":hotp"),
                    importfile.package(people[4])]
        self.run_import(content=importfile.pskc(packages), file="in.xml", key=None, status=FAILED,
                        err=["line 16: only AES key wrap and RSA-OAEP", "line 21: only keys of Milenage",
                             "2 lines were refused"])
        for who in (people[0], people[1], people[4]):
            self.assertServed(who)

    def test_cut_off(self):
        people = self.people(2)
        text = importfile.pskc([importfile.package(who) for who in people])
        self.run_import(content=text[:-200], file="in.xml", key=None, status=USAGE,
                        err="nothing behind it was read")
        self.assertServed(people[0])

    def test_document_type(self):
        text = importfile.pskc([importfile.package(self.people(1)[0])])
        text = text.replace("?>\n", '?>\n<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/hostname">]>\n', 1)
        self.assertNoneAdded(text, "document type", file="in.xml", key=None)


class Export(ImportCase):
    """Of wrapped subscribers with an IMSI for a name."""
    is_started = False

    @classmethod
    def prepare(cls, lab):
        super().prepare(lab)
        cls.people = [importfile.subscriber(number, f"00101000000{number:04}") for number in range(3)]
        lines = [importfile.fields(who) for who in cls.people]
        lines[0]["impus"] = "tel:+1-555-0001 sip:a@ims.example.com"
        lab.write("in.csv", importfile.csv(lines))
        lab.token("import", "in.csv", "--transport-key", importfile.KEY_NAME)
        lab.add(appliance.subscriber("resident"))
        importfile.make_transport_key(lab, "hss", importfile.TRANSPORT, wraps=True)

    def export(self, form, *options, key="hss", status=DONE, err="", output="out"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.appliance.path("out"))
        how = ["--hss-key", key] if key else []
        done = self.appliance.token("export", "--format", form, "--output", output, *how, *options,
                                    status=status)
        self.assertIn(err, done.stderr)
        if status != DONE:
            self.assertFalse(os.path.exists(self.appliance.path("out")))
            return []
        self.assertIn("3 subscribers in out, 1 left out", done.stdout)
        self.assertIn("resident@ims.example.com is left out: its K is an object", done.stderr)
        return self.appliance.read("out").splitlines()

    def unwrapped(self, text):
        return aes_key_unwrap(importfile.TRANSPORT, bytes.fromhex(text))

    def test_refusals(self):
        for form in ("nonsense", "hss", "", "Open5GS", "open5gs,pyhss"):
            self.export(form, status=USAGE, err=f'--format "{form}": there are open5gs, pyhss and osmohlr\n')
        done = self.appliance.token("export", "--output", "out", "--hss-key", "hss", status=USAGE)
        self.assertIn("export needs --format, what the HSS is: there are open5gs, pyhss and osmohlr\n", done.stderr)
        self.export("open5gs", key=None, status=USAGE, err="needs --hss-key NAME, or --clear")
        self.export("open5gs", "--clear", status=USAGE, err="needs --hss-key NAME, or --clear")
        self.export("open5gs", key="nobody", status=USAGE, err='no transport key "nobody"')
        self.export("open5gs", key=importfile.KEY_NAME, status=USAGE, err="unwraps what comes in")
        self.export("open5gs", output="in.csv", status=USAGE, err="--output in.csv: File exists")

    def test_an_altered_record_is_left_out(self):
        path = self.appliance.path("state/nisim.db")
        with sqlite3.connect(path) as store:
            seal = store.execute("SELECT seal FROM subscription WHERE row = 1").fetchone()[0]
            store.execute("UPDATE subscription SET seal = zeroblob(32) WHERE row = 1")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.appliance.path("out"))
        done = self.appliance.token("export", "--format", "osmohlr", "--output", "out", "--hss-key",
                                    "hss")
        self.assertIn("is left out: its record was altered", done.stderr)
        with sqlite3.connect(path) as store:
            store.execute("UPDATE subscription SET seal = ? WHERE row = 1", (seal,))

    def test_open5gs(self):
        documents = [json.loads(line) for line in self.export("open5gs")]
        self.assertEqual([one["imsi"] for one in documents],
                         [who.impi.split("@")[0] for who in self.people])
        self.assertEqual(documents[0]["msisdn"], ["15550001"])
        for document, who in zip(documents, self.people):
            security = document["security"]
            self.assertEqual((self.unwrapped(security["k"]), self.unwrapped(security["opc"])),
                             (who.k, who.opc))
            self.assertEqual((security["op"], security["amf"]), (None, "8000"))
            self.assertEqual(document["nisim_wrapped"], {"transport_key": "hss", "way": "rfc3394",
                                                         "kcv": importfile.kcv(who.k)})
            self.assertEqual(document["slice"][0]["session"][0]["ambr"], document["ambr"])

    def test_option_cut_short(self):
        """`export --for open5gs` is what one says: nothing else may come to begin with --for."""
        done = self.appliance.token("export", "--for", "hss", "--output", "out", "--hss-key", "hss", status=USAGE)
        self.assertIn('--format "hss": there are open5gs', done.stderr)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.appliance.path("out"))
        self.appliance.token("export", "--for", "open5gs", "--output", "out", "--hss-key", "hss")
        self.assertEqual(self.appliance.read("out").splitlines(), self.export("open5gs"))

    def test_pyhss(self):
        for line, who in zip(self.export("pyhss"), self.people):
            bodies = json.loads(line)
            self.assertEqual(self.unwrapped(bodies["auc"]["ki"]), who.k)
            self.assertEqual({bodies[name]["imsi"] for name in ("auc", "subscriber", "ims_subscriber")},
                             {who.impi.split("@")[0]})

    def test_osmohlr(self):
        lines = self.export("osmohlr")
        imsi = self.people[0].impi.split("@")[0]
        self.assertRegex(lines[0], "^! k and opc are wrapped under hss by rfc3394, KCV of k ")
        self.assertEqual(lines[1:3], [f"subscriber imsi {imsi} create",
                                      f"subscriber imsi {imsi} update msisdn 15550001"])
        self.assertRegex(lines[3], f"^subscriber imsi {imsi} update aud3g milenage k [0-9a-f]{{48}} "
                                   "opc [0-9a-f]{48} ind-bitlen 5$")

    def test_clear_text(self):
        lines = self.export("osmohlr", "--clear", key=None, err="CLEAR-TEXT LABORATORY EXPORT")
        who = self.people[0]
        self.assertIn(f"k {who.k.hex()} opc {who.opc.hex()} ind-bitlen 5", lines[2])


class NoLaboratory(ImportCase):
    is_started = False

    @classmethod
    def setUpClass(cls):
        cls.appliance = appliance.Appliance(cls.programs)
        cls.addClassCleanup(cls.appliance.close)
        cls.appliance.init()

    def test_no_clear_text(self):
        text = importfile.csv([importfile.fields(who, wrapped=False) for who in self.people(1)])
        self.assertNoneAdded(text, "is no laboratory's", key=None, options=("--clear",))
        self.appliance.token("export", "--format", "open5gs", "--output", "out", "--clear", status=USAGE)
        self.assertFalse(os.path.exists(self.appliance.path("out")))


class Makers(ImportCase):
    """A file of some hundred lines: rows are made by processes of their own, one a core."""

    def start(self, lines, *options, content=None, key=importfile.KEY_NAME, **how):
        self.appliance.write("in.csv", content or importfile.csv(lines))
        return subprocess.Popen(self.command(*options, key=key), cwd=self.appliance.folder, text=True,
                                env=self.appliance.environment, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, **how)

    def makers(self, process):
        """When rows are in."""
        before = self.count()
        appliance.wait_for(lambda: self.count() > before or process.poll() is not None, "rows")
        return appliance.children_of(process.pid)

    def test_one_a_core(self):
        cores = sorted(os.sched_getaffinity(0))
        for count in {1, len(cores)}:
            process = self.start(self.lines(700),
                                 preexec_fn=lambda: os.sched_setaffinity(0, cores[:count]))
            self.assertEqual(len(self.makers(process)), count if count > 1 else 0)
            process.communicate(timeout=300)
            self.assertEqual(process.returncode, DONE)

    def test_killed(self):
        lines = self.lines(2000)
        before = self.count()
        process = self.start(lines, "--makers", "3")
        makers = self.makers(process)
        self.assertEqual(len(makers), 3)
        os.kill(makers[-1], signal.SIGKILL)
        err = process.communicate(timeout=300)[1]
        self.assertEqual(process.returncode, FAILED)
        self.assertIn(f"process {makers[-1]}, which made keys of this import, has ended: Killed", err)
        self.assertLess(self.count(), before + 2000)
        summary = self.summary()
        self.assertEqual((summary["refused"], self.count()), (0, before + 2000))
        self.assertServed(importfile.subscriber(ImportCase.next_number - 1))

    def test_killed_while_nothing_is_written(self):
        """There is nothing in the token to be taken back."""
        lines = self.lines(2000)
        lines[0]["kcv"] = "000000"
        process = self.start(lines, "--makers", "2", "--dry-run", "--report", "report")
        # With the first batch all have logged in, and can be killed without harm to the token.
        appliance.wait_for(lambda: os.path.exists(self.appliance.path("report")) and
                           self.appliance.read("report") != "", "the first batch")
        os.kill(appliance.children_of(process.pid)[0], signal.SIGKILL)
        err = process.communicate(timeout=300)[1]
        self.assertIn("which made keys of this import, has ended: Killed", err)
        self.assertNotIn("stay in the token", err)
        self.assertEqual(process.returncode, FAILED)

    def test_end_with_the_tool(self):
        process = self.start(self.lines(2000), "--makers", "2")
        makers = self.makers(process)
        self.assertEqual(len(makers), 2)
        process.kill()
        process.communicate()
        appliance.wait_for(lambda: not [pid for pid in makers if os.path.exists(f"/proc/{pid}")],
                           "the makers' end")

    def test_names_of_a_line_that_is_refused(self):
        """The line behind it may have them, though it comes before the maker's answer."""
        lines = self.lines(700)
        for at in (100, 300, 699):
            lines[at - 1].update(impi=lines[at]["impi"], user_ids=lines[at]["user_ids"], kcv="000000")
        lines[200]["impi"] = lines[199]["impi"]
        lines[201]["domain"] = ""
        before = self.count()
        done = self.run_import("--report", "report", "--makers", "2", content=importfile.csv(lines),
                               status=FAILED)
        self.assertEqual([line.split(":")[0] for line in self.appliance.read("report").splitlines()],
                         ["101", "202", "203", "301", "700"])
        self.assertIn(f'line 202: "{lines[199]["impi"]}" is in line 201 of this file already', done.stderr)
        self.assertEqual(self.count(), before + 695)
        self.assertServed(importfile.subscriber(ImportCase.next_number - 1))

    def test_all_or_nothing(self):
        lines = self.lines(700)
        lines[600]["kcv"] = "000000"
        before = self.count()
        self.run_import("--makers", "2", "--dry-run", content=importfile.csv(lines), status=FAILED,
                        err=["line 602: k: ", "1 lines were refused"])
        self.run_import("--makers", "2", "--all-or-nothing", status=FAILED, err="nothing is imported")
        self.assertEqual(self.count(), before)
        del lines[600]
        self.run_import("--makers", "2", "--all-or-nothing", content=importfile.csv(lines))
        self.assertEqual(self.count(), before + 699)

    def test_transport_key_by_line(self):
        """A name too long for any, which the tool refuses, and an unknown one, which a maker does."""
        lines = [{**line, "transport_key": importfile.KEY_NAME} for line in self.lines(700)]
        lines[698]["transport_key"] = "k" * 40
        lines[699]["transport_key"] = "nobody"
        before = self.count()
        text = importfile.csv(lines, (*importfile.COLUMNS, "transport_key"))
        self.run_import("--makers", "2", content=text, key=None, status=FAILED,
                        err=["line 700: transport_key: ", "line 701: transport_key: "])
        self.assertEqual(self.count(), before + 698)

    def test_pin_from_a_descriptor(self):
        """Which can be read once."""
        before = self.count()
        reader, writer = os.pipe()
        os.write(writer, PIN.encode() + b"\n")
        os.close(writer)
        process = self.start(self.lines(700), "--pin-fd", str(reader), pass_fds=[reader])
        os.close(reader)
        self.assertEqual(self.makers(process), [])
        process.communicate(timeout=300)
        self.assertEqual((process.returncode, self.count()), (DONE, before + 700))
        self.run_import("--makers", "2", "--pin-fd", "0", status=USAGE, err="--makers: each logs in")

    def test_pin_from_a_pipe(self):
        """As by --pin-file <(command)."""
        before = self.count()
        pipe = self.appliance.path("pin-pipe")
        os.mkfifo(pipe)
        self.run_import("--makers", "2", "--pin-file", pipe, content=importfile.csv(self.lines(700)),
                        status=USAGE, err="--makers: each logs in")
        process = subprocess.Popen(self.command("--pin-file", pipe), cwd=self.appliance.folder,
                                   env=self.appliance.environment)
        with open(pipe, "w", encoding="ascii") as file:
            file.write(PIN + "\n")
        self.assertEqual((process.wait(timeout=300), self.count()), (DONE, before + 700))

    def test_pin_changed_meanwhile(self):
        """Tried once, not by each maker: a token counts."""
        spy = glob.glob("/usr/lib/*/pkcs11-spy.so")
        if not spy:
            self.skipTest("pkcs11-spy.so (package opensc-pkcs11) is not there")
        lab = self.appliance
        lab.write("changed-pin", PIN + "\n")
        lab.write("in.csv", importfile.csv(self.lines(700)))
        os.mkfifo(lab.path("gate"))  # where the tool waits: it has logged in, makers have not
        process = subprocess.Popen(
            self.command("--makers", "3", "--pin-file", "changed-pin", "--module", spy[0], "--report", "gate"),
            cwd=lab.folder, stderr=subprocess.PIPE, text=True,
            env={**lab.environment, "PKCS11SPY": appliance.MODULE, "PKCS11SPY_OUTPUT": lab.path("spied"),
                 "ASAN_OPTIONS": "detect_leaks=0"})  # the spy's own
        appliance.wait_for(lambda: os.path.exists(lab.path("spied")) and "C_Login" in lab.read("spied"),
                           "the log-in")
        lab.write("changed-pin", "0000\n")
        with open(lab.path("gate"), encoding="ascii"):
            err = process.communicate(timeout=300)[1]
        self.assertEqual(process.returncode, WRONG_PIN, err)
        self.assertIn("the PIN is wrong; it is not tried again", err)
        self.assertIn("which made keys of this import, has ended: it has said why", err)
        self.assertEqual(lab.read("spied").count("C_Login"), 2)
        self.run_import("--makers", "3")  # a right one makes the token forget it

    def test_clear_text(self):
        content = importfile.csv([importfile.fields(who, wrapped=False) for who in self.people(700)])
        self.run_import("--makers", "2", "--clear", content=content, key=None, status=USAGE,
                        err="--makers: a key in clear text stays in one process")
        process = self.start([], "--clear", content=content, key=None)
        self.assertEqual(self.makers(process), [])
        process.communicate(timeout=300)
        self.assertEqual(process.returncode, DONE)

    def test_small_file(self):
        who = self.people(1)[0]
        self.run_import("--makers", "2", content=importfile.csv([importfile.fields(who)]))
        self.assertServed(who)


class Accidents(ImportCase):
    def test_disk_full_halfway(self):
        lines = self.lines(2000)
        before = self.count()
        store = self.appliance.path("state/nisim.db")

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            most = max(os.path.getsize(store), os.path.getsize(store + "-wal")) + 300_000
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

        self.run_import(content=importfile.csv(lines), status=STORE, limit=limit,
                        err=["run it again to go on from there", "store "])
        self.assertLess(self.count(), before + 2000)
        self.assertEqual(self.summary(content=importfile.csv(lines))["refused"], 0)
        self.assertEqual(self.count(), before + 2000)

    def has_open(self, pid, name):
        """True also when the process has ended."""
        links = set()
        for fd in os.listdir(f"/proc/{pid}/fd") if os.path.exists(f"/proc/{pid}/fd") else ():
            with contextlib.suppress(OSError):
                links.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
        return not links or self.appliance.path(name) in links

    def test_killed_anywhere_and_started_again(self):
        lines = self.lines(4000)
        lines[7]["kcv"] = lines[3999]["kcv"] = "000000"
        text = importfile.csv(lines)
        before = self.count()
        self.appliance.write("in.csv", text)
        for _ in range(6):
            process = subprocess.Popen(self.command("--report", "report"), env=self.appliance.environment,
                                       cwd=self.appliance.folder, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
            # SoftHSM writes token.object in place at each log-in: killed there, it has no token more.
            appliance.wait_for(lambda pid=process.pid: self.has_open(pid, "report"), "the log-in's end")
            time.sleep(random.uniform(0, 0.3))
            process.kill()
            process.wait()
        summary = json.loads(self.run_import("--json", status=FAILED).stdout)
        self.assertEqual(summary["done_before"] + summary["records"], 4000)
        self.assertEqual(self.count(), before + 3998)
        self.assertServed(importfile.subscriber(ImportCase.next_number - 2))

    def test_two_at_once(self):
        lines = self.lines(2000)
        before = self.count()
        self.appliance.write("in.csv", importfile.csv(lines))
        self.appliance.write("other.csv", importfile.csv(lines[::-1]))
        processes = []
        for file in ("in.csv", "in.csv", "other.csv"):
            processes.append(subprocess.Popen(self.command(file=file), cwd=self.appliance.folder,
                                              env=self.appliance.environment, text=True,
                                              stdout=subprocess.PIPE, stderr=subprocess.PIPE))
            time.sleep(0.1)  # several that start at once are more than SoftHSM stands
        said = [process.communicate(timeout=300) for process in processes]
        self.assertIn("another nisim-token is importing in.csv", said[0][1] + said[1][1])
        self.assertEqual(self.count(), before + 2000)

    def test_changed_while_it_is_read(self):
        self.appliance.write("in.csv", importfile.csv(self.lines(1500)))
        process = subprocess.Popen(self.command("--report", "report"), text=True,
                                   cwd=self.appliance.folder, env=self.appliance.environment,
                                   stderr=subprocess.PIPE)
        appliance.wait_for(lambda: self.has_open(process.pid, "report"), "the reading")
        with open(self.appliance.path("in.csv"), "a", encoding="ascii") as file:
            file.write("x")
        self.assertIn("has changed while it was read", process.communicate(timeout=300)[1])
        self.assertEqual(process.returncode, USAGE)

    def test_an_altered_mark(self):
        text = importfile.csv(self.lines(1))
        self.run_import(content=text)
        with sqlite3.connect(self.appliance.path("state/nisim.db")) as store:
            store.execute("UPDATE value SET value = zeroblob(17) WHERE name LIKE 'import/%'")
        self.run_import(status=STORE, err="was altered")


if __name__ == "__main__":
    appliance.main()
