"""nisim and libnisim against servers played here: python3 test_client.py --bin BUILD/bin [--calls PROGRAM...]"""
import argparse
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'firmware'))
from front_bench import (AT_FIELD, AUTHENTICATE, AUTN, BAD_LENGTH, BUSY, CLIENT_NOT_LISTED, FORM, HEADER, HELLO,  # noqa: E402
                         IDENTITY, IMPI, MAC_FAILURE, MALFORMED, OK, PING, RAND, SHUTTING_DOWN, SYNC_FAILURE,
                         UNAVAILABLE, USER_ID, Pki, field, fields, frame)

USAGE, MAC, SYNC, REFUSED, LATER, LOST = 2, 3, 4, 5, 6, 7
RAND_SENT = '9f7c8d021accf4db213ccff0c7f71a6a'  # TS 35.208 set 3, as the rest of the answers
AUTN_SENT = 'ae4a3a9b4c97725c9cabc3e99baf7281'
RES_CK_IK = ('8011c48c0c214ed2', '5dbdbb2954e8f3cde665b046179a5098', '59a92d3b476a0443487055cf88b2307b')
AUTS = '43aeaaddd33a9f8be774d095d08b'
IMPI_TEXT, IMPUS, DOMAIN = 'alice@ims.example.com', ('sip:alice@ims.example.com', 'tel:+15551001'), 'ims.example.com'
P_CSCFS, SERVICES = ('pcscf1.example.com', '192.0.2.7'), '810004'
CHALLENGE = ('authenticate', '+15551001', RAND_SENT, AUTN_SENT)
FRAME_MAX = 8192

PROGRAM = None
CALLS = ()
PKI = None

HELLO_BODY = (field(0x30, struct.pack('>I', FRAME_MAX)) + field(0x31, b'\0\x07') + field(0x32, b'wwsf-1')
              + field(0x33, b'\0\0\0\2') + field(0x8034, b'\0\0\1\4') + field(0x8035, b'fake 1.2'))
GOOD_ANSWER = b''.join(field(tag, bytes.fromhex(value)) for tag, value in zip((0x20, 0x21, 0x22), RES_CK_IK))
GOOD_IDENTITY = (field(2, IMPI_TEXT.encode()) + b''.join(field(3, impu.encode()) for impu in IMPUS)
                 + field(4, DOMAIN.encode()) + b''.join(field(5, name.encode()) for name in P_CSCFS)
                 + field(6, bytes.fromhex(SERVICES)))


class Peer:
    """The server's end of a connection."""

    def __init__(self, stream):
        self.stream = stream

    def send(self, *arguments, **options):
        self.stream.sendall(frame(*arguments, flags=1, **options))

    def hello(self, body=HELLO_BODY):
        self.send(HELLO, 0, body)

    def exactly(self, count):
        got = b''
        while len(got) < count:
            more = self.stream.recv(count - len(got))
            if not more:
                raise EOFError
            got += more
        return got

    def request(self):
        """(type, id, fields)"""
        length, version, kind, flags, status, request_id = HEADER.unpack(self.exactly(HEADER.size))
        assert (version, flags, status) == (1, 0, 0)
        return kind, request_id, fields(self.exactly(length))

    def wait_for_end(self):
        while self.stream.recv(4096):
            pass


class Server:
    """Talks to each client as `talk(peer)` says."""

    def __init__(self, talk, certificate='server', authority='ca', alpn=('nisim/1',), tls=True, tickets=0,
                 version=ssl.TLSVersion.TLSv1_3):
        self.talk = talk
        self.context = None
        if tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(PKI.path(certificate + '.pem'), PKI.path(certificate.split('-')[0] + '.key'))
            self.context.load_verify_locations(PKI.path(authority + '.pem'))
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.minimum_version = self.context.maximum_version = version
            self.context.num_tickets = tickets
            if alpn:
                self.context.set_alpn_protocols(alpn)
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.address = '127.0.0.1:%d' % self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve_one, args=(plain,), daemon=True).start()

    def serve_one(self, plain):
        plain.settimeout(60)
        try:
            stream = self.context.wrap_socket(plain, server_side=True) if self.context else plain
            with stream:
                self.talk(Peer(stream))
        except (OSError, EOFError):
            pass
        finally:
            plain.close()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def answering(status=OK, body=b'', asked=None, **changes):
    """A server that greets, and answers each request so."""
    def talk(peer):
        peer.hello()
        while True:
            kind, request_id, sent = peer.request()
            if asked is not None:
                asked.append((kind, sent))
            header = {'kind': kind, 'request_id': request_id, 'status': status, 'flags': 1, **changes}
            peer.stream.sendall(frame(body=body, **header))
    return talk


