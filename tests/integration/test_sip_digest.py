"""SIP digest (TS 33.203 annex N, RFC 7616, RFC 8760): python3 test_sip_digest.py --bin BUILD/bin"""

import base64
import hashlib
import json
import os
import re
import subprocess
import time

import appliance
import protocol

DIGEST, HA1 = 0x05, 0x06
NO_SUCH_CREDENTIAL, WRONG_USERNAME, WRONG_REALM = 0x28, 0x24, 0x25
ALGORITHM, REALM, NONCE, USERNAME, METHOD, URI = 0x13, 0x14, 0x15, 0x16, 0x17, 0x18
QOP, NC, CNONCE, BODY_HASH, WANT_RSPAUTH, ANSWER_BODY_HASH = 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x60
RESPONSE, RSPAUTH = 0x24, 0x25
HASHES = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}


def h(algorithm, *texts):
    return hashlib.new(HASHES[algorithm], ":".join(texts).encode()).hexdigest()


class Account:
    """One with a password, and what a phone that has it answers."""

    def __init__(self, user_id, impi, password, realm=None):
        self.user_id, self.impi, self.password = user_id, impi, password
        self.realm = realm or appliance.DOMAIN

    def ha1(self, algorithm):
        return h(algorithm, self.impi, self.realm, self.password)

    def response(self, algorithm, fields, method=None):
        octets = (BODY_HASH, WANT_RSPAUTH, ANSWER_BODY_HASH)
        said = {tag: value.decode() for tag, value in fields if tag not in octets}
        whose = ANSWER_BODY_HASH if method == "" else BODY_HASH
        body = [value.hex() for tag, value in fields if tag == whose]
        a2 = h(algorithm, said[METHOD] if method is None else method, said[URI], *body)
        middle = [said[tag] for tag in (NC, CNONCE, QOP) if tag in said]
        return h(algorithm, self.ha1(algorithm), said[NONCE], *middle, a2)

    def names(self):
        return ("--user-id", self.user_id, "--impi", self.impi, "--impu",
                f"sip:{self.user_id}@{appliance.DOMAIN}", "--domain", appliance.DOMAIN,
                *(("--digest-realm", self.realm) if self.realm != appliance.DOMAIN else ()))


def challenge(who, algorithm, nonce="any nonce", qop="auth"):
    value = f'Digest realm="{who.realm}", nonce="{nonce}", algorithm={algorithm}, opaque="op"'
    return value + (f', qop="{qop}"' if qop else "")


