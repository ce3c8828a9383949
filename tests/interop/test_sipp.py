"""sipp, which has a Milenage and an AKAv1-MD5 of its own, and nisim are asked for one challenge:
python3 test_sipp.py --bin BUILD/bin"""

import os
import re
import shutil
import socket
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "integration"))

import appliance  # noqa: E402
import protocol  # noqa: E402
import test_digest  # noqa: E402

# sipp takes OP only, and neither '[' nor a zero byte in K or OP: TS 35.208 set 3.
K = bytes.fromhex("fec86ba6eb707ed08905757b1bb44b8f")
OP = bytes.fromhex("dbc59adcb6f9a0ef735477b7fadf8374")
OPC = bytes.fromhex("1006020f0a478bf6b699f15c062e42b3")
AMF = "8000"


def header(message, name):
    found = re.search(rf"^{name}: *(.*?)\r?$", message, re.M | re.I)
    return found and found.group(1)


def answer(request, status, *more):
    kept = [line for line in request.split("\r\n")
            if re.match(r"(Via|From|To|Call-ID|CSeq):", line, re.I)]
    lines = [f"SIP/2.0 {status}", *kept, *more, "Content-Length: 0", "", ""]
    return "\r\n".join(lines).encode()


class Sipp(appliance.Case):
    @classmethod
    def prepare(cls, lab):
        cls.who = appliance.Subscriber(("sipp",), "sipp@ims.example.com", K, OPC, OP)
        lab.add(cls.who)

    def start_sipp(self, port):
        with open(os.path.join(HERE, "sipp_register.xml"), encoding="ascii") as file:
            scenario = file.read()
        for word, value in (("DOMAIN", appliance.DOMAIN), ("IMPI", self.who.impi),
                            ("K", K.hex()), ("OP", OP.hex()), ("AMF", AMF)):
            scenario = scenario.replace(f"@{word}@", value)
        path = self.appliance.write("register.xml", scenario)
        return subprocess.Popen(["sipp", f"127.0.0.1:{port}", "-sf", path, "-i", "127.0.0.1",
                                 "-m", "1", "-nostdin", "-timeout", "20"],
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL, cwd=self.appliance.folder)

    def register(self, challenge):
        """The Authorization that sipp puts on the wire."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.bind(("127.0.0.1", 0))
            server.settimeout(60)
            sipp = self.start_sipp(server.getsockname()[1])
            try:
                request, peer = server.recvfrom(65536)
                asked = test_digest.www_authenticate(challenge, opaque="")
                server.sendto(answer(request.decode(), "401 Unauthorized",
                                     "WWW-Authenticate: " + asked), peer)
                while True:
                    request, peer = server.recvfrom(65536)
                    authorization = header(request.decode(), "Authorization")
                    if authorization:
                        break
                server.sendto(answer(request.decode(), "200 OK"), peer)
                self.assertEqual(sipp.wait(timeout=60), 0)
            finally:
                if sipp.poll() is None:
                    sipp.kill()
                    sipp.wait()
        return test_digest.parameters(authorization)

    def challenge(self, seq):
        """sipp takes RES for a C string: one with a zero byte in it (3 of 100) it cuts off there."""
        while True:
            challenge = self.who.auc.challenge(seq, 1)
            if 0 not in challenge.res:
                return challenge

    def test_same_response(self):
        for seq in (1, 2, 3):
            challenge = self.challenge(seq)
            said = self.register(challenge)
            with self.appliance.client() as client:
                ours = client.ask(test_digest.DIGEST, (protocol.USER_ID, b"sipp"),
                                  (0x0013, b"AKAv1-MD5"), (0x0014, appliance.DOMAIN.encode()),
                                  (0x0015, said["nonce"].encode()), (0x0016, said["username"].encode()),
                                  (0x0017, b"REGISTER"), (0x0018, said["uri"].encode()),
                                  (0x0019, said["qop"].encode()), (0x001a, said["nc"].encode()),
                                  (0x001b, said["cnonce"].encode()))
            self.assertEqual(ours.status, protocol.OK)
            self.assertEqual(ours.one(0x0024).decode(), said["response"])


if __name__ == "__main__":
    if shutil.which("sipp") is None:
        print("skipped: there is no sipp here (package sip-tester)")
        sys.exit(77)
    appliance.main()