def greeting(hello, then=lambda peer: peer.wait_for_end()):
    def talk(peer):
        peer.stream.sendall(hello)
        then(peer)
    return talk


class ClientTest(unittest.TestCase):
    def serve(self, talk, **options):
        server = Server(talk, **options)
        self.addCleanup(server.close)
        return server

    @staticmethod
    def options(server, **changes):
        files = {'ca': PKI.path('ca.pem'), 'cert': PKI.path('dns.pem'), 'key': PKI.path('dns.key'), **changes}
        return ['--server', getattr(server, 'address', server)] + [
            word for name, value in files.items() if value is not None
            for word in ('--' + name.replace('_', '-'), value)]

    def nisim(self, *arguments, expect, **options):
        """(what it printed, its one line on standard error)"""
        done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=120, check=False, **options)
        self.assertEqual(done.returncode, expect, (arguments, done.stdout, done.stderr))
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 0 if expect == 0 else 1, done.stderr)
        if expect not in (0, MAC, SYNC):
            self.assertEqual(done.stdout, '')
        return done.stdout, done.stderr

    def fails(self, expect, said, server, *arguments, **changes):
        _, error = self.nisim(*self.options(server, **changes), *(arguments or ('ping',)), expect=expect)
        self.assertIn(said, error)


class UsageTest(ClientTest):
    def test_wrong_command_lines(self):
        for arguments, said in (
                ((), 'what to do'), (('reboot',), 'reboot'), (('ping', 'more'), 'arguments to ping'),
                (('identity',), 'arguments to identity'), (CHALLENGE[:3], 'arguments to authenticate'),
                (CHALLENGE + ('more',), 'arguments to authenticate'),
                (('authenticate', 'alice', RAND_SENT[1:], AUTN_SENT), 'RAND'),
                (('authenticate', 'alice', RAND_SENT, AUTN_SENT + '00'), 'AUTN'),
                (('authenticate', 'alice', RAND_SENT[:-1] + 'g', AUTN_SENT), 'RAND'),
                (('identity', ''), 'USER'), (('identity', 'u' * 129), 'USER'), (('identity', 'a\nb'), 'USER'),
                (('--impi', 'identity', 'u' * 256), 'USER'), (('--fast', 'ping'), '--fast'),
                (('ping', '--server'), '--server'), (('--timeout', '0', 'ping'), '--timeout'),
                (('--timeout', '3601', 'ping'), '--timeout'), (('--timeout', '1s', 'ping'), '--timeout')):
            with self.subTest(arguments):
                self.assertIn(said, self.nisim(*self.options('127.0.0.1:1'), *arguments, expect=USAGE)[1])

    def test_what_is_missing_is_named(self):
        self.assertIn('--server', self.nisim('ping', expect=USAGE)[1])
        for name in ('ca', 'cert', 'key'):
            self.fails(USAGE, '--' + name, '127.0.0.1:1', **{name: None})

    def test_server_without_port(self):
        for server in ('localhost', ':7443', 'localhost:', '::1:7443', '[::1]', '[]:7443'):
            self.fails(USAGE, 'HOST:PORT', server)

    def test_files_that_serve_nothing(self):
        nothing = PKI.path('nothing')
        open(nothing, 'w').close()
        for name, path, said in (('ca', nothing, 'no PEM'), ('ca', nothing + '.pem', 'No such file'),
                                 ('ca', PKI.folder, PKI.folder), ('cert', nothing, 'no PEM'),
                                 ('cert', PKI.path('dns.key'), 'no PEM'), ('cert', nothing + '.pem', 'No such file'),
                                 ('key', nothing, 'no PEM'), ('key', PKI.path('uri.key'), 'fits'),
                                 ('key', PKI.path('locked.key'), 'passphrase'),
                                 ('key', nothing + '.key', 'No such file')):
            with self.subTest(name + ' ' + path):
                self.fails(USAGE, said, '127.0.0.1:1', **{name: path})

    def test_help_and_version(self):
        self.assertIn('authenticate USER RAND AUTN', self.nisim('--help', expect=0)[0])
        self.assertRegex(self.nisim('--version', expect=0)[0], r'^nisim \d+\.\d+\.\d+\n$')


