"""The ways in for secrets of SIP digest, each through the daemon, and what is refused: python3 test_digest_ways.py --bin BUILD/bin"""

import base64
import contextlib
import hashlib
import os

from cryptography.hazmat.primitives.keywrap import aes_key_wrap, aes_key_wrap_with_padding

import appliance
import importfile
import protocol
import test_sip_digest as sip
from test_ways import DONE, FAILED, UNKNOWN, USAGE, WaysCase, kcv_of, turn_bit

MUFASA = sip.MUFASA  # of RFC 7616 3.9.1
NAMES = tuple(sip.HASHES)
COLUMNS = {name: "ha1_" + name.lower().replace("-", "_") for name in NAMES}


def kcv(text):
    """SHA-256 over the text of H(A1)."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()[:6]


class DigestCase(WaysCase):
    def aes(self, value):
        return aes_key_wrap(self.zmk, value)

    def ways(self):
        """Transport key, how its vendor wraps, and what is then said of the origin."""
        return (("zmk-in", self.aes, "wrapped, AES transport key"),
                ("zmk-in", lambda value: aes_key_wrap_with_padding(self.zmk, value), "wrapped, AES transport key"),
                ("vendor", self.oaep(), "wrapped, RSA transport key"))

    def write(self, who, wrap=None, names=NAMES, **change):
        """The file, with lines changed (_ is - in their names) or, None, left out."""
        lines = {"IMPI": who.impi}
        for name in names:
            lines[f"HA1-{name}"] = (wrap or self.aes)(who.ha1(name).encode()).hex()
            lines[f"HA1-{name}-KCV"] = kcv(who.ha1(name))
        lines.update({name.replace("_", "-"): value for name, value in change.items()})
        self.lab.write("digests", "".join(f"{name}={value}\n" for name, value in lines.items() if value is not None))

    def arguments(self, who, *more, key="zmk-in"):
        return ["subscriber", "add", *who.names(), "--digest-wrapped-file", "digests", "--transport-key", key, *more]

    def refuse_file(self, err, who=MUFASA, more=(), key="zmk-in", status=USAGE):
        self.refuse_arguments(self.arguments(who, *more, key=key), err, who, status)

    def refuse_arguments(self, arguments, err, who=MUFASA, status=USAGE, text=""):
        before = self.objects()
        done = self.lab.token(*arguments, status=status, text=text)
        self.assertIn(err, done.stderr)
        self.assertEqual((done.stdout, len(done.stderr.splitlines())), ("", 1), done.stderr)
        self.lab.token("subscriber", "show", who.impi, status=UNKNOWN)
        self.assertEqual(self.objects(), before)

    def expect_served(self, who, names=NAMES, **example):
        """The right answer, as a phone that has the password computes it."""
        for name in names:
            fields = sip.asks(who, name, **example)
            with self.lab.client("wwsf-4") as client:
                appliance.wait_for(lambda: not protocol.is_retryable(client.ask(sip.DIGEST, *fields).status), "a secret")
                answer = client.ask(sip.DIGEST, *fields)
            self.assertEqual(answer.status, protocol.OK)
            response = answer.one(sip.RESPONSE).decode()
            self.assertEqual(response, who.response(name, fields))
            if example:
                self.assertEqual(response, sip.EXAMPLES.get(name, response))

    def remove(self, name):
        self.lab.token("subscriber", "remove", name, "--yes")

    def show(self, name):
        return self.lab.token("subscriber", "show", name).stdout


class Digests(DigestCase):
    # what is refused

    def test_clear_text_is_a_laboratorys(self):
        for option, text in (("--digest-password-file", MUFASA.password),
                             ("--digest-ha1-file", f"SHA-256={MUFASA.ha1('SHA-256')}\n")):
            self.refuse_arguments(["subscriber", "add", *MUFASA.names(), option, "-"], text=text,
                                  err="is no laboratory's: it takes no digest secret in clear text")

    def test_wrong_kcv(self):
        for name in NAMES:
            for wrong in ("sha256:000000", kcv(MUFASA.ha1(name).upper()), kcv(MUFASA.ha1(name)) + "0000"):
                self.write(MUFASA, **{f"HA1_{name}_KCV": wrong})
                self.refuse_file(f"HA1-{name} in the digest file: the key check value is another one")

    def test_bad_kcv(self):
        whole = hashlib.sha256(MUFASA.ha1("MD5").encode()).hexdigest()
        for wrong in (whole[:6], "cmac:" + whole[:6], "sha256:" + whole[:4], "sha256:" + whole[:12], "sha256:00000x", ""):
            self.write(MUFASA, names=("MD5",), HA1_MD5_KCV=wrong)
            self.refuse_file("line 3: HA1-MD5-KCV is not sha256: and 6 to 10 hex digits")
        self.write(MUFASA, HA1_SHA_256_KCV=None)
        self.refuse_file("wrapped file digests: it has no line HA1-SHA-256-KCV=")
        self.write(MUFASA, HA1_MD5=None)
        self.refuse_file("wrapped file digests: it has no line HA1-MD5=")

    def test_one_bit_changed(self):
        for key, wrap in (("zmk-in", self.aes), ("vendor", self.oaep())):
            for name in NAMES:
                wrapped = wrap(MUFASA.ha1(name).encode())
                for bit in (0, 64, 8 * len(wrapped) - 1):
                    self.write(MUFASA, wrap, names=(name,), **{f"HA1_{name}": turn_bit(wrapped, bit).hex()})
                    self.refuse_file(f"HA1-{name} in the digest file: what is wrapped is damaged", key=key)

    def test_what_is_no_ha1(self):
        """Of a wrong length, or not its lower-case digits; the check value is that of what is wrapped."""
        for key, wrap in [(key, wrap) for key, wrap, _ in self.ways()][1:]:
            for name in NAMES:
                text = MUFASA.ha1(name)
                bad = [text + "0", text[:-8], text * 2, text[:16]]
                if name != "SHA-256":  # which nobody sees
                    bad += [text[:-1], text.upper(), "g" * len(text), text[:-1] + "\0"]
                for value in bad:
                    self.write(MUFASA, names=(name,), **{f"HA1_{name}": wrap(value.encode()).hex(),
                                                         f"HA1_{name}_KCV": kcv(value)})
                    self.refuse_file(f"HA1-{name} in the digest file: what is wrapped is no H(A1)", key=key)

    def test_digits_that_nobody_sees(self):
        """Inside the token the check value alone tells: it is over all of them, in lower case."""
        text = MUFASA.ha1("SHA-256")
        for key, wrap in [(key, wrap) for key, wrap, _ in self.ways()][1:]:
            for value in (text.upper(), text[:-1], text[:-1] + "g"):
                self.write(MUFASA, names=("SHA-256",), HA1_SHA_256=wrap(value.encode()).hex())
                self.refuse_file("HA1-SHA-256 in the digest file: the key check value is another one", key=key)

    def test_the_octets_in_place_of_the_digits(self):
        self.write(MUFASA, HA1_SHA_256=self.aes(bytes.fromhex(MUFASA.ha1("SHA-256"))).hex())
        self.refuse_file("HA1-SHA-256 in the digest file: what is wrapped is no H(A1)")
        self.write(MUFASA, HA1_SHA_256=MUFASA.ha1("SHA-256"))  # not wrapped at all
        self.refuse_file("HA1-SHA-256 in the digest file: what is wrapped is damaged")

    def test_wrong_transport_keys(self):
        self.write(MUFASA)
        for key, status, err in (("vendor", USAGE, "what is wrapped is damaged, or was wrapped for another"),
                                 ("zmk-out", USAGE, "is for what leaves this token"),
                                 ("hss", USAGE, "is for what leaves this token"),
                                 ("nobody", UNKNOWN, 'no transport key "nobody"')):
            self.refuse_file(err, key=key, status=status)

    def test_bad_files(self):
        for content, err in (("", "no line HA1-MD5=, HA1-SHA-256= or HA1-SHA-512-256="),
                             ("HA1-SHA-1=00\n", "line 1: not NAME=VALUE with a name of nisim-token(1), FILES"),
                             ("MD5=00\n", "line 1: not NAME=VALUE"), ("HA1-MD5=0\n", "line 1: HA1-MD5 is not hex digits"),
                             ("HA1-MD5=00\nHA1-MD5=00\n", "line 2: HA1-MD5 stands twice"),
                             ("HA1-MD5=00\nHA1-MD5-KCV=sha256:000000\nIMPI=x@y\n", "its key is for x@y, not for Mufasa"),
                             ("HA1-MD5=00\nHA1-MD5-KCV=sha256:000000\nK=00\n", "it has K too")):
            self.lab.write("digests", content)
            self.refuse_file(err)
        os.remove(self.lab.path("digests"))
        self.refuse_file("No such file")

    def test_usage(self):
        self.write(MUFASA)
        names = MUFASA.names()
        for more, err in ((("--digest-wrapped-file", "digests"), "go together"),
                          (("--transport-key", "zmk-in"), "go together"),
                          (("--digest-wrapped-file", "digests", "--transport-key", "zmk-in", "--digest-password-file",
                            "-"), "give one of"),
                          (("--digest-wrapped-file", "digests", "--transport-key", "zmk-in", "--digest-algorithms",
                            "MD5"), "needs --digest-password-file")):
            self.refuse_arguments(["subscriber", "add", *names, *more], err)

    def test_k_does_not_stay_without_it(self):
        """Nor does a hand-over, nor a secret of the algorithm before."""
        one = self.sets[18]
        who = sip.Account(one.user, one.impi, "a password")
        self.write(who, HA1_SHA_256_KCV="sha256:000000")
        self.write_wrapped(one, self.zmk)
        self.refuse_file("HA1-SHA-256 in the digest file: the key check value", who, ("--wrapped-file", "wrapped"))
        self.refuse_file("HA1-SHA-256 in the digest file: the key check value", who,
                         ("--generate", "--hss-key", "hss", "--hand-over", "out"))
        self.assertFalse(os.path.exists(self.lab.path("out")))
        with open(self.lab.path("digests"), "a", encoding="utf-8") as file:
            file.write(self.lab.read("wrapped").replace(f"IMPI={one.impi}\n", ""))
        self.refuse_arguments(["subscriber", "add", *who.names(), "--wrapped-file", "digests", "--transport-key", "zmk-in"],
                              "wrapped file digests: it has H(A1) too", who)

    # what works

    def expect_secret(self, traced):
        """Nothing of it in a system call, or in a file that is there now."""
        texts = [MUFASA.ha1(name) for name in NAMES]
        needles = [form for text in texts for form in (text.encode(), text.upper().encode(), bytes.fromhex(text),
                                                       text.encode().hex().encode())]
        self.assertIn(b"HA1-SHA-256=", traced.octets)
        self.assertEqual([needle for needle in needles if needle in traced.octets], [])
        for folder, _, names in os.walk(self.lab.folder):
            for name in names:
                # The appliance runs: a file of SQLite's or SoftHSM's may be gone by now.
                with contextlib.suppress(FileNotFoundError), open(os.path.join(folder, name), "rb") as file:
                    octets = file.read()
                    self.assertEqual([needle for needle in needles if needle in octets], [], name)

    def test_each_way(self):
        before = self.objects()
        for key, wrap, origin in self.ways():
            self.write(MUFASA, wrap)
            done, traced = self.trace(*self.arguments(MUFASA, key=key))
            self.assertEqual(done.stderr, "")
            for name in NAMES:
                self.assertRegex(done.stdout, rf"(?m)^digest {name}, key [0-9a-f]{{16}}, kcv {kcv(MUFASA.ha1(name))}$")
            self.expect_secret(traced)
            shown = self.show("mufasa")
            self.assertIn(f"digest-realm: {MUFASA.realm}\ndigest-origin: {origin}\n", shown)
            self.assertIn("key: none\nkey-origin: none\n", shown)
            self.assertRegex(shown, r"(?m)^digest: SHA-256 [0-9a-f]{16} key$")
            self.assertRegex(shown, r"(?m)^digest: MD5 [0-9a-f]{16} data-object$")
            listed = self.lab.token("subscriber", "list", "--origin", "aes" if key == "zmk-in" else "rsa").stdout
            self.assertIn("Mufasa", listed)
            self.assertNotIn("Mufasa", self.lab.token("subscriber", "list", "--origin", "laboratory").stdout)
            self.expect_served(MUFASA, **sip.EXAMPLE)
            self.remove("mufasa")
            self.assertEqual(self.objects(), before)

    def test_one_algorithm(self):
        self.write(MUFASA, names=("SHA-256",))
        self.lab.token(*self.arguments(MUFASA))
        self.expect_served(MUFASA, ("SHA-256",), **sip.EXAMPLE)
        self.remove("mufasa")

    def test_one_file_with_k_too(self):
        one = self.one()
        who = sip.Account(one.user, one.impi, "both", one.subscriber.domain)
        self.write_wrapped(one, self.zmk)
        self.write(who)
        self.lab.write("wrapped", self.lab.read("digests") + self.lab.read("wrapped").replace(f"IMPI={one.impi}\n", ""))
        done = self.lab.token("subscriber", "add", *who.names(), *one.subscriber.options, "--wrapped-file", "wrapped",
                              "--digest-wrapped-file", "wrapped", "--transport-key", "zmk-in")
        self.assertIn(f"kcv {kcv_of(one.subscriber.k)}\n", done.stdout)
        self.expect_answer(one)
        self.expect_served(who)
        self.remove(one.user)

    # import

    def line(self, who, wrap=None, **change):
        """Of digest alone."""
        line = {"impi": who.impi, "impus": f"sip:{who.user_id}@{appliance.DOMAIN}", "user_ids": who.user_id,
                "domain": appliance.DOMAIN, "digest_realm": who.realm if who.realm != appliance.DOMAIN else "",
                "k": "", "opc": "", "kcv": ""}
        for name in NAMES:
            line[COLUMNS[name]] = (wrap or self.aes)(who.ha1(name).encode()).hex()
            line[COLUMNS[name] + "_kcv"] = kcv(who.ha1(name))
        return {**line, **change}

    def run_import(self, lines, *more, key="zmk-in", status=DONE):
        self.lab.write("in.csv", importfile.csv(lines, tuple(lines[0])))
        how = ("--transport-key", key) if key else ()
        return self.lab.token("import", "in.csv", *how, *more, status=status)

    def test_import(self):
        before = self.objects()
        for number, (key, wrap, origin) in enumerate(self.ways()):
            person = importfile.subscriber(number, f"with-k-{number}")
            both = sip.Account(person.user_ids[0], person.impi, "of an import")
            of_k = {"k": wrap(person.k).hex(), "opc": base64.b64encode(wrap(person.opc)).decode(), "kcv": kcv_of(person.k)}
            lines = [self.line(MUFASA, wrap), self.line(both, wrap, **of_k)]
            lines[1]["ha1_md5"] = base64.b64encode(bytes.fromhex(lines[1]["ha1_md5"])).decode()
            self.run_import(lines, "--dry-run", key=key)
            self.assertEqual(self.objects(), before)
            self.run_import(lines, key=key)
            for name in ("mufasa", both.user_id):
                self.assertIn(f"digest-origin: {origin}\n", self.show(name))
            self.expect_served(MUFASA, **sip.EXAMPLE)
            self.expect_served(both)
            challenge = person.auc.challenge(1)
            self.assertAccepted(self.lab.authenticate(both.user_id, challenge), challenge)
            self.remove("mufasa")
            self.remove(both.user_id)
            self.assertEqual(self.objects(), before)

    def test_import_of_bad_lines(self):
        upper = self.aes(MUFASA.ha1("SHA-256").upper().encode()).hex()
        damaged = turn_bit(self.aes(MUFASA.ha1("MD5").encode()), 5).hex()
        person = importfile.subscriber(7, "mufasa")
        good_k = {"impi": person.impi, "k": self.aes(person.k).hex(), "opc": self.aes(person.opc).hex()}
        before = self.objects()
        for change, err in (({"ha1_sha_256_kcv": "sha256:000000"}, "ha1_sha_256: the key check value is another one"),
                            ({"ha1_sha_256": upper}, "ha1_sha_256: the key check value is another one"),
                            ({**good_k, "ha1_sha_256": upper}, "ha1_sha_256: the key check value is another one"),
                            ({"ha1_md5": damaged}, "ha1_md5: what is wrapped is damaged"),
                            ({"ha1_md5": self.aes(b"A" * 32).hex(), "ha1_md5_kcv": kcv("A" * 32)},
                             "ha1_md5: what is wrapped is no H(A1)"),
                            ({"ha1_md5": MUFASA.ha1("MD5")}, "ha1_md5: it is 16 bytes in hex, not wrapped"),
                            ({"ha1_sha_256": damaged}, "ha1_sha_256: it is not 72 bytes (AES key wrap) or an RSA block"),
                            ({"ha1_md5_kcv": ""}, "ha1_md5_kcv: it is empty"), ({"ha1_md5": ""}, "ha1_md5: it is empty"),
                            ({"ha1_md5_kcv": "000000"}, 'ha1_md5_kcv "000000": it is not sha256: and 6 to 10'),
                            ({"digest_realm": "a\tb"}, "digest_realm: "), ({"impi": person.impi, "kcv": "000000"}, "k: it is empty"),
                            ({"impi": "a:b"}, 'impi "a:b": ')):
            for more in (("--again",), ("--again", "--residence", "resident")):
                done = self.run_import([self.line(MUFASA, **change)], *more, status=FAILED)
                self.assertIn("line 2: " + err.split(":", maxsplit=1)[0], done.stderr)
                self.assertIn(err.rstrip(": "), done.stderr)
                self.assertNotIn("stay in the token", done.stderr)
                self.assertEqual(self.objects(), before, change)
        no_secret = {name: "" for name in self.line(MUFASA) if name.startswith("ha1_")}
        self.assertIn("k: it is empty", self.run_import([self.line(MUFASA, **no_secret, digest_realm="", impi=person.impi)],
                                                        status=FAILED).stderr)
        self.assertIn("digest_realm: the line has no digest secret", self.run_import(
            [self.line(MUFASA, **{**no_secret, **good_k})], status=FAILED).stderr)

    def test_import_of_clear_text(self):
        before = self.objects()
        lines = [self.line(MUFASA, wrap=lambda text: bytes.fromhex(text.decode()))]
        done = self.run_import(lines, "--clear", key=None, status=USAGE)
        self.assertIn("is no laboratory's: it takes no key and no digest secret in clear text", done.stderr)
        self.assertEqual(self.objects(), before)

    def test_import_of_pskc(self):
        person = importfile.subscriber(8, "xml")
        who = sip.Account("xml", person.impi, "of a PSKC file", "pskc@example.org")
        of_k = [importfile.encrypted(self.aes(value), importfile.KW) for value in (person.k, person.opc)]
        text = importfile.PACKAGE.format(impi=who.impi, user="xml", domain=appliance.DOMAIN, kcv=kcv_of(person.k),
                                         k=of_k[0], opc=of_k[1])
        values = "".join(f"<nisim:HA1-{name}>{importfile.encrypted(self.aes(who.ha1(name).encode()), importfile.KW)}"
                         f"</nisim:HA1-{name}>" for name in NAMES)
        terms = f"<nisim:DigestRealm>{who.realm}</nisim:DigestRealm>" + "".join(
            f"<nisim:HA1-{name}-Kcv>{kcv(who.ha1(name))}</nisim:HA1-{name}-Kcv>" for name in NAMES)
        text = text.replace("</Data>", values + "</Data>").replace("</nisim:Subscription>", terms + "</nisim:Subscription>")
        clear = text.replace(importfile.encrypted(self.aes(who.ha1("MD5").encode()), importfile.KW),
                             f"<PlainValue>{who.ha1('MD5')}</PlainValue>")
        self.lab.write("in.xml", importfile.pskc([clear], "zmk-in"))
        self.assertIn("one of its secrets is encrypted, another is not",
                      self.lab.token("import", "in.xml", status=FAILED).stderr)
        self.lab.write("in.xml", importfile.pskc([text], "zmk-in"))
        self.lab.token("import", "in.xml")
        self.expect_served(who)
        challenge = person.auc.challenge(1)
        self.assertAccepted(self.lab.authenticate("xml", challenge), challenge)
        self.remove("xml")


class Laboratory(appliance.Case):
    """In clear text, and shown so."""

    def test_add(self):
        who = sip.Account("add", "add@ims.example.com", "in clear")
        done = self.appliance.token("subscriber", "add", *who.names(), "--digest-password-file", "-", text=who.password)
        self.assertIn("CLEAR-TEXT LABORATORY IMPORT: the digest secret of add@ims.example.com", done.stderr)
        for name in NAMES:
            self.assertRegex(done.stdout, rf"(?m)^digest {name}, key [0-9a-f]{{16}}, kcv {kcv(who.ha1(name))}$")
        self.assertIn("digest-origin: clear-text laboratory import\n", self.appliance.token("subscriber", "show", "add").stdout)
        self.assertIn("add@", self.appliance.token("subscriber", "list", "--origin", "laboratory").stdout)

    def test_import(self):
        who = sip.Account("import", "import@ims.example.com", "in clear too")
        line = {"impi": who.impi, "impus": "sip:" + who.impi, "user_ids": who.user_id, "domain": appliance.DOMAIN, "k": "",
                "opc": "", "ha1_md5": who.ha1("MD5").upper(), "ha1_sha_256": who.ha1("SHA-256"), "ha1_sha_256_kcv": "sha256:000000"}
        for value, status, err in (("sha256:000000", FAILED, "ha1_sha_256: the key check value is another one"),
                                   (kcv(who.ha1("SHA-256")), DONE, "CLEAR-TEXT LABORATORY IMPORT: each K or H(A1) of in.csv")):
            line["ha1_sha_256_kcv"] = value
            self.appliance.write("in.csv", importfile.csv([line], tuple(line)))
            self.assertIn(err, self.appliance.token("import", "in.csv", "--clear", status=status).stderr)
        for name in ("MD5", "SHA-256"):
            fields = sip.asks(who, name)
            with self.appliance.client("wwsf-4") as client:
                answer = client.ask(sip.DIGEST, *fields)
            self.assertEqual((answer.status, answer.one(sip.RESPONSE).decode()), (protocol.OK, who.response(name, fields)))
        self.assertIn("digest-origin: clear-text laboratory import\n",
                      self.appliance.token("subscriber", "show", "import").stdout)


if __name__ == "__main__":
    appliance.main()
