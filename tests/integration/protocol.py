"""A client of nisim/1, written from proto/PROTOCOL.md alone."""

import socket
import ssl
import struct
import time
from dataclasses import dataclass, field

HEADER = struct.Struct(">IBBBBI")
VERSION = 1
ANSWER = 1
BODY_MOST = 8192

HELLO, PING, IDENTITY, AUTHENTICATE = 1, 2, 3, 4

OK, SYNC_FAILURE, MAC_FAILURE = 0x00, 0x01, 0x02
MALFORMED, UNSUPPORTED_VERSION, UNKNOWN_MESSAGE, UNKNOWN_FIELD = 0x10, 0x11, 0x12, 0x13
MISSING_FIELD, REPEATED_FIELD, BAD_LENGTH, BAD_VALUE = 0x14, 0x15, 0x16, 0x17
FRAME_TOO_LARGE = 0x18
CLIENT_NOT_LISTED, FORM_NOT_ALLOWED, UNKNOWN_USER, USER_DISABLED = 0x20, 0x21, 0x22, 0x23
UNAVAILABLE, BUSY, SHUTTING_DOWN = 0x30, 0x31, 0x32
KEY_UNUSABLE, INTERNAL = 0x40, 0x41

USER_ID, IMPI, IMPU, DOMAIN, P_CSCF, SERVICE_TABLE = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
RAND, AUTN, FORM = 0x10, 0x11, 0x12
RES, CK, IK, AUTS = 0x20, 0x21, 0x22, 0x23
MAX_BODY, MAX_IN_FLIGHT, CLIENT_NAME, FORMS = 0x30, 0x31, 0x32, 0x33
IDLE_TIMEOUT, SOFTWARE, AT_FIELD = 0x8034, 0x8035, 0x8036
CARD = b"\x01"


class Ended(Exception):
    """The server said close_notify."""


def is_retryable(status):
    return status >> 4 == 3


def encode(*fields):
    return b"".join(struct.pack(">HH", tag, len(value)) + value for tag, value in fields)


def decode(body):
    fields = []
    while body:
        tag, length = struct.unpack(">HH", body[:4])
        if len(body) < 4 + length:
            raise AssertionError(f"a field is cut short: {body.hex()}")
        fields.append((tag, body[4:4 + length]))
        body = body[4 + length:]
    return fields


def name_field(name):
    """An IMPI is told from a user id by its @; the tests have no other names."""
    return (IMPI if "@" in name else USER_ID, name.encode())


def challenge_fields(name, challenge):
    return (name_field(name), (RAND, challenge.rand), (AUTN, challenge.autn), (FORM, CARD))


def frame(kind, request_id, body=b"", version=VERSION, flags=0, status=0, length=None):
    length = len(body) if length is None else length
    return HEADER.pack(length, version, kind, flags, status, request_id) + body


@dataclass
class Answer:
    kind: int
    status: int
    request_id: int
    fields: list = field(default_factory=list)

    def all(self, tag):
        return [value for its_tag, value in self.fields if its_tag == tag]

    def one(self, tag):
        values = self.all(tag)
        if len(values) != 1:
            raise AssertionError(f"field {tag:#x} stands {len(values)} times")
        return values[0]

    @property
    def at_field(self):
        return int.from_bytes(self.one(AT_FIELD), "big") if self.all(AT_FIELD) else 0


class Client:
    """One connection. Socket errors and time-outs (OSError), TLS errors, and Ended come out.
    `timeout` seconds are for the start, and for what comes after something was sent."""

    def __init__(self, port, ca, cert=None, key=None, timeout=60, alpn=("nisim/1",), hello=True,
                 version=ssl.TLSVersion.TLSv1_3):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(ca)
        context.minimum_version = context.maximum_version = version
        if alpn:
            context.set_alpn_protocols(list(alpn))
        if cert:
            context.load_cert_chain(cert, key)
        self.last_id = 0
        self.timeout = timeout
        self.deadline = time.monotonic() + timeout
        connection = socket.create_connection(("127.0.0.1", port), timeout)
        # Else Nagle keeps the second request back until the first is acknowledged.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.tls = context.wrap_socket(connection, server_hostname="127.0.0.1",
                                       do_handshake_on_connect=False,
                                       suppress_ragged_eofs=False)
        try:
            self.tls.do_handshake()
            self.hello = self.receive() if hello else None
        except BaseException:
            self.close()
            raise

    def close(self):
        self.tls.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _wait(self):
        self.tls.settimeout(max(0.001, self.deadline - time.monotonic()))

    def _exactly(self, count):
        got = b""
        while len(got) < count:
            self._wait()
            part = self.tls.recv(count - len(got))
            if not part:
                raise Ended()
            got += part
        return got

    def receive(self):
        length, version, kind, flags, status, request_id = HEADER.unpack(self._exactly(12))
        if version != VERSION or flags != ANSWER or length > BODY_MOST:
            raise AssertionError(f"not an answer: version {version} flags {flags} length {length}")
        return Answer(kind, status, request_id, decode(self._exactly(length)))

    def send_bytes(self, octets):
        self.deadline = time.monotonic() + self.timeout
        self._wait()
        self.tls.sendall(octets)

    def send(self, kind, *fields):
        self.last_id += 1
        self.send_bytes(frame(kind, self.last_id, encode(*fields)))
        return self.last_id

    def ask(self, kind, *fields):
        request_id = self.send(kind, *fields)
        answer = self.receive()
        if (answer.kind, answer.request_id) != (kind, request_id):
            raise AssertionError(f"an answer to something else: {answer.kind} {answer.request_id}")
        return answer

    def ping(self):
        return self.ask(PING).status

    def identity(self, name):
        return self.ask(IDENTITY, name_field(name))

    def authenticate(self, name, challenge):
        return self.ask(AUTHENTICATE, *challenge_fields(name, challenge))

    def expect_end(self):
        """Nothing comes any more but the server's close_notify."""
        self._wait()
        rest = self.tls.recv(1)
        if rest != b"":
            raise AssertionError("the server said more")