class ConfigTest(ClientTest):
    def config(self, text):
        path = PKI.path('client.conf')
        with open(path, 'w') as file:
            file.write(text)
        return path

    def test_paths_are_relative_to_the_file(self):
        server = self.serve(answering())
        path = self.config(f'server = "{server.address}"; ca = "ca.pem"; certificate = "dns.pem";\n'
                           'key = "dns.key"; timeout = 3;\n')
        self.nisim('--config', path, 'ping', expect=0)
        self.nisim('--config', 'client.conf', 'ping', expect=0, cwd=PKI.folder)
        self.assertIn('stranger', self.nisim('--config', path, '--ca', PKI.path('stranger.key'), 'ping', expect=USAGE)[1])
        self.nisim('--config', path, '--ca', PKI.path('stranger.pem'), 'ping', expect=LOST)

    def test_wrong_files(self):
        for text, said in (('server = 7;', 'server'), ('ca = 7;', 'ca'), ('timeout = 0;', 'timeout'),
                           ('timeout = "3";', 'timeout'), ('\ncolour = "red";', ':2: colour'),
                           ('server = "a:1"', 'neither'), ('server = ', ':1:'), ('timeout = 99999999999;', 'timeout')):
            with self.subTest(text):
                self.assertIn(said, self.nisim('--config', self.config(text), 'ping', expect=USAGE)[1])
        self.assertIn('No such file', self.nisim('--config', '/nowhere/at/all', 'ping', expect=USAGE)[1])
        bridge = subprocess.run([PROGRAM + '-pcsc', '--config', '/nowhere/at/all', 'card'], capture_output=True,
                                text=True, timeout=120, check=False)
        self.assertEqual((bridge.returncode, bridge.stderr),
                         (USAGE, 'nisim-pcsc: /nowhere/at/all: No such file or directory\n'))
        self.assertIn(PKI.folder, self.nisim('--config', PKI.folder, 'ping', expect=USAGE)[1])


