"""Backup keys by nisim-token's own verbs, at two sites: python3 test_backup_key.py --bin BUILD/bin"""

import ctypes
import json
import os
import re
import stat
import subprocess

from cryptography.hazmat.primitives.keywrap import aes_key_unwrap

import appliance
from test_rights import (CKA_DECRYPT, CKA_DERIVE, CKA_ENCRYPT, CKA_EXTRACTABLE, CKA_SENSITIVE, CKA_SIGN, CKA_UNWRAP,
                         CKA_VALUE, CKA_WRAP, CKM_AES_ECB, CKR_ATTRIBUTE_SENSITIVE, CKR_OK, Long,
                         Mechanism, Module, attributes)
from test_ways import COMPONENTS, combine, kcv_of, openssl, wrap

USAGE, STORE, TAKEN, UNKNOWN, NOT_APPROVED = 2, 6, 7, 8, 9  # nisim-token(1)
CKA_TOKEN, CKA_PRIVATE = 0x1, 0x2
CKM_AES_KEY_WRAP = 0x2109
CKR_KEY_UNEXTRACTABLE = 0x6A
ALICE = appliance.subscriber("alice", options=("--residence", "wrapped"))
MAGIC = b"nisim backup 1\n"


class Sites(appliance.Case):
    """Two tokens; the second is empty, and has an RSA pair that the first knows the public key of."""
    is_started = False

    @classmethod
    def prepare(cls, lab):
        lab.add(ALICE)
        cls.other = appliance.Appliance(cls.programs)
        cls.addClassCleanup(cls.other.close)
        cls.other.token("init", "--label", "nisim", "--so-pin-file", "so-pin")
        made = cls.other.token("transport-key", "make", "own", "--rsa", "2048").stdout
        lab.write("other.pem", made[made.index("-----BEGIN"):])
        lab.write("escrow.key", openssl("genrsa", "2048").decode())
        openssl("pkey", "-in", lab.path("escrow.key"), "-pubout", "-out", lab.path("escrow.pem"))
        for name in ("other", "escrow"):
            lab.token("transport-key", "hss", name, "--public-key", name + ".pem")
        for site in (lab, cls.other):
            cls.components(site, "transport-key", "zmk", "--purpose", "in")

    @staticmethod
    def components(site, noun, name, *more, parts=COMPONENTS, status=0):
        files = []
        for number, part in enumerate(parts):
            site.write(f"component-{number}", f"COMPONENT={part.hex()}\nKCV={kcv_of(part)}\n")
            files += ["--component-file", f"component-{number}"]
        done = site.token(noun, "components", name, *more, *files, status=status)
        for number, part in enumerate(parts):
            os.remove(site.path(f"component-{number}"))
        return done

    def setUp(self):
        self.lab = self.appliance
        before = self.objects()
        self.addCleanup(lambda: self.assertEqual(self.objects(), before))

    def objects(self):
        """Of both tokens."""
        found = []
        for site in (self.appliance, self.other):
            for folder, _, names in os.walk(site.path("tokens")):
                found += [os.path.join(folder, name) for name in names if name.endswith(".object")]
        return sorted(found)

    def drop(self, name, *sites):
        """At the end of a test: the key, by its verb."""
        for site in sites:
            self.addCleanup(site.token, "backup-key", "remove", name, "--yes")

    def refuse(self, *arguments, err, status=USAGE, site=None):
        done = (site or self.lab).token(*arguments, status=status)
        self.assertIn(err, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)

    def kcv_in(self, text):
        return re.search(r"kcv ([0-9a-f]{6})\n", text).group(1)

    def listed(self, site):
        return {one["name"]: one for one in json.loads(site.token("backup-key", "list", "--json").stdout)}


