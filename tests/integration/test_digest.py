"""The finished digest (RFC 3310, 4169): python3 test_digest.py --bin BUILD/bin"""

import base64
import hashlib
import hmac
import re

import appliance
import protocol

METHOD, URI = "REGISTER", "sip:ims.example.com"
DIGEST, HA1 = 0x05, 0x06
ALGORITHMS = {"AKAv1-MD5": "md5", "AKAv2-MD5": "md5", "AKAv2-SHA-256": "sha256"}


def digest(algorithm, *texts):
    joined = b":".join(text if isinstance(text, bytes) else text.encode() for text in texts)
    return hashlib.new(ALGORITHMS[algorithm], joined).hexdigest()


def password(algorithm, challenge):
    if algorithm == "AKAv1-MD5":
        return challenge.res
    prf = hmac.new(challenge.res + challenge.ik + challenge.ck, b"http-digest-akav2-password",
                   ALGORITHMS[algorithm])
    return base64.b64encode(prf.digest())


def nonce_of(challenge):
    return base64.b64encode(challenge.rand + challenge.autn).decode()


def www_authenticate(challenge, algorithm="AKAv1-MD5", realm=appliance.DOMAIN, qop="auth",
                     opaque="5ccc069c403ebaf9f0171e9517f40e41"):
    value = f'Digest realm="{realm}", nonce="{nonce_of(challenge)}", algorithm={algorithm}'
    value += f', opaque="{opaque}"' if opaque else ""
    return value + (f', qop="{qop}"' if qop else "")