class AnswerTest(ClientTest):
    def test_ping(self):
        server = self.serve(answering())
        printed, _ = self.nisim(*self.options(server), 'ping', expect=0)
        self.assertEqual(printed, f'server: {server.address}\nsoftware: fake 1.2\nclient: wwsf-1\n')
        printed, _ = self.nisim(*self.options(server), '--json', 'ping', expect=0)
        self.assertEqual(json.loads(printed), {'server': server.address, 'software': 'fake 1.2', 'client': 'wwsf-1'})

    def test_identity(self):
        asked = []
        server = self.serve(answering(body=GOOD_IDENTITY, asked=asked))
        printed, _ = self.nisim(*self.options(server), 'identity', '+15551001', expect=0)
        self.assertEqual(printed, f'impi: {IMPI_TEXT}\nimpu: {IMPUS[0]}\nimpu: {IMPUS[1]}\ndomain: {DOMAIN}\n'
                         f'p-cscf: {P_CSCFS[0]}\np-cscf: {P_CSCFS[1]}\nservice-table: {SERVICES}\n')
        printed, _ = self.nisim(*self.options(server), '--impi', '--json', 'identity', IMPI_TEXT, expect=0)
        self.assertEqual(json.loads(printed), {'impi': IMPI_TEXT, 'impus': list(IMPUS), 'domain': DOMAIN,
                                               'p_cscfs': list(P_CSCFS), 'service_table': SERVICES,
                                               'p_cscf_kinds': ['unknown', 'unknown']})
        self.assertEqual(asked, [(IDENTITY, [(USER_ID, b'+15551001')]), (IDENTITY, [(IMPI, IMPI_TEXT.encode())])])

    def test_authenticate(self):
        asked = []
        server = self.serve(answering(body=GOOD_ANSWER, asked=asked))
        printed, _ = self.nisim(*self.options(server), *CHALLENGE, expect=0)
        self.assertEqual(printed, 'result: ok\nres: %s\nck: %s\nik: %s\n' % RES_CK_IK)
        printed, _ = self.nisim(*self.options(server), '--json', *CHALLENGE, expect=0)
        self.assertEqual(json.loads(printed), dict(zip(('result', 'res', 'ck', 'ik'), ('ok',) + RES_CK_IK)))
        self.assertEqual(asked[0], (AUTHENTICATE, [(USER_ID, b'+15551001'), (RAND, bytes.fromhex(RAND_SENT)),
                                                   (AUTN, bytes.fromhex(AUTN_SENT)), (FORM, b'\x01')]))

    def test_sync_failure(self):
        server = self.serve(answering(SYNC_FAILURE, field(0x23, bytes.fromhex(AUTS))))
        printed, error = self.nisim(*self.options(server), *CHALLENGE, expect=SYNC)
        self.assertEqual(printed, f'result: sync-failure\nauts: {AUTS}\n')
        self.assertIn('send AUTS', error)
        printed, _ = self.nisim(*self.options(server), '--json', *CHALLENGE, expect=SYNC)
        self.assertEqual(json.loads(printed), {'result': 'sync-failure', 'auts': AUTS})

    def test_mac_failure(self):
        server = self.serve(answering(MAC_FAILURE))
        self.assertEqual(self.nisim(*self.options(server), *CHALLENGE, expect=MAC)[0], 'result: mac-failure\n')
        printed, _ = self.nisim(*self.options(server), '--json', *CHALLENGE, expect=MAC)
        self.assertEqual(json.loads(printed), {'result': 'mac-failure'})

    def test_every_other_status_by_its_class(self):
        for status, expect, name in ((MALFORMED, REFUSED, 'MALFORMED'), (0x1f, REFUSED, 'UNKNOWN_STATUS'),
                                     (0x22, REFUSED, 'UNKNOWN_USER'), (0x23, REFUSED, 'USER_DISABLED'),
                                     (0x2f, REFUSED, 'UNKNOWN_STATUS'), (UNAVAILABLE, LATER, 'UNAVAILABLE'),
                                     (BUSY, LATER, 'BUSY'), (SHUTTING_DOWN, LATER, 'SHUTTING_DOWN'),
                                     (0x3f, LATER, 'UNKNOWN_STATUS'), (0x40, REFUSED, 'KEY_UNUSABLE'),
                                     (0x41, REFUSED, 'INTERNAL'), (0x5f, REFUSED, 'UNKNOWN_STATUS'),
                                     (0x03, REFUSED, 'UNKNOWN_STATUS')):
            with self.subTest(hex(status)):
                self.fails(expect, name, self.serve(answering(status)), *CHALLENGE)

    def test_field_at_fault_is_named(self):
        server = self.serve(answering(BAD_LENGTH, field(AT_FIELD, struct.pack('>H', AUTN)) + field(0x8fff, b'more')))
        self.fails(REFUSED, 'BAD_LENGTH: a field has the wrong length, field AUTN; change the request', server, *CHALLENGE)

    def test_unknown_optional_fields_are_skipped(self):
        server = self.serve(answering(body=field(0xfffe, b'') + GOOD_ANSWER + field(0x9abc, bytes(4000))))
        self.nisim(*self.options(server), *CHALLENGE, expect=0)

    def test_standard_output_that_takes_nothing(self):
        server = self.serve(answering(body=GOOD_ANSWER))
        for json_or_not in ((), ('--json',)):
            with open('/dev/full', 'w') as full:
                done = subprocess.run([PROGRAM, *self.options(server), *json_or_not, *CHALLENGE], stdout=full,
                                      stderr=subprocess.PIPE, text=True, timeout=120, check=False)
            self.assertEqual((done.returncode, done.stderr), (1, "nisim: standard output can't be written\n"))