class Refused(Sites):
    def test_names_and_options(self):
        under = ("--transport-key", "other", "--hand-over", "b.hand-over")
        for words, err in ((("make",), "needs NAME"), (("make", ""), "not 1 to 32 bytes"),
                           (("make", "x" * 33), "not 1 to 32 bytes"), (("make", "a\tb"), "not 1 to 32 bytes"),
                           (("make", "nisim x"), "for nisim's own keys"),
                           (("make", "b", *under[:2]), "--transport-key and --hand-over go together"),
                           (("make", "b", *under[2:]), "--transport-key and --hand-over go together"),
                           (("make", "b", "--transport-key", "zmk", *under[2:]), "is for what comes into"),
                           (("make", "b", "--purpose", "in"), "does not take --purpose"),
                           (("components", "b", "--purpose", "in"), "does not take --purpose"),
                           (("components", "b", "--component-file", "pin"), "two or three components"),
                           (("components", "b"), "was not typed on a terminal"),
                           (("receive", "b"), "needs --wrapped-file FILE and --transport-key NAME"),
                           (("receive", "b", "--wrapped-file", "pin", "--transport-key", "zmk"), "line 1"),
                           (("remove", "b"), "no backup key")):
            with self.subTest(words=words):
                self.refuse("backup-key", *words, err=err, status=UNKNOWN if words[0] == "remove" else USAGE)
        self.refuse("backup-key", "make", "b", "--transport-key", "nobody", *under[2:], status=UNKNOWN,
                    err='no transport key "nobody"')
        self.assertFalse(os.path.exists(self.lab.path("b.hand-over")))

    def test_check_values(self):
        done = self.components(self.lab, "backup-key", "b", "--kcv", "010203", status=USAGE)
        self.assertIn("the key check value is another one", done.stderr)
        key = bytes(range(32))
        self.lab.write("wrapped", f"KEY={wrap(combine(COMPONENTS), key).hex()}\n")
        receive = ("backup-key", "receive", "b", "--wrapped-file", "wrapped", "--transport-key", "zmk")
        self.refuse(*receive, err="no line KCV=, and --kcv is not given")
        self.refuse(*receive, "--kcv", "010203", err="the key check value is another one")
        self.lab.write("wrapped", f"KEY={wrap(bytes(32), key).hex()}\nKCV={kcv_of(key)}\n")
        self.refuse(*receive, err="the key in the wrapped file")
        self.assertEqual(self.listed(self.lab), {})

    def test_hand_over_that_cannot_be_written(self):
        self.lab.write("there", "precious")
        os.symlink(self.lab.path("nowhere"), self.lab.path("link"))
        for name, err in (("there", "File exists; nothing is changed"), ("link", "File exists"),
                          ("no/where", "No such file"), (".", "File exists")):
            self.refuse("backup-key", "make", "b", "--transport-key", "other", "--hand-over", name, err=err)
        self.assertEqual(self.lab.read("there"), "precious")
        self.assertEqual(self.listed(self.lab), {})

    def test_what_cannot_be_recorded(self):
        limited = f"trap '' XFSZ; ulimit -f 0; exec {self.lab.program('nisim-token')} backup-key make b " \
                  "--transport-key other --hand-over full --config nisim.conf"
        done = subprocess.run(["bash", "-c", limited], cwd=self.lab.folder, env=self.lab.environment,
                              capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual((done.returncode, done.stdout), (STORE, ""), done.stderr)
        self.assertFalse(os.path.exists(self.lab.path("full")))

    def test_a_name_that_is_taken(self):
        self.components(self.lab, "backup-key", "b")
        self.drop("b", self.lab)
        self.refuse("backup-key", "make", "b", status=TAKEN, err='a backup key "b" already')
        self.refuse("backup-key", "remove", "b", err="give --yes")
        # Names of transport keys are others.
        self.refuse("backup-key", "remove", "zmk", "--yes", status=UNKNOWN, err='no backup key "zmk"')
        self.refuse("transport-key", "remove", "b", "--yes", status=UNKNOWN, err='no transport key "b"')

    def test_is_no_transport_key(self):
        """What may unwrap as whatever one likes is not to be had by another verb."""
        self.components(self.lab, "backup-key", "b")
        self.drop("b", self.lab)
        label = "nisim backup b"
        self.refuse("transport-key", "remove", label, "--yes", status=UNKNOWN, err="no transport key")
        self.lab.write("wrapped", "K=00112233\nOPc=00112233\nKCV=010203\n")
        self.refuse("subscriber", "add", "--user-id", "x", "--impi", "x@ims.example.com", "--impu",
                    "sip:x@ims.example.com", "--domain", "ims.example.com", "--wrapped-file", "wrapped",
                    "--transport-key", label, status=UNKNOWN, err="no transport key")
        self.refuse("export", "--format", "open5gs", "--output", "out", "--hss-key", label, err="no transport key")
        self.assertNotIn("backup", self.lab.token("transport-key", "list").stdout)
        self.assertEqual(list(self.listed(self.lab)), ["b"])

    def test_keys_of_another_tool(self):
        """One that may not leave is as good as ours, but for its check value; any other is refused."""
        def bring(name, *usage):
            self.lab.write("key", "k" * 32)
            subprocess.run(["pkcs11-tool", "--module", appliance.MODULE, "--token-label", "nisim", "--login", "--pin",
                            appliance.PIN, "--write-object", self.lab.path("key"), "--type", "secrkey", "--key-type",
                            "AES:32", "--private", "--sensitive", "--label", "nisim backup " + name, *usage],
                           check=True, capture_output=True, env=self.lab.environment)
            self.addCleanup(subprocess.run, [
                "pkcs11-tool", "--module", appliance.MODULE, "--token-label", "nisim", "--login", "--pin",
                appliance.PIN, "--delete-object", "--type", "secrkey", "--label", "nisim backup " + name],
                            check=True, capture_output=True, env=self.lab.environment)
        bring("field", "--usage-wrap")
        bring("loose", "--usage-wrap", "--extractable")
        self.lab.token("backup", "field.backup", "--backup-key", "field")
        self.refuse("backup", "loose.backup", "--backup-key", "loose", err="that may leave the token")
        done = self.lab.token("backup-key", "list")
        self.assertRegex(done.stdout, r"^field +backup AES +kcv unknown\n$")
        self.assertIn("not as nisim-token makes it", done.stderr)


class Made(Sites):
    def hand_over(self, name, under):
        """Makes it; what the file says, by name."""
        done = self.lab.token("backup-key", "make", name, "--transport-key", under, "--hand-over", name + ".hand-over")
        self.assertEqual(done.stderr, "")
        self.assertRegex(done.stdout, rf'^backup key "{name}" made, AES, kcv [0-9a-f]{{6}}\n$')
        text = self.lab.read(name + ".hand-over")
        lines = dict(line.split("=") for line in text.splitlines() if not line.startswith("#"))
        self.assertEqual(lines["KCV"], self.kcv_in(done.stdout))
        self.assertEqual(lines["TRANSPORT-KEY"], under)
        mode = os.stat(self.lab.path(name + ".hand-over")).st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o600)
        return lines

    def test_from_token_to_token(self):
        """Made here, received there; a backup made here is restored there, and its subscriber answers."""
        lines = self.hand_over("b", "other")
        self.drop("b", self.lab, self.other)
        self.other.write("b.hand-over", self.lab.read("b.hand-over"))
        receive = ("backup-key", "receive", "b", "--wrapped-file", "b.hand-over", "--transport-key", "own")
        self.refuse(*receive, "--kcv", "010203", err="the key check value is another one", site=self.other)
        self.refuse("backup-key", "receive", "b", "--wrapped-file", "b.hand-over", "--transport-key", "zmk",
                    err="the key in the wrapped file", site=self.other)
        received = self.other.token(*receive, "--kcv", lines["KCV"]).stdout
        self.assertEqual(self.kcv_in(received), lines["KCV"])
        for site in (self.lab, self.other):
            self.assertEqual(self.listed(site)["b"], {"name": "b", "purpose": "backup", "kind": "AES", "bits": None,
                                                      "kcv": lines["KCV"]})
        self.lab.token("backup", "a.backup", "--backup-key", "b")
        with open(self.lab.path("a.backup"), "rb") as file, open(self.other.path("a.backup"), "wb") as copy:
            copy.write(file.read())
        for name in ("nisim.db", "nisim.db-turn"):
            os.remove(self.other.path("state/" + name))
        self.assertIn("subscriptions 1, left out 0",
                      self.other.token("restore", "a.backup", "--backup-key", "b").stdout)
        self.other.token("state", "accept", "--yes")
        self.other.start()
        self.addCleanup(self.other.stop)
        challenge = ALICE.auc.challenge((1 << 24) + 1)
        self.assertAccepted(self.other.authenticate("alice", challenge), challenge)

    def test_as_openssl_sees_it(self):
        """The hand-over holds the very key that the backup's first bytes are wrapped under."""
        lines = self.hand_over("e", "escrow")
        self.drop("e", self.lab)
        key = openssl("pkeyutl", "-decrypt", "-inkey", self.lab.path("escrow.key"), "-pkeyopt",
                      "rsa_padding_mode:oaep", octets=bytes.fromhex(lines["KEY"]))
        self.assertEqual((len(key), kcv_of(key)), (32, lines["KCV"]))
        self.lab.token("backup", "e.backup", "--backup-key", "e")
        with open(self.lab.path("e.backup"), "rb") as file:
            head = file.read(len(MAGIC) + 40)
        self.assertEqual(len(aes_key_unwrap(key, head[len(MAGIC):])), 32)

    def test_under_an_aes_key(self):
        self.components(self.lab, "transport-key", "zmk-out", "--purpose", "out")
        self.addCleanup(self.lab.token, "transport-key", "remove", "zmk-out", "--yes")
        lines = self.hand_over("a", "zmk-out")
        self.drop("a", self.lab, self.other)
        self.assertEqual(lines["WRAP"], "rfc3394")
        self.assertEqual(kcv_of(aes_key_unwrap(combine(COMPONENTS), bytes.fromhex(lines["KEY"]))), lines["KCV"])
        self.other.write("a.hand-over", self.lab.read("a.hand-over"))
        received = self.other.token("backup-key", "receive", "a", "--wrapped-file", "a.hand-over", "--transport-key",
                                    "zmk").stdout
        self.assertEqual(self.kcv_in(received), lines["KCV"])

    def test_in_this_token_alone(self):
        done = self.lab.token("backup-key", "make", "alone")
        self.drop("alone", self.lab)
        self.assertIn("is in this token alone, for ever", done.stderr)

    def test_by_components_at_both(self):
        for site in (self.lab, self.other):
            done = self.components(site, "backup-key", "c", "--kcv", kcv_of(combine(COMPONENTS)))
            self.assertIn(f'backup key "c" made, AES, kcv {kcv_of(combine(COMPONENTS))}\n', done.stdout)
            self.assertIn("component 3, kcv", done.stdout)
        self.drop("c", self.lab, self.other)
        self.assertRegex(self.lab.token("backup-key", "list").stdout,
                         rf"^c +backup AES +kcv {kcv_of(combine(COMPONENTS))}\n$")

    def test_rights(self):
        """Whichever way it came: it wraps and unwraps, and the holder of the PIN gets no more out of it."""
        self.lab.write("wrapped", f"KEY={wrap(combine(COMPONENTS), COMPONENTS[0]).hex()}\nKCV={kcv_of(COMPONENTS[0])}\n")
        self.lab.token("backup-key", "receive", "received", "--wrapped-file", "wrapped", "--transport-key", "zmk")
        self.components(self.lab, "backup-key", "components")
        self.lab.token("backup-key", "make", "made", "--transport-key", "escrow", "--hand-over", "made.hand-over")
        self.drop("received", self.lab)
        self.drop("components", self.lab)
        self.drop("made", self.lab)
        os.environ["SOFTHSM2_CONF"] = self.lab.environment["SOFTHSM2_CONF"]
        module = Module()
        self.addCleanup(module.close)
        for name in ("received", "components", "made"):
            with self.subTest(name=name):
                self.expect_rights(module, module.find("nisim backup " + name), module.find("nisim KEK"))

    def expect_rights(self, module, key, kek):
        for kind, wanted in ((CKA_SENSITIVE, 1), (CKA_EXTRACTABLE, 0), (CKA_WRAP, 1), (CKA_UNWRAP, 1), (CKA_ENCRYPT, 0),
                             (CKA_DECRYPT, 0), (CKA_SIGN, 0), (CKA_DERIVE, 0), (CKA_PRIVATE, 1), (CKA_TOKEN, 1)):
            self.assertEqual(module.read(key, kind), (CKR_OK, bytes([wanted])), hex(kind))
        self.assertEqual(module.read(key, CKA_VALUE)[0], CKR_ATTRIBUTE_SENSITIVE)
        self.assertNotEqual(module.call("C_EncryptInit", module.session, ctypes.byref(Mechanism(CKM_AES_ECB)), key),
                            CKR_OK)
        out, length = ctypes.create_string_buffer(64), Long(64)
        self.assertEqual(module.call("C_WrapKey", module.session, ctypes.byref(Mechanism(CKM_AES_KEY_WRAP)), kek, key,
                                     out, ctypes.byref(length)), CKR_KEY_UNEXTRACTABLE)
        for change in (dict(extractable=b"\1"), dict(sensitive=b"\0")):
            changed = attributes(**change)
            self.assertNotEqual(module.call("C_SetAttributeValue", module.session, key, changed, Long(1)), CKR_OK)
            self.assertNotEqual(module.call("C_CopyObject", module.session, key, changed, Long(1),
                                            ctypes.byref(Long())), CKR_OK)