def parameters(authorization):
    return {name: quoted or plain
            for name, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^",\s]+))', authorization)}


MUFASA = Account("mufasa", "Mufasa", "Circle of Life", "http-auth@example.org")
DOE = Account("doe", "J\u00e4s\u00f8n Doe", "Secret, or not?", "api@example.org")
ERNA = Account("erna", "erna@ims.example.com", " pass:word \u20ac ")
BOTH = appliance.subscriber("both")


def asks(who, algorithm, **change):
    """The fields of a good request; None leaves one out."""
    values = {"user_id": who.user_id, "algorithm": algorithm, "realm": who.realm,
              "nonce": "not base64 at all", "username": who.impi, "method": "REGISTER",
              "uri": "sip:ims.example.com", "qop": "auth", "nc": "00000001", "cnonce": "0a4f113b",
              "body_hash": None, "want_rspauth": None, "answer_body_hash": None, **change}
    tags = dict(zip(values, (protocol.USER_ID, ALGORITHM, REALM, NONCE, USERNAME, METHOD, URI, QOP,
                             NC, CNONCE, BODY_HASH, WANT_RSPAUTH, ANSWER_BODY_HASH)))
    return [(tags[name], value if isinstance(value, bytes) else value.encode())
            for name, value in values.items() if value is not None]


# RFC 7616 3.9.1.
EXAMPLE = {"nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "method": "GET",
           "uri": "/dir/index.html", "cnonce": "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"}
EXAMPLES = {"MD5": "8ca523f5e9506fed4657c9700eebdbec",
            "SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"}
# RFC 7616 3.9.2. The response that is printed there is wrong (erratum 4897); this one is right by
# hashlib too: `answered` computes it once more.
EXAMPLE_2 = {"nonce": "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", "method": "GET",
             "uri": "/doe.json", "cnonce": "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v"}
EXAMPLE_2_RESPONSE = "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"


class SipDigest(appliance.Case):
    @classmethod
    def prepare(cls, lab):
        lab.token("subscriber", "add", *MUFASA.names(), "--digest-password-file",
                  lab.write("password", MUFASA.password + "\n"))
        lab.token("subscriber", "add", *DOE.names(), "--digest-password-file", "-",
                  "--digest-algorithms", "SHA-512-256", text=DOE.password)
        lines = "".join(f"{name}={ERNA.ha1(name).upper()}\n" for name in ("MD5", "SHA-256"))
        lab.token("subscriber", "add", *ERNA.names(), "--digest-ha1-file", "-",
                  text="# of erna\n\n" + lines)
        password = lab.write("password-of-both", "both ways\n")
        BOTH.options = ("--digest-password-file", password)
        lab.add(BOTH)
        cls.both = Account("both", BOTH.impi, "both ways")
        for name in ("password", "password-of-both"):
            os.unlink(lab.path(name))

    def refused(self, status, fields, at_field=0, who="wwsf-4", kind=DIGEST):
        with self.appliance.client(who) as client:
            answer = client.ask(kind, *fields)
        self.assertEqual((hex(answer.status), hex(answer.at_field)), (hex(status), hex(at_field)))
        self.assertEqual(answer.all(RESPONSE), [])

    def answered(self, who, algorithm, **change):
        fields = asks(who, algorithm, want_rspauth=b"\x01", **change)
        with self.appliance.client("wwsf-4") as client:
            answer = client.ask(DIGEST, *fields)
        self.assertEqual(answer.status, protocol.OK)
        response = answer.one(RESPONSE).decode()
        self.assertEqual(response, who.response(algorithm, fields))
        self.assertEqual(answer.one(RSPAUTH).decode(), who.response(algorithm, fields, ""))
        return response

    def test_not_these_names(self):
        for change, status, tag in (({"username": "mufasa"}, WRONG_USERNAME, USERNAME),
                                    ({"realm": appliance.DOMAIN}, WRONG_REALM, REALM),
                                    ({"realm": MUFASA.realm.upper()}, WRONG_REALM, REALM)):
            with self.subTest(**change):
                self.refused(status, asks(MUFASA, "MD5", **change), tag)

    def test_no_such_credential(self):
        self.refused(NO_SUCH_CREDENTIAL, asks(DOE, "MD5"))
        self.refused(NO_SUCH_CREDENTIAL, asks(ERNA, "SHA-512-256"))
        self.refused(NO_SUCH_CREDENTIAL, asks(MUFASA, "AKAv1-MD5", realm=appliance.DOMAIN,
                                              nonce="A" * 43 + "="))
        self.refused(NO_SUCH_CREDENTIAL, [(protocol.USER_ID, b"mufasa"), (protocol.RAND, bytes(16)),
                                          (protocol.AUTN, bytes(16)), (protocol.FORM, b"\x01")],
                     who="wwsf-1", kind=protocol.AUTHENTICATE)

    def test_fields(self):
        for change, status, tag in (
                ({"algorithm": "SHA-512"}, protocol.BAD_VALUE, ALGORITHM),
                ({"nonce": 'a"b'}, protocol.BAD_VALUE, NONCE),
                ({"nonce": "a\r\nb"}, protocol.BAD_VALUE, NONCE),
                ({"nonce": "n" * 1025}, protocol.BAD_LENGTH, NONCE),
                ({"uri": 'sip:a"'}, protocol.BAD_VALUE, URI),
                ({"qop": "auth-conf"}, protocol.BAD_VALUE, QOP),
                ({"qop": None}, protocol.UNKNOWN_FIELD, NC),
                ({"cnonce": None}, protocol.MISSING_FIELD, CNONCE),
                ({"nc": None}, protocol.MISSING_FIELD, NC),
                ({"nc": "1"}, protocol.BAD_LENGTH, NC),
                ({"nc": "0000000g"}, protocol.BAD_VALUE, NC),
                ({"qop": "auth-int"}, protocol.MISSING_FIELD, BODY_HASH),
                ({"qop": "auth-int", "body_hash": bytes(16)}, protocol.BAD_LENGTH, BODY_HASH)):
            with self.subTest(**change):
                self.refused(status, asks(MUFASA, **{"algorithm": "SHA-256", **change}), tag)

    def test_who_may_not(self):
        self.refused(protocol.FORM_NOT_ALLOWED, asks(MUFASA, "MD5"), who="wwsf-2")

    def test_ha1_is_given_to_nobody(self):
        fields = asks(MUFASA, "MD5", method=None, uri=None, qop=None, nc=None, cnonce=None)
        self.refused(protocol.BAD_VALUE, fields, ALGORITHM, who="wwsf-1", kind=HA1)

    def test_the_rfcs_examples(self):
        for algorithm, response in EXAMPLES.items():
            self.assertEqual(self.answered(MUFASA, algorithm, **EXAMPLE), response)
        self.assertEqual(self.answered(DOE, "SHA-512-256", **EXAMPLE_2), EXAMPLE_2_RESPONSE)

    def test_each_algorithm_and_qop(self):
        for who, algorithms in ((MUFASA, HASHES), (ERNA, ("MD5", "SHA-256")), (self.both, HASHES)):
            for algorithm in algorithms:
                body = hashlib.new(HASHES[algorithm], b"a body").digest()
                for change in ({}, {"nc": "0000beef"}, {"qop": None, "nc": None, "cnonce": None},
                               {"qop": "auth-int", "body_hash": body, "answer_body_hash": body},
                               {"username": None},
                               {"nonce": "n" * 1024}):
                    with self.subTest(who=who.impi, algorithm=algorithm, **change):
                        self.answered(who, algorithm, **change)

    def test_the_same_nonce_as_often_as_it_is_asked(self):
        for count in range(1, 20):
            self.answered(MUFASA, "SHA-256", nc=f"{count:08x}")

    def test_both_ways(self):
        challenge = BOTH.auc.challenge(1)
        self.assertAccepted(self.appliance.authenticate("both", challenge), challenge)
        self.answered(self.both, "SHA-256")

    def test_added_while_it_runs_and_removed(self):
        who = Account("late", "late@ims.example.com", "too late")
        add = ("subscriber", "add", *who.names(), "--digest-password-file", "-")
        self.refused(protocol.UNKNOWN_USER, asks(who, "SHA-256"))
        self.appliance.token(*add, text=who.password)
        with self.appliance.client("wwsf-4") as client:
            fields = asks(who, "SHA-256")
            appliance.wait_for(lambda: not protocol.is_retryable(client.ask(DIGEST, *fields).status),
                               "the new secret")
        for algorithm in HASHES:
            self.answered(who, algorithm)
        refs = [one["key"] for one in self.shown(who)["digests"]]
        self.assertEqual(len(refs), 3)
        self.assertTrue(all(ref in self.objects() for ref in refs))
        self.appliance.token("subscriber", "remove", who.user_id, "--yes")
        self.refused(protocol.UNKNOWN_USER, asks(who, "SHA-256"))
        self.assertFalse(any(ref in self.objects() for ref in refs))

    def test_disabled(self):
        self.appliance.token("subscriber", "disable", "erna")
        self.refused(protocol.USER_DISABLED, asks(ERNA, "MD5"))
        self.appliance.token("subscriber", "enable", "erna")
        self.answered(ERNA, "MD5")

    def test_keepers_that_start_anew(self):
        for pid in [pid for name, pid in self.appliance.children().items() if name != "front"]:
            os.kill(pid, 9)
        time.sleep(0.1)
        with self.appliance.client("wwsf-4", timeout=60) as client:
            fields = asks(MUFASA, "SHA-256")

            def answered():
                time.sleep(0.1)
                return client.ask(DIGEST, *fields).status == protocol.OK
            appliance.wait_for(answered, "a keeper that answers")
        self.answered(MUFASA, "MD5")

    # The command, which is libnisim

    def nisim(self, *arguments, expected=appliance.DONE):
        status, shown = self.appliance.nisim(*arguments, who="wwsf-4")
        self.assertEqual(status, expected, shown)
        return shown

    def authorize(self, who, *values, options=(), expected=appliance.DONE):
        return self.nisim(*options, "authorize", who.user_id, "REGISTER", "sip:ims.example.com",
                          *values, expected=expected)

    def expect(self, who, algorithm, shown, **expected):
        """The Authorization is that of a phone with the password; gives its parameters."""
        said = parameters(shown["authorization"])
        self.assertEqual((said["username"], said["realm"], said["algorithm"], said["uri"]),
                         (who.impi, who.realm, algorithm, "sip:ims.example.com"))
        self.assertEqual({name: said.get(name) for name in expected}, expected)
        fields = asks(who, algorithm, nonce=said["nonce"], qop=said.get("qop"), nc=said.get("nc"),
                      cnonce=said.get("cnonce"))
        self.assertEqual(said["response"], who.response(algorithm, fields))
        self.assertEqual(shown["rspauth"], who.response(algorithm, fields, ""))
        return said

    def test_authorize(self):
        for algorithm in HASHES:
            shown = self.authorize(MUFASA, challenge(MUFASA, algorithm))
            said = self.expect(MUFASA, algorithm, shown, nc="00000001", qop="auth", opaque="op")
            self.assertEqual(len(said["cnonce"]), 16)
        self.expect(MUFASA, "MD5", self.authorize(
            MUFASA, challenge(MUFASA, "MD5").replace("algorithm=MD5, ", "")))
        self.expect(MUFASA, "MD5", self.authorize(MUFASA, challenge(MUFASA, "MD5", qop=None)))
        self.expect(DOE, "SHA-512-256", self.authorize(DOE, challenge(DOE, "SHA-512-256")))

    def test_authorize_by_impi(self):
        shown = self.nisim("--impi", "authorize", "Mufasa", "REGISTER", "sip:ims.example.com",
                           challenge(MUFASA, "SHA-256"))
        self.expect(MUFASA, "SHA-256", shown)

    def test_the_strongest_that_he_has(self):
        offers = [challenge(MUFASA, name) for name in HASHES]
        aka = challenge(MUFASA, "AKAv1-MD5", nonce="A" * 43 + "=").replace(MUFASA.realm,
                                                                            appliance.DOMAIN)
        self.expect(MUFASA, "SHA-512-256", self.authorize(MUFASA, *offers))
        self.expect(MUFASA, "SHA-512-256", self.authorize(MUFASA, aka, "garbage", *offers))
        self.expect(ERNA, "SHA-256", self.authorize(ERNA, *(challenge(ERNA, name)
                                                            for name in HASHES)))
        first = BOTH.auc.challenge(50)
        nonce = base64.b64encode(first.rand + first.autn).decode()
        shown = self.authorize(self.both, challenge(self.both, "SHA-256"),
                               challenge(self.both, "AKAv1-MD5", nonce=nonce))
        self.assertEqual(parameters(shown["authorization"])["algorithm"], "AKAv1-MD5")

    def test_none_that_he_has(self):
        shown = self.authorize(DOE, challenge(DOE, "MD5"), challenge(DOE, "SHA-256"),
                               expected=appliance.REFUSED)
        self.assertIn("NO_SUCH_CREDENTIAL", shown["why"])
        shown = self.authorize(MUFASA, "garbage", "Basic realm=x", expected=appliance.USAGE)
        self.assertIn("can't be answered", shown["why"])
        self.authorize(MUFASA, *[challenge(MUFASA, "MD5")] * 17, expected=appliance.USAGE)

    def test_stale_and_the_next_nonce(self):
        stale = challenge(MUFASA, "SHA-256", nonce="new") + ", stale=true"
        shown = self.authorize(MUFASA, stale)
        self.expect(MUFASA, "SHA-256", shown, nonce="new", nc="00000001")
        self.assertEqual(shown["stale"], "yes")
        shown = self.authorize(MUFASA, stale, options=("--nc", "2", "--cnonce", "mine"))
        self.expect(MUFASA, "SHA-256", shown, nonce="new", nc="00000002", cnonce="mine")
        told = self.nisim("authentication-info", shown["rspauth"], "--cnonce", "mine", "--nc", "2",
                          f'rspauth="{shown["rspauth"]}", cnonce="mine", nc=00000002, '
                          'qop=auth, nextnonce="the next"')
        self.assertEqual(told, {"result": "ok", "proven": "yes", "next-nonce": "the next",
                                "why": ""})
        shown = self.authorize(MUFASA, stale, options=("--next-nonce", told["next-nonce"]))
        self.expect(MUFASA, "SHA-256", shown, nonce="the next", nc="00000001")

    def test_rspauth_over_the_answers_body(self):
        """RFC 7616 3.5: A2 of Authentication-Info ends with H(body of the answer)."""
        for algorithm, name in HASHES.items():
            asked, answered = (hashlib.new(name, text).digest() for text in (b"", b"the answer"))
            self.answered(MUFASA, algorithm, qop="auth-int", body_hash=asked,
                          answer_body_hash=answered)
            with self.appliance.client("wwsf-4") as client:  # not known: there is none
                answer = client.ask(DIGEST, *asks(MUFASA, algorithm, qop="auth-int", body_hash=asked,
                                                  want_rspauth=b"\x01"))
            self.assertEqual((answer.status, answer.all(RSPAUTH)), (protocol.OK, []))
            for change, status in (({"answer_body_hash": answered[1:]}, protocol.BAD_LENGTH),
                                   ({"want_rspauth": b"\0"}, protocol.UNKNOWN_FIELD),
                                   ({"qop": "auth", "body_hash": None}, protocol.UNKNOWN_FIELD)):
                fields = {"qop": "auth-int", "body_hash": asked, "want_rspauth": b"\x01",
                          "answer_body_hash": answered, **change}
                self.refused(status, asks(MUFASA, algorithm, **fields), ANSWER_BODY_HASH)

    def test_command_with_the_answers_body(self):
        for algorithm, name in HASHES.items():
            whole = challenge(MUFASA, algorithm, qop="auth-int")
            again = ("--cnonce", "mine", "--nc", "3")
            asked = self.authorize(MUFASA, whole, options=again)
            self.assertNotIn("rspauth", asked)
            for text in (b"", b"the answer\r\n\0\xff"):
                with open(self.appliance.path("body"), "wb") as file:
                    file.write(text)
                shown = self.authorize(MUFASA, whole, options=(
                    *again, "--answer-body", self.appliance.path("body")))
                self.assertEqual(shown["authorization"], asked["authorization"])
                fields = asks(MUFASA, algorithm, nonce="any nonce", qop="auth-int", nc="00000003",
                              cnonce="mine", body_hash=hashlib.new(name, b"").digest(),
                              answer_body_hash=hashlib.new(name, text).digest())
                self.assertEqual(shown["rspauth"], MUFASA.response(algorithm, fields, ""))
                told = self.nisim("authentication-info", shown["rspauth"],
                                  f'rspauth="{shown["rspauth"]}", qop=auth-int')
                self.assertEqual(told["proven"], "yes")
            other = self.authorize(MUFASA, whole, options=(*again, "--answer-body", "/dev/null"))
            self.nisim("authentication-info", other["rspauth"], f'rspauth="{shown["rspauth"]}"',
                       expected=appliance.MAC_FAILURE)
        plain = self.authorize(MUFASA, challenge(MUFASA, "MD5"), options=("--answer-body", "/dev/null"))
        self.expect(MUFASA, "MD5", plain)
        with open(self.appliance.path("body"), "wb") as file:
            file.truncate((1 << 20) + 1)
        for path, words in (("/nowhere", "No such file"), (self.appliance.folder, "directory"),
                            (self.appliance.path("body"), "longer than 1 MiB")):
            shown = self.authorize(MUFASA, challenge(MUFASA, "MD5"), options=("--answer-body", path),
                                   expected=appliance.USAGE)
            self.assertIn(words, shown["why"])

    def test_authentication_info(self):
        right = "0" * 64
        for value, status, words in (
                ('nextnonce="n"', appliance.DONE, ""),
                (f'rspauth="{"1" * 64}"', appliance.MAC_FAILURE, "rspauth is wrong"),
                (f'rspauth="{right}", nc=00000003', appliance.MAC_FAILURE, "nc is not"),
                ('nextnonce="n"\r\nX: y', appliance.USAGE, "control character"),
                ('nextnonce="a\\"b"', appliance.USAGE, "no Authentication-Info"),
                (f'nextnonce="{"n" * 1025}"', appliance.USAGE, "too long"),
                ("", appliance.USAGE, "no Authentication-Info")):
            with self.subTest(value=value[:40]):
                shown = self.nisim("--nc", "2", "authentication-info", right, value,
                                   expected=status)
                self.assertIn(words, shown["why"])
                self.assertEqual(shown.get("next-nonce"), "n" if status == appliance.DONE else None)

    def test_options_that_are_refused(self):
        value = challenge(MUFASA, "MD5")
        for options in (("--nc", "0"), ("--nc", "x"), ("--nc", "4294967296"), ("--cnonce", ""),
                        ("--cnonce", 'a"b'), ("--cnonce", "a\r\nb"), ("--cnonce", "c" * 129),
                        ("--next-nonce", 'a"'), ("--next-nonce", "n" * 1025)):
            with self.subTest(options=options):
                self.authorize(MUFASA, value, options=options, expected=appliance.USAGE)

    def test_headers_that_inject(self):
        for value in (challenge(MUFASA, "MD5") + "\r\nX: y",
                      challenge(MUFASA, "MD5", nonce='a\\"b'),
                      challenge(MUFASA, "MD5", nonce="n" * 1025)):
            shown = self.authorize(MUFASA, value, expected=appliance.USAGE)
            self.assertNotIn("authorization", shown)

    # Where they rest

    def shown(self, who):
        return json.loads(self.appliance.token("subscriber", "show", who.user_id, "--json").stdout)

    def objects(self):
        """Of the token, by a program that is not ours; blanks and case left out."""
        done = subprocess.run(["pkcs11-tool", "--module", appliance.MODULE, "--token-label", "nisim",
                               "--login", "--pin", appliance.PIN, "--list-objects"], check=True,
                              capture_output=True, text=True, env=self.appliance.environment)
        return done.stdout

    def test_show(self):
        shown = self.shown(MUFASA)
        self.assertIsNone(shown["key"])
        self.assertEqual(shown["digest_realm"], MUFASA.realm)
        self.assertEqual(shown["digest_origin"], "clear-text laboratory import")
        self.assertIsNone(shown["key_origin"])
        self.assertEqual({one["algorithm"]: one["place"] for one in shown["digests"]},
                         {"MD5": "data-object", "SHA-256": "key", "SHA-512-256": "data-object"})
        listed = self.appliance.token("subscriber", "list")
        self.assertRegex(listed.stdout, r"(?m)^Mufasa +enabled +digest-only mufasa$")
        self.assertRegex(listed.stderr, r'^nisim-token: token "nisim" is a laboratory[^\n]*\n$')
        checked = self.appliance.token("check").stdout
        self.assertRegex(checked, r"(?m)^H\(A1\) of SIP digest stays: SHA-256 +yes +wanted")
        self.assertRegex(checked, r"(?m)^H\(A1\) of SIP digest stays: MD5 +no +wanted")

    def test_pkcs11_tool_finds_it_sensitive(self):
        blocks = re.split(r"(?m)^(?=\S)", self.objects())
        keys = [block for block in blocks if "nisim HA1 SHA-256 Mufasa" in block]
        self.assertEqual(len(keys), 1)
        self.assertRegex(keys[0], r"^Secret Key Object; Generic secret length 64")
        self.assertRegex(keys[0], r"Access: +sensitive")
        self.assertNotIn("extractable", keys[0].replace("never extractable", ""))
        self.assertRegex(keys[0], r"Usage: +none")
        data = [block for block in blocks if "nisim HA1 MD5 Mufasa" in block]
        self.assertRegex(data[0], r"^Data object")

    def test_no_secret_anywhere(self):
        """Logs, store, the token's files."""
        needles = [who.password.encode() for who in (MUFASA, DOE, ERNA, self.both)]
        for who in (MUFASA, DOE, ERNA, self.both):
            for algorithm in HASHES:
                ha1 = who.ha1(algorithm)
                needles += [ha1.encode(), ha1.upper().encode(), bytes.fromhex(ha1)]
        names = []
        for folder, _, files in os.walk(self.appliance.folder):
            for name in files:
                with open(os.path.join(folder, name), "rb") as file:
                    octets = file.read()
                names.append(name)
                self.assertEqual([needle for needle in needles if needle in octets], [], name)
        self.assertIn("log", names)
        self.assertIn("nisim.db", names)
        self.assertIn("nisim.db-wal", names)

    # What the officer can get wrong

    def test_adds_that_are_refused(self):
        who = Account("x", "x@ims.example.com", "x")
        names = who.names()
        key = self.appliance.write("a-key", BOTH.key_file)
        cases = (
            ((), "", "no secret"),
            (("--digest-password-file", "/no/such/file"), "", "No such file"),
            (("--digest-password-file", "-"), "", "it is empty"),
            (("--digest-password-file", "-"), "\n", "it is empty"),
            (("--digest-password-file", "-"), "two\nlines\n", "not one line"),
            (("--digest-password-file", "-"), "p" * 129, "longer than 128"),
            (("--digest-password-file", "-"), "p" * 5000, "longer than 4096"),
            (("--digest-password-file", "-", "--digest-algorithms", "MD4"), "p", "MD4"),
            (("--digest-password-file", "-", "--digest-algorithms", "MD5,"), "p", "MD5,"),
            (("--digest-password-file", "-", "--digest-algorithms", "MD5,MD5"), "p", "MD5,MD5"),
            (("--digest-password-file", "-", "--digest-realm", 'a"b'), "p", "quote"),
            (("--digest-password-file", "-", "--digest-ha1-file", "-"), "p", "give one of"),
            (("--digest-password-file", "-", "--key-file", "-"), "p", "can't share"),
            (("--digest-password-file", "-", "--pin-fd", "0"), "p", "can't share"),
            (("--digest-ha1-file", "-"), "", "holds no H(A1)"),
            (("--digest-ha1-file", "-"), "password=p\n", "line 1: not MD5="),
            (("--digest-ha1-file", "-"), "MD5=" + "a" * 31, "MD5 is not 32 hex"),
            (("--digest-ha1-file", "-"), "SHA-256=" + "g" * 64, "SHA-256 is not 64 hex"),
            (("--digest-ha1-file", "-"), ("MD5=" + "a" * 32 + "\n") * 2, "line 2: MD5 stands twice"),
            (("--digest-ha1-file", "-", "--digest-algorithms", "MD5"), "", "needs"),
            (("--key-file", key, "--digest-realm", "x"), "", "needs a digest secret"),
            (("--impi", "a:b", "--digest-password-file", "-"), "p", "colon"),
            (("--impi", "Mufasa", "--key-file", key), "", "user@realm"),
        )
        before = self.objects()
        for arguments, text, words in cases:
            with self.subTest(arguments=arguments, text=text[:20]):
                given = names
                if "--impi" in arguments:
                    given = names[:2] + names[4:]
                done = self.appliance.token("subscriber", "add", *given, *arguments, text=text,
                                            status=2)
                self.assertIn(words, done.stderr)
                self.assertNotIn("pppp", done.stderr)
        self.appliance.token("subscriber", "add", *Account("mufasa", "y@ims.example.com", "").names(),
                             "--digest-password-file", "-", text="p", status=7)
        self.assertEqual(self.objects(), before)


if __name__ == "__main__":
    appliance.main()