class HelloTest(ClientTest):
    def test_not_listed(self):
        self.fails(REFUSED, 'CLIENT_NOT_LISTED', self.serve(greeting(frame(HELLO, 0, flags=1, status=CLIENT_NOT_LISTED))))

    def test_full_or_stopping(self):
        for status in (BUSY, SHUTTING_DOWN, UNAVAILABLE):
            self.fails(LATER, 'try again', self.serve(greeting(frame(HELLO, 0, flags=1, status=status))))

    def test_not_a_hello(self):
        good = frame(HELLO, 0, HELLO_BODY, flags=1)
        for hello, said in ((frame(PING, 0, flags=1), 'HELLO'), (frame(HELLO, 5, HELLO_BODY, flags=1), 'HELLO'),
                            (frame(HELLO, 0, HELLO_BODY, flags=1, version=2), 'version 1'),
                            (frame(HELLO, 0, HELLO_BODY, flags=0), 'version 1'),
                            (frame(HELLO, 0, HELLO_BODY, flags=3), 'version 1'),
                            (frame(HELLO, 0, flags=1, length=FRAME_MAX + 1), 'version 1'),
                            (frame(HELLO, 0, HELLO_BODY[1:], flags=1), 'not well formed'),
                            (frame(HELLO, 0, HELLO_BODY + field(0x77, b'x'), flags=1), 'not well formed'),
                            (frame(HELLO, 0, flags=1, status=SYNC_FAILURE), 'not asked'),
                            (b'HTTP/1.1 400 Bad Request\r\n\r\n', 'version 1')):
            with self.subTest(hello):
                self.assertNotEqual(hello, good)
                self.fails(LOST, said, self.serve(greeting(hello)))

    def test_half_a_hello_and_the_end(self):
        hello = frame(HELLO, 0, HELLO_BODY, flags=1)
        for length in (0, 1, 11, 12, len(hello) - 1):
            self.fails(LOST, 'closed', self.serve(greeting(hello[:length], lambda peer: peer.stream.unwrap())))
            self.fails(LOST, 'broke the connection off', self.serve(
                greeting(hello[:length], lambda peer: peer.stream.shutdown(socket.SHUT_RDWR))))


class TlsTest(ClientTest):
    def test_nobody_listens(self):
        with socket.create_server(('127.0.0.1', 0)) as listener:
            port = listener.getsockname()[1]
        self.fails(LOST, f'127.0.0.1:{port}: TCP: Connection refused', f'127.0.0.1:{port}')

    def test_no_such_host(self):
        self.fails(LOST, 'nowhere.invalid:7443', 'nowhere.invalid:7443')

    def test_server_of_another_authority(self):
        server = self.serve(answering())
        self.fails(LOST, "server's certificate is refused", server, ca=PKI.path('stranger.pem'))

    def test_expired_server(self):
        self.fails(LOST, 'certificate has expired', self.serve(answering(), certificate='late'))

    def test_server_with_another_name(self):
        self.fails(LOST, 'IP address mismatch', self.serve(answering(), certificate='elsewhere'))
        self.fails(LOST, 'hostname mismatch', self.serve(answering()), server_name='elsewhere.example.com')
        self.nisim(*self.options(self.serve(answering(), certificate='elsewhere'), server_name='elsewhere.example.com'),
                   'ping', expect=0)

    def test_a_common_name_is_no_name(self):
        self.fails(LOST, 'hostname mismatch', self.serve(answering(), certificate='elsewhere'), server_name='elsewhere')

    def test_a_client_certificate_is_no_servers(self):
        self.fails(LOST, "certificate is refused", self.serve(answering(), certificate='dns'), server_name='wwsf1.example.com')

    def test_server_refuses_our_certificate(self):
        self.fails(LOST, 'the server refuses our certificate: unknown CA', self.serve(answering(), authority='stranger'))

    def test_other_protocols(self):
        self.fails(LOST, 'does not speak nisim/1', self.serve(answering(), alpn=()))
        self.fails(LOST, 'TLS', self.serve(answering(), alpn=('http/1.1',)))
        self.fails(LOST, 'TLS', self.serve(answering(), version=ssl.TLSVersion.TLSv1_2))
        self.fails(LOST, 'TLS', self.serve(greeting(b'HTTP/1.1 400 Bad Request\r\n\r\n'), tls=False))

    def test_the_environment_is_not_asked(self):
        server = self.serve(answering())
        self.nisim(*self.options(server), 'ping', expect=0, env={
            **os.environ, 'OPENSSL_CONF': '/nowhere/openssl.cnf', 'SSL_CERT_FILE': PKI.path('stranger.pem')})
        self.nisim(*self.options(server, ca=PKI.path('stranger.pem')), 'ping', expect=LOST, env={
            **os.environ, 'SSL_CERT_FILE': PKI.path('ca.pem')})