class Officers(Sites):
    def test_approved_and_recorded(self):
        self.lab.write("alice.key", openssl("genpkey", "-algorithm", "EC", "-pkeyopt",
                                            "ec_paramgen_curve:P-256").decode())
        openssl("pkey", "-in", self.lab.path("alice.key"), "-pubout", "-out", self.lab.path("alice.pub"))
        self.lab.token("officer", "add", "alice", "--public-key", "alice.pub")
        by = ("--officer", "alice=alice.key")
        self.lab.token("rule", "approvals", "1", *by)
        make = ("backup-key", "make", "m", "--transport-key", "other", "--hand-over", "m.hand-over")
        self.lab.write("wrapped", f"KEY={wrap(combine(COMPONENTS), COMPONENTS[0]).hex()}\nKCV={kcv_of(COMPONENTS[0])}\n")
        receive = ("backup-key", "receive", "r", "--wrapped-file", "wrapped", "--transport-key", "zmk")
        self.refuse(*make, status=NOT_APPROVED, err="needs the approval of 1 officer")
        self.refuse(*receive, status=NOT_APPROVED, err="needs the approval of 1 officer")
        self.assertIn("needs the approval", self.components(self.lab, "backup-key", "c", status=NOT_APPROVED).stderr)
        self.lab.token(*make, *by)
        self.lab.token(*receive, *by)
        self.components(self.lab, "backup-key", "c", *by)
        for name in "mrc":
            self.refuse("backup-key", "remove", name, "--yes", status=NOT_APPROVED, err="needs the approval")
            self.assertIn(name, self.listed(self.lab))
            self.lab.token("backup-key", "remove", name, "--yes", *by)
        records = [json.loads(line) for line in self.lab.token("audit", "show", "--json").stdout.splitlines()]
        for verb, name in (("make", "m"), ("receive", "r"), ("components", "c"), ("remove", "m")):
            found = [one for one in records if (one.get("operation"), one.get("subscriber")) == (f"backup-key {verb}", name)]
            self.assertEqual([one["kind"] for one in found], ["intent", "outcome"], found)
            self.assertEqual(found[1]["outcome"], "DONE")
            self.assertIn("alice", json.dumps(found))


if __name__ == "__main__":
    appliance.main()