def parameters(authorization):
    kind, rest = authorization.split(" ", 1)
    assert kind == "Digest", authorization
    return {name: quoted or plain
            for name, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^",\s]+))', rest)}


class Digest(appliance.Case):
    @classmethod
    def prepare(cls, lab):
        cls.alice = appliance.subscriber("alice")
        cls.bob = appliance.subscriber("bob", domain="other.example.com")
        lab.add(cls.alice)
        lab.add(cls.bob)
        cls.seq = 0

    def challenge(self, who=None):
        type(self).seq += 1
        return (who or self.alice).auc.challenge(self.seq, 1)

    def authorize(self, value, user="alice", who="wwsf-1"):
        return self.appliance.nisim("authorize", user, METHOD, URI, value, who=who)

    def test_rspauth_over_a_body_that_is_foreseen(self):
        """AKA answers a challenge once: the usual empty body of the answer to REGISTER is told at first."""
        for algorithm, name in ALGORITHMS.items():
            challenge = self.challenge()
            status, shown = self.appliance.nisim("authorize", "alice", METHOD, URI,
                                                 www_authenticate(challenge, algorithm, qop="auth-int"),
                                                 "--answer-body", "/dev/null")
            self.assertEqual(status, appliance.DONE, shown)
            said = parameters(shown["authorization"])
            empty = hashlib.new(name, b"").hexdigest()
            ha1 = digest(algorithm, self.alice.impi, appliance.DOMAIN, password(algorithm, challenge))
            middle = (ha1, said["nonce"], said["nc"], said["cnonce"], "auth-int")
            self.assertEqual(said["response"],
                             digest(algorithm, *middle, digest(algorithm, METHOD, URI, empty)))
            self.assertEqual(shown["rspauth"],
                             digest(algorithm, *middle, digest(algorithm, "", URI, empty)))

    def refused(self, value, words, **how):
        status, shown = self.authorize(value, **how)
        self.assertIn(status, (appliance.USAGE, appliance.REFUSED), shown)
        self.assertNotIn("authorization", shown)
        self.assertIn(words, shown["why"])

    def expect(self, shown, algorithm, secret):
        """The Authorization is that of a phone with this password."""
        said = parameters(shown["authorization"])
        ha1 = digest(algorithm, said["username"], said["realm"], secret)
        ha2 = digest(algorithm, METHOD, URI)
        self.assertEqual((said["username"], said["realm"], said["uri"], said["algorithm"]),
                         (self.alice.impi, appliance.DOMAIN, URI, algorithm))
        if "qop" in said:
            expected = digest(algorithm, ha1, said["nonce"], said["nc"], said["cnonce"],
                              said["qop"], ha2)
        else:
            self.assertNotIn("cnonce", said)
            expected = digest(algorithm, ha1, said["nonce"], ha2)
        self.assertEqual(said["response"], expected)
        return said

    def test_header_that_is_none(self):
        good = www_authenticate(self.challenge())
        for value, words in (("", "no WWW-Authenticate"), ("garbage", "no WWW-Authenticate"),
                             (good.replace("Digest", "Basic"), "not ask for Digest"),
                             (good.replace("AKAv1-MD5", "MD4"), "not known here"),
                             (good.replace("AKAv1-MD5", "MD5"), "NO_SUCH_CREDENTIAL"),
                             (good.replace("algorithm=AKAv1-MD5, ", ""), "NO_SUCH_CREDENTIAL"),
                             (good.replace("realm=", "x="), "realm"),
                             (good.replace("nonce=", "x="), "nonce"),
                             (good.replace('qop="auth"', 'qop="token"'), "qop"),
                             (good + "\r\nX-Injected: yes", "control character"),
                             (good.replace("5ccc", '5c\\"cc'), "opaque")):
            with self.subTest(value=value):
                self.refused(value, words)

    def test_nonce_without_a_challenge(self):
        for nonce, words in (("AAAA", "BAD_LENGTH"), ("not base64", "BAD_VALUE"),
                             ("A" * 4096, "nonce")):
            value = re.sub('nonce="[^"]*"', f'nonce="{nonce}"', www_authenticate(self.challenge()))
            with self.subTest(nonce=nonce[:16]):
                self.refused(value, words)

    def test_realm_of_another(self):
        self.refused(www_authenticate(self.challenge(), realm="evil.example.com"), "WRONG_REALM")

    def test_user_of_another_domain(self):
        self.refused(www_authenticate(self.challenge(self.bob), realm="other.example.com"),
                     "UNKNOWN_USER", user="bob")

    def test_forms_that_are_not_allowed(self):
        challenge = self.challenge()
        self.refused(www_authenticate(challenge), "FORM_NOT_ALLOWED", who="wwsf-2")
        status, shown = self.appliance.nisim("ha1", "alice", www_authenticate(challenge),
                                             who="wwsf-4")
        self.assertEqual(status, appliance.REFUSED, shown)
        status, shown = self.appliance.authenticate("alice", challenge, who="wwsf-4")
        self.assertEqual(status, appliance.REFUSED, shown)

    def test_uri_with_a_quote(self):
        status, shown = self.appliance.nisim("authorize", "alice", METHOD, 'sip:a"b',
                                             www_authenticate(self.challenge()))
        self.assertEqual(status, appliance.REFUSED, shown)
        self.assertIn("DIGEST_URI", shown["why"])

    def test_wrong_mac(self):
        status, shown = self.authorize(www_authenticate(self.challenge().forged()))
        self.assertEqual(status, appliance.MAC_FAILURE, shown)
        said = parameters(shown["authorization"])
        self.assertEqual(said["response"], "")
        self.assertNotIn("auts", said)

    def test_stale(self):
        challenge = self.challenge()
        self.assertEqual(self.authorize(www_authenticate(challenge))[0], appliance.DONE)
        status, shown = self.authorize(www_authenticate(challenge))
        self.assertEqual(status, appliance.SYNC_FAILURE, shown)
        said = self.expect(shown, "AKAv1-MD5", "")
        self.assertEqual(self.alice.auc.sqn_ms(challenge.rand, base64.b64decode(said["auts"])),
                         challenge.sqn)

    def test_each_algorithm_with_and_without_qop(self):
        for algorithm in ALGORITHMS:
            for qop in ("auth", "auth,auth-int", "auth-int", None):
                if qop == "auth-int":
                    continue  # its body is hashed: test_body
                challenge = self.challenge()
                with self.subTest(algorithm=algorithm, qop=qop):
                    status, shown = self.authorize(www_authenticate(challenge, algorithm, qop=qop))
                    self.assertEqual(status, appliance.DONE, shown)
                    said = self.expect(shown, algorithm, password(algorithm, challenge))
                    self.assertEqual(said.get("qop"), qop and "auth")
                    self.assertEqual(said["opaque"], "5ccc069c403ebaf9f0171e9517f40e41")

    def test_body(self):
        challenge = self.challenge()
        status, shown = self.authorize(www_authenticate(challenge, qop="auth-int"))
        self.assertEqual(status, appliance.DONE, shown)
        said = parameters(shown["authorization"])
        ha1 = digest("AKAv1-MD5", said["username"], said["realm"], challenge.res)
        ha2 = digest("AKAv1-MD5", METHOD, URI, hashlib.md5(b"").hexdigest())
        self.assertEqual(said["response"], digest("AKAv1-MD5", ha1, said["nonce"], said["nc"],
                                                  said["cnonce"], "auth-int", ha2))

    def test_ha1(self):
        challenge = self.challenge()
        status, shown = self.appliance.nisim("ha1", "alice", www_authenticate(challenge))
        self.assertEqual(status, appliance.DONE, shown)
        self.assertEqual(shown["ha1"], digest("AKAv1-MD5", self.alice.impi, appliance.DOMAIN,
                                              challenge.res))

    def test_nothing_of_the_card_gets_out(self):
        """All bytes that a client of the form `digest` receives, for a good answer and a stale one."""
        challenge = self.challenge()
        fields = [(protocol.USER_ID, b"alice"), (0x0013, b"AKAv1-MD5"),
                  (0x0014, appliance.DOMAIN.encode()), (0x0015, nonce_of(challenge).encode()),
                  (0x0017, METHOD.encode()), (0x0018, URI.encode()), (0x0019, b"auth"),
                  (0x001a, b"00000001"), (0x001b, b"0a4f113b"), (0x001d, b"\x01")]
        received = b""
        with self.appliance.client("wwsf-4") as client:
            for expected in (protocol.OK, protocol.SYNC_FAILURE):
                answer = client.ask(DIGEST, *fields)
                self.assertEqual(answer.status, expected)
                received += b"".join(value for _, value in answer.fields)
        self.assertGreater(len(received), 64)
        for secret in (challenge.res, challenge.ck, challenge.ik):
            for form in (secret, secret.hex().encode(), secret.hex().upper().encode(),
                         base64.b64encode(secret)):
                self.assertNotIn(form, received)


if __name__ == "__main__":
    appliance.main()