class ProtocolTest(ClientTest):
    def test_answers_to_something_else(self):
        for changes in ({'request_id': 77}, {'kind': IDENTITY}, {'version': 2}, {'flags': 0}, {'flags': 0x81},
                        {'length': FRAME_MAX + 1}):
            with self.subTest(changes):
                self.fails(LOST, '127.0.0.1:', self.serve(answering(body=GOOD_ANSWER, **changes)), *CHALLENGE)

    def test_answers_with_wrong_bodies(self):
        for body in (b'', GOOD_ANSWER[:-1], GOOD_ANSWER + b'\0', GOOD_ANSWER[12:], GOOD_ANSWER + GOOD_ANSWER[:12],
                     field(0x20, bytes(7)) + GOOD_ANSWER[12:], GOOD_ANSWER + field(0x24, b'x'), GOOD_IDENTITY):
            with self.subTest(body):
                self.fails(LOST, 'not well formed', self.serve(answering(body=body)), *CHALLENGE)
        self.fails(LOST, 'not well formed', self.serve(answering(SYNC_FAILURE, field(0x23, bytes(13)))), *CHALLENGE)
        self.fails(LOST, 'not well formed', self.serve(answering(body=GOOD_IDENTITY + field(3, b'sip:\n'))),
                   'identity', 'alice')
        self.fails(LOST, 'not well formed', self.serve(answering(body=GOOD_IDENTITY + 7 * field(3, b'sip:x'))),
                   'identity', 'alice')

    def test_a_verdict_on_what_is_no_challenge(self):
        for status in (SYNC_FAILURE, MAC_FAILURE):
            self.fails(LOST, 'not asked', self.serve(answering(status)), 'ping')
            self.fails(LOST, 'not asked', self.serve(answering(status)), 'identity', 'alice')

    def test_request_longer_than_the_server_takes(self):
        small = field(0x30, b'\0\0\0\x10') + HELLO_BODY[8:]
        self.fails(USAGE, 'longer', self.serve(greeting(frame(HELLO, 0, small, flags=1))), *CHALLENGE)

    def test_reset_instead_of_an_answer(self):
        def reset(peer):
            peer.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            os.close(peer.stream.detach())
        self.fails(LOST, '127.0.0.1:', self.serve(greeting(frame(HELLO, 0, HELLO_BODY, flags=1), reset)), *CHALLENGE)


class DeadlineTest(ClientTest):
    def holds(self, server, said='no answer in time'):
        begin = time.monotonic()
        self.fails(LOST, said, server, *CHALLENGE, timeout='1')
        self.assertTrue(0.9 < time.monotonic() - begin < 25, time.monotonic() - begin)

    @staticmethod
    def dribble(data):
        def talk(peer):
            for byte in data:
                peer.stream.sendall(bytes((byte,)))
                time.sleep(0.2)
        return talk

    def test_silence(self):
        self.holds(self.serve(lambda peer: peer.wait_for_end(), tls=False))
        self.holds(self.serve(lambda peer: peer.wait_for_end()))
        self.holds(self.serve(greeting(frame(HELLO, 0, HELLO_BODY, flags=1)[:30])))
        self.holds(self.serve(greeting(frame(HELLO, 0, HELLO_BODY, flags=1))))

    def test_byte_after_byte(self):
        self.holds(self.serve(self.dribble(b'\x16\x03\x03\x40\x00' + bytes(100)), tls=False))
        self.holds(self.serve(self.dribble(frame(HELLO, 0, HELLO_BODY, flags=1))))

    def test_endless_tickets(self):
        """Records that give no data must not hold OpenSSL beyond the deadline."""
        self.holds(self.serve(answering(), tickets=2000000))

    def test_nobody_accepts(self):
        with socket.socket() as listener:
            listener.bind(('127.0.0.1', 0))
            listener.listen(0)
            port = listener.getsockname()[1]
            waiting = [socket.socket() for _ in range(3)]
            for each in waiting:
                each.setblocking(False)
                each.connect_ex(('127.0.0.1', port))
            self.holds(f'127.0.0.1:{port}', 'timed out')
            for each in waiting:
                each.close()


class LibraryTest(ClientTest):
    def calls(self, server, *names, timeout_ms=3000):
        """One libnisim object; its answers must be those of both libraries."""
        printed = set()
        for program in CALLS:
            done = subprocess.run([program, server.address, PKI.path('ca.pem'), PKI.path('dns.pem'), PKI.path('dns.key'),
                                   str(timeout_ms), *names], capture_output=True, text=True, timeout=300, check=True)
            self.assertEqual(done.stderr, '')
            printed.add(done.stdout)
        self.assertEqual(len(printed), 1, printed)
        return [line.split(' ', 2) for line in printed.pop().splitlines()]

    def setUp(self):
        if not CALLS:
            self.skipTest('no --calls PROGRAM')

    def test_one_connection_serves_many_calls(self):
        connections = []

        def talk(peer):
            connections.append(peer)
            answering(body=GOOD_ANSWER)(peer)
        lines = self.calls(self.serve(talk), 'connect', *['authenticate'] * 20)
        self.assertEqual(lines, [['connect', '0', 'OK: wwsf-1']] + [['authenticate', '0', 'OK: wwsf-1']] * 20)
        self.assertEqual(len(connections), len(CALLS))

    def test_a_refusal_leaves_the_connection(self):
        statuses = {1: 0x22, 2: UNAVAILABLE, 3: OK}

        def talk(peer):
            peer.hello()
            while True:
                kind, request_id, _ = peer.request()
                peer.send(kind, request_id, status=statuses[request_id])
        lines = self.calls(self.serve(talk), 'connect', 'ping', 'nobody', 'ping', 'ping')
        self.assertEqual([line[1] for line in lines], ['0', '4', '3', '5', '0'])
        self.assertTrue(lines[2][2].startswith(': the user id'))

    def test_a_late_answer_is_never_taken_for_the_next(self):
        def talk(peer):
            peer.hello()
            kind, request_id, _ = peer.request()
            time.sleep(1.5)
            peer.send(kind, request_id)
            peer.wait_for_end()
        lines = self.calls(self.serve(talk), 'connect', 'ping', 'ping', timeout_ms=1000)
        self.assertEqual([line[1] for line in lines], ['0', '7', '7'])
        self.assertIn('no answer in time', lines[1][2])
        self.assertIn('not connected', lines[2][2])

    def test_nothing_works_before_connect(self):
        lines = self.calls(self.serve(answering()), 'ping', 'identity', 'authenticate')
        self.assertEqual({line[1] for line in lines}, {'7'})

    def test_connecting_anew_for_ever(self):
        """More often than there are numbers for kinds of BIO."""
        lines = self.calls(self.serve(answering()), *['connect', 'ping'] * 150)
        self.assertEqual({line[1] for line in lines}, {'0'})


def main():
    global PROGRAM, CALLS, PKI
    parser = argparse.ArgumentParser()
    parser.add_argument('--bin', required=True)
    parser.add_argument('--calls', nargs='*', default=())
    arguments, rest = parser.parse_known_args()
    PROGRAM = os.path.join(os.path.abspath(arguments.bin), 'nisim')
    CALLS = tuple(os.path.abspath(program) for program in arguments.calls)
    with tempfile.TemporaryDirectory(prefix='nisim-client-') as folder:
        PKI = Pki(folder)
        PKI.issue('late', 'ca', 'IP:127.0.0.1', usage='serverAuth', days=0)
        PKI.issue('elsewhere', 'ca', 'DNS:elsewhere.example.com', usage='serverAuth')
        unittest.main(argv=sys.argv[:1] + rest)


if __name__ == '__main__':
    main()
