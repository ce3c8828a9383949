#!/usr/bin/python3
"""The real nisim-front against clients and keepers played here: python3 test_front.py --bin BUILD/bin"""
import argparse
import os
import random
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
import unittest

import front_bench
from front_bench import (AT_FIELD, AUTHENTICATE, AUTN, BAD_LENGTH, BAD_VALUE, BUSY, CLIENT_NOT_LISTED, FORM,
                         FRAME_TOO_LARGE, HELLO, IDENTITY, IMPI, MALFORMED, MISSING_FIELD, OK, PING, RAND,
                         REPEATED_FIELD, SHUTTING_DOWN, STAMP_FRONT, UNAVAILABLE, UNKNOWN_FIELD, UNKNOWN_MESSAGE,
                         UNSUPPORTED_VERSION, USER_ID, Front, authenticate, field, fields, frame, identity)

BINARY = None
PKI = None


class FrontTest(unittest.TestCase):
    def start(self, **options):
        front = Front(BINARY, PKI, **options)
        self.addCleanup(front.close)
        return front

    def refused(self, front, reason, name='dns', **options):
        """The connection ends without HELLO, by an alert or an end, and the log says why."""
        alert = None
        try:
            front.connect(name, **options).close()
        except (ssl.SSLError, EOFError, ConnectionError) as error:
            alert = str(error)
        self.assertIsNotNone(alert)
        front.wait_for_log(reason)
        return alert

    def is_served(self, front, keeper=0):
        """Another client finds all well."""
        with front.connect() as client:
            client.send(frame(PING, 7))
            front.keepers[keeper].answer(front.keepers[keeper].request())
            self.assertEqual(client.receive(), (PING, OK, 7, b''))


class TlsTest(FrontTest):
    def test_strangers_are_refused_with_a_reason(self):
        front = self.start(tls={'crl': PKI.path('crl.pem')})
        alert = self.refused(front, 'peer did not return a certificate', name=None)
        self.assertIn('certificate required', alert.lower())
        alert = self.refused(front, 'certificate verify failed: certificate has expired', name='expired')
        self.assertIn('expired', alert)
        alert = self.refused(front, 'certificate verify failed: unable to get local issuer', name='stranger-dns')
        self.assertIn('unknown ca', alert)
        alert = self.refused(front, 'certificate verify failed: certificate revoked', name='revoked')
        self.assertIn('revoked', alert)
        self.refused(front, 'certificate verify failed: unsuitable certificate purpose', name='server')
        self.is_served(front)

    def test_wrong_protocols_are_refused(self):
        front = self.start()
        self.assertIn('no application protocol', self.refused(front, 'no application protocol', alpn=('http/1.1',)))
        self.assertIn('no application protocol', self.refused(front, 'no application protocol', alpn=()))
        self.refused(front, 'unsupported protocol', version=ssl.TLSVersion.TLSv1_2)
        self.is_served(front)

    def test_garbage_instead_of_tls(self):
        front = self.start()
        for garbage, reason in ((b'GET / HTTP/1.1\r\n\r\n', 'http request'), (bytes(range(256)), 'wrong version'),
                                (b'\x16\x03\x01\x00\x05hello', 'connection-refused')):
            with front.connect_plain() as plain:
                plain.sendall(garbage)
                plain.settimeout(front_bench.TIMEOUT)
                try:
                    while plain.recv(4096):
                        pass
                except ConnectionError:
                    pass
            front.wait_for_log(reason)
        with front.connect_plain():
            pass
        self.is_served(front)

    def test_unlisted_certificate_is_told_so(self):
        front = self.start()
        with front.connect('unlisted', hello=False) as client:
            client.send(frame(PING, 1) * 500)
            self.assertEqual(client.receive(), (HELLO, CLIENT_NOT_LISTED, 0, b''))
            client.expect_clean_close()
        front.wait_for_log('sha256:' + PKI.fingerprint('unlisted'))
        self.assertIsNone(front.keepers[0].receive(0.1))

    def test_listed_clients_by_dns_uri_and_fingerprint(self):
        front = self.start(limits={'in_flight': 17, 'idle_timeout': 77})
        for name, stamp, client_name in (('dns', 1, b'wwsf-1'), ('uri', 2, b'wwsf-2'), ('print', 3, b'wwsf-3')):
            with front.connect(name) as client:
                self.assertEqual(client.socket.version(), 'TLSv1.3')
                self.assertFalse(client.socket.session.has_ticket)
                self.assertEqual(client.hello[0x30], struct.pack('>I', 8192))
                self.assertEqual(client.hello[0x31], struct.pack('>H', 17))
                self.assertEqual(client.hello[0x32], client_name)
                self.assertEqual(client.hello[0x33], struct.pack('>I', 2))
                self.assertEqual(client.hello[0x8034], struct.pack('>I', 77))
                client.send(authenticate(0xfffffffe))
                packet = front.keepers[0].request()
                self.assertEqual(packet[:2], (stamp, AUTHENTICATE))
                front.keepers[0].answer(packet, OK, b'\x00\x20\x00\x08theirRES')
                self.assertEqual(client.receive(), (AUTHENTICATE, OK, 0xfffffffe, b'\x00\x20\x00\x08theirRES'))
        self.assertIn('connection-opened client=wwsf-3 address=127.0.0.1:', front.log())
        self.assertNotIn('theirRES', front.log())

    def test_tls_1_2_where_it_is_configured(self):
        front = self.start(tls={'minimum': '1.2'})
        with front.connect(version=ssl.TLSVersion.TLSv1_2) as client:
            self.assertEqual(client.socket.version(), 'TLSv1.2')
            self.assertFalse(client.socket.session.has_ticket)
            client.send(identity(9))
            front.keepers[0].answer(front.keepers[0].request(), UNAVAILABLE)
            self.assertEqual(client.receive()[:3], (IDENTITY, UNAVAILABLE, 9))
        self.is_served(front)

    def test_long_certificate_chain(self):
        with open(PKI.path('long.pem'), 'w') as chain:
            for name in ['server'] + ['dns', 'uri', 'print', 'unlisted', 'revoked'] * 6:
                with open(PKI.path(name + '.pem')) as certificate:
                    chain.write(certificate.read())
        front = self.start(tls={'certificate': PKI.path('long.pem')})
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        plain.settimeout(front_bench.TIMEOUT)
        plain.connect(('127.0.0.1', front.port))
        front.connect(plain=plain).close()


class StartTest(FrontTest):
    def ends(self, code, reason, **options):
        front = self.start(wait=False, ready=False, **options)
        self.assertEqual(front.wait(), code, front.log())
        self.assertIn(reason, front.log())

    def test_files_that_cannot_be_used(self):
        self.ends(78, 'tls.certificate', tls={'certificate': '/nonexistent/server.pem'})
        self.ends(78, 'does not belong to tls.certificate', tls={'key': PKI.path('dns.key')})
        self.ends(78, 'without passphrase', tls={'key': PKI.path('locked.key')})
        self.ends(78, 'tls.client_ca', tls={'client_ca': PKI.path('server.key')})
        self.ends(78, 'tls.crl', tls={'crl': PKI.path('ca.pem')})

    def test_usage(self):
        run = subprocess.run([BINARY], capture_output=True, check=False)
        self.assertEqual(run.returncode, 64)


@unittest.skipUnless(os.path.exists(front_bench.SOFTHSM), 'SoftHSM is not installed')
class TokenKeyTest(FrontTest):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(dir=PKI.folder)
        os.mkdir(os.path.join(cls.folder, 'tokens'))
        settings = os.path.join(cls.folder, 'softhsm2.conf')
        with open(settings, 'w') as file:
            file.write(f'directories.tokendir = {cls.folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n')
        cls.environment = {'SOFTHSM2_CONF': settings}
        for name, pin in (('pin', '48261357'), ('wrong-pin', '11112222')):
            with open(os.path.join(cls.folder, name), 'w') as file:
                file.write(pin + '\n')
        cls.token('--init-token', '--free', '--label', 'tls token', '--so-pin', '73910000', '--pin', '48261357')
        cls.token('--init-token', '--free', '--label', 'other', '--so-pin', '73910000', '--pin', '99998888')
        cls.load('server.key', 'server key', '01')
        PKI.issue('rsa-server', 'ca', 'DNS:localhost', usage='serverAuth', key=PKI.path('rsa.key'))
        cls.load('rsa.key', 'rsa key', '02')

    @classmethod
    def token(cls, *arguments):
        subprocess.run(['softhsm2-util', *arguments], env={**os.environ, **cls.environment}, check=True,
                       capture_output=True)

    @classmethod
    def load(cls, key, label, number):
        PKI.openssl('pkcs8', '-topk8', '-nocrypt', '-in', key, '-out', 'pkcs8.key')
        cls.token('--import', PKI.path('pkcs8.key'), '--token', 'tls token', '--label', label, '--id', number,
                  '--pin', '48261357')

    def options(self, uri, pin='pin', certificate='server.pem', **others):
        return {'environment': self.environment,
                'tls': {'key': uri, 'module': front_bench.SOFTHSM, 'pin_file': os.path.join(self.folder, pin),
                        'certificate': PKI.path(certificate), **others}}

    def test_key_in_a_token(self):
        for uri, certificate in (('pkcs11:token=tls%20token;object=server%20key', 'server.pem'),
                                 ('pkcs11:token=tls%20token;id=%02', 'rsa-server.pem')):
            front = self.start(**self.options(uri, certificate=certificate))
            self.is_served(front)
            self.is_served(front)
            self.assertIn('no application protocol', self.refused(front, 'no application protocol', alpn=()))

    def test_a_token_that_cannot_be_used(self):
        uri = 'pkcs11:token=tls%20token;object=server%20key'
        for code, reason, options in (
                (77, 'log-in failed', self.options(uri, pin='wrong-pin')),
                (69, 'not exactly one token', self.options('pkcs11:token=none;object=server%20key')),
                (69, '0 usable private keys', self.options('pkcs11:token=tls%20token;object=none')),
                (69, '2 usable private keys', self.options('pkcs11:token=tls%20token')),
                (69, 'tls.module', self.options(uri, module='/nonexistent/module.so')),
                (78, 'tls.pin_file', self.options(uri, pin='nonexistent')),
                (78, 'not a PKCS#11 URI', self.options('pkcs11:token=%zz'))):
            front = self.start(wait=False, ready=False, **options)
            self.assertEqual(front.wait(), code, front.log())
            self.assertIn(reason, front.log())


class FrameTest(FrontTest):
    def test_each_fault_has_its_status(self):
        front = self.start()
        alice = field(USER_ID, b'alice')
        rand, autn, form = field(RAND, bytes(16)), field(AUTN, bytes(16)), field(FORM, b'\x01')
        faults = (
            (PING, alice, UNKNOWN_FIELD, USER_ID),
            (PING, b'\x00', MALFORMED, 0),
            (IDENTITY, b'', MISSING_FIELD, USER_ID),
            (IDENTITY, alice + alice, REPEATED_FIELD, USER_ID),
            (IDENTITY, alice + field(IMPI, b'a@b'), REPEATED_FIELD, IMPI),
            (IDENTITY, field(USER_ID, b''), BAD_LENGTH, USER_ID),
            (IDENTITY, field(USER_ID, bytes(129)), BAD_LENGTH, USER_ID),
            (IDENTITY, field(IMPI, b'a@'), BAD_LENGTH, IMPI),
            (IDENTITY, field(USER_ID, b'al\nice'), BAD_VALUE, USER_ID),
            (IDENTITY, field(USER_ID, b'\xff\xfe'), BAD_VALUE, USER_ID),
            (IDENTITY, alice[:-1], MALFORMED, 0),
            (IDENTITY, alice + b'\x00', MALFORMED, 0),
            (IDENTITY, alice + field(0x0999, b'x'), UNKNOWN_FIELD, 0x0999),
            (AUTHENTICATE, alice + field(RAND, bytes(15)) + autn + form, BAD_LENGTH, RAND),
            (AUTHENTICATE, alice + rand + field(AUTN, bytes(17)) + form, BAD_LENGTH, AUTN),
            (AUTHENTICATE, alice + rand + autn + field(FORM, b'\x09'), BAD_VALUE, FORM),
            (AUTHENTICATE, alice + rand + form, MISSING_FIELD, AUTN),
            (AUTHENTICATE, alice + rand + autn, MISSING_FIELD, FORM),
            (AUTHENTICATE, rand + autn + form, MISSING_FIELD, USER_ID),
            (0x7f, alice, UNKNOWN_MESSAGE, 0),
            (HELLO, b'', UNKNOWN_MESSAGE, 0),
        )
        with front.connect() as client:
            for number, (kind, body, status, at_field) in enumerate(faults):
                client.send(frame(kind, number, body))
                answer = client.receive()
                self.assertEqual(answer[:3], (kind, status, number), (kind, body))
                wanted = [(AT_FIELD, struct.pack('>H', at_field))] if at_field else []
                self.assertEqual(fields(answer[3]), wanted, (kind, body))
            self.assertIsNone(front.keepers[0].receive(0.05))
            client.send(frame(IDENTITY, 5, alice + field(0x9999, b'skipped')))
            front.keepers[0].answer(front.keepers[0].request())
            self.assertEqual(client.receive()[:3], (IDENTITY, OK, 5))

    def test_what_ends_the_stream(self):
        front = self.start()
        for bad, status in ((frame(PING, 3, version=2), UNSUPPORTED_VERSION),
                            (frame(PING, 3, length=8193), FRAME_TOO_LARGE),
                            (frame(PING, 3, length=0xffffffff), FRAME_TOO_LARGE),
                            (frame(PING, 3, flags=1), MALFORMED), (frame(PING, 3, status=5), MALFORMED)):
            with front.connect() as client:
                client.send(identity(2) + bad + identity(4) + bytes(20000))
                packet = front.keepers[0].request()
                self.assertEqual(client.receive(), (PING, status, 3, b''))
                front.keepers[0].answer(packet)
                self.assertEqual(client.receive()[:3], (IDENTITY, OK, 2))
                client.expect_clean_close()
        self.assertIsNone(front.keepers[0].receive(0.05))
        self.assertIn('reason="FRAME_TOO_LARGE"', front.log())

    def test_largest_frames_and_single_bytes(self):
        front = self.start()
        body = field(USER_ID, b'alice') + b''.join(field(0x9000 + i, bytes(199)) for i in range(40))
        body += field(0x9fff, bytes(8192 - len(body) - 4))
        with front.connect() as client:
            client.send(frame(IDENTITY, 1, body) + frame(IDENTITY, 2, body))
            for byte in frame(PING, 3):
                client.send(bytes([byte]))
            for number in (1, 2):
                packet = front.keepers[0].request()
                self.assertEqual(packet[3], body)
                front.keepers[0].answer(packet, OK, body)
                self.assertEqual(client.receive(), (IDENTITY, OK, number, body))
            front.keepers[0].answer(front.keepers[0].request())
            self.assertEqual(client.receive(), (PING, OK, 3, b''))


class DeadlineTest(FrontTest):
    def test_deadlines(self):
        front = self.start(limits={'handshake_timeout': 1, 'frame_timeout': 1, 'idle_timeout': 6, 'request_timeout': 1})
        silent = front.connect_plain()
        half_hello = front.connect_plain()
        half_hello.sendall(b'\x16\x03\x01\x02\x00\x01')
        idle, half, unanswered = front.connect(), front.connect(), front.connect('uri')
        half.send(identity(1)[:-2])
        unanswered.send(identity(8))
        started = time.monotonic()
        packet = front.keepers[0].request()
        self.assertEqual(silent.recv(1), b'')
        self.assertEqual(half_hello.recv(1), b'')
        half.expect_clean_close()
        self.assertEqual(unanswered.receive()[:3], (IDENTITY, UNAVAILABLE, 8))
        self.assertLess(time.monotonic() - started, 5)
        front.keepers[0].answer(packet)
        idle.expect_clean_close()
        self.assertGreater(time.monotonic() - started, 4)
        unanswered.expect_clean_close()
        for reason in ('handshake timeout', 'frame timeout', 'idle timeout', 'request-timeout keeper=0 type=IDENTITY'):
            self.assertIn(reason, front.log())
        self.assertEqual(front.log().count('handshake timeout'), 2)
        for client in (silent, half_hello, idle, half, unanswered):
            client.close()
        self.is_served(front)

    def test_a_client_that_takes_no_answers(self):
        front = self.start(limits={'frame_timeout': 1, 'in_flight': 1000, 'request_timeout': 20})
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        plain.settimeout(front_bench.TIMEOUT)
        plain.connect(('127.0.0.1', front.port))
        client = front.connect(plain=plain)
        client.send(identity(1) * 900)
        for _ in range(900):
            front.keepers[0].answer(front.keepers[0].request(), OK, bytes(8000))
        front.wait_for_log('answer not taken')
        client.close()
        self.is_served(front)


class FlowTest(FrontTest):
    def test_many_pipelined_requests_in_any_order(self):
        front = self.start(keepers=2, limits={'in_flight': 256})
        with front.connect() as client:
            client.send(b''.join(identity(i, f'user-{i}') for i in range(200)))
            packets = []
            end = time.monotonic() + 60
            while len(packets) < 200:
                self.assertLess(time.monotonic(), end)
                for keeper in front.keepers:
                    while (packet := keeper.request(0.01)) is not None:
                        packets.append((keeper, packet))
            self.assertGreater(min(sum(owner is keeper for owner, _ in packets) for keeper in front.keepers), 50)
            random.Random(5).shuffle(packets)
            for keeper, packet in packets:
                keeper.answer(packet, OK, packet[3])
            answers = {}
            for _ in range(200):
                kind, status, number, body = client.receive()
                self.assertEqual((kind, status), (IDENTITY, OK))
                answers[number] = body
            self.assertEqual(answers, {i: field(USER_ID, f'user-{i}'.encode()) for i in range(200)})

    def test_one_subscriber_has_one_keeper(self):
        front = self.start(keepers=3)
        with front.connect() as client:
            client.send(b''.join(identity(i, 'bob') for i in range(12)))
            counts = [0, 0, 0]
            end = time.monotonic() + 60
            while sum(counts) < 12:
                self.assertLess(time.monotonic(), end)
                for index, keeper in enumerate(front.keepers):
                    while keeper.request(0.01) is not None:
                        counts[index] += 1
            self.assertEqual(sorted(counts), [0, 0, 12])

    def test_in_flight_bound_stops_reading_and_loses_nothing(self):
        front = self.start(limits={'in_flight': 4})
        with front.connect() as client:
            client.send(b''.join(identity(i, f'user-{i}') for i in range(30)))
            packets = [front.keepers[0].request() for _ in range(4)]
            self.assertIsNone(front.keepers[0].receive(0.2))
            self.assertTrue(client.is_silent(0.1))
            for number in range(30):
                packet = packets.pop(0)
                self.assertEqual(packet[3], field(USER_ID, f'user-{number}'.encode()))
                front.keepers[0].answer(packet)
                self.assertEqual(client.receive()[:3], (IDENTITY, OK, number))
                if number + 4 < 30:
                    packets.append(front.keepers[0].request())
            client.send(frame(PING, 99))
            front.keepers[0].answer(front.keepers[0].request())
            self.assertEqual(client.receive()[2], 99)

    def test_faults_alone_cannot_fill_memory(self):
        front = self.start(limits={'in_flight': 2})
        with front.connect() as client:
            client.send(frame(0x7e, 1) * 3000)
            for _ in range(3000):
                self.assertEqual(client.receive(), (0x7e, UNKNOWN_MESSAGE, 1, b''))

    def test_table_bound_is_busy(self):
        front = self.start(limits={'requests': 5, 'in_flight': 64})
        with front.connect() as client, front.connect('uri') as other:
            client.send(b''.join(identity(i) for i in range(5)))
            packets = [front.keepers[0].request() for _ in range(5)]
            other.send(identity(6))
            self.assertEqual(other.receive(), (IDENTITY, BUSY, 6, b''))
            for packet in packets:
                front.keepers[0].answer(packet)
            self.assertEqual([client.receive()[1] for _ in range(5)], [OK] * 5)
            other.send(identity(7))
            front.keepers[0].answer(front.keepers[0].request())
            self.assertEqual(other.receive()[:3], (IDENTITY, OK, 7))

    def test_full_channel_waits_and_loses_nothing(self):
        front = self.start(limits={'in_flight': 1024})
        with front.connect() as client, front.connect('uri') as other:
            client.send(b''.join(identity(i) for i in range(900)))
            time.sleep(0.2)
            other.send(identity(5000))
            self.assertTrue(client.is_silent(0.1))
            for _ in range(901):
                front.keepers[0].answer(front.keepers[0].request())
            self.assertEqual(sorted(client.receive()[2] for _ in range(900)), list(range(900)))
            self.assertEqual(other.receive()[:3], (IDENTITY, OK, 5000))

    def test_full_channel_of_a_dead_keeper_is_unavailable(self):
        front = self.start(limits={'in_flight': 1024, 'request_timeout': 20})
        with front.connect() as client:
            client.send(b''.join(identity(i) for i in range(900)))
            time.sleep(0.2)
            front.keeper_died(0)
            kind, status, number, _ = client.receive()
            self.assertEqual((kind, status), (IDENTITY, UNAVAILABLE))
            answered = {number}
            while not client.is_silent(0.2):
                answered.add(client.receive()[2])
            front.keepers[0].ready()
            while len(answered) < 900:
                front.keepers[0].answer(front.keepers[0].request())
                answered.add(client.receive()[2])
            front.settle(0)
        self.is_served(front)

    def test_full_channel_of_a_silent_keeper_is_busy_in_the_end(self):
        front = self.start(limits={'in_flight': 1024, 'request_timeout': 1})
        with front.connect() as client:
            client.send(b''.join(identity(i) for i in range(900)))
            started = time.monotonic()
            statuses = {client.receive()[1] for _ in range(300)}
            self.assertLess(time.monotonic() - started, 15)
            self.assertLessEqual(statuses, {UNAVAILABLE, BUSY})

    def test_a_client_that_goes_away_with_requests_in_hand(self):
        front = self.start()
        with front.connect() as client:
            client.send(b''.join(identity(i) for i in range(20)))
            packets = [front.keepers[0].request() for _ in range(20)]
        front.wait_for_log('connection-closed client=wwsf-1')
        with front.connect('uri') as other:
            other.send(identity(1))
            for packet in [*packets, front.keepers[0].request()]:
                front.keepers[0].answer(packet)
            self.assertEqual(other.receive()[:3], (IDENTITY, OK, 1))
            self.assertTrue(other.is_silent(0.1))

    def test_a_client_that_ends_its_side_still_gets_its_answers(self):
        front = self.start()
        client = front.connect()
        client.send(identity(1) + identity(2))
        packets = [front.keepers[0].request() for _ in range(2)]
        client.socket.settimeout(0.1)
        with self.assertRaises(TimeoutError):
            client.socket.unwrap()
        for packet in packets:
            front.keepers[0].answer(packet)
        front.wait_for_log('closed by client')
        client.close()
        self.is_served(front)

    def test_connection_limit(self):
        front = self.start(limits={'connections': 2, 'handshake_timeout': 30})
        first, second = front.connect(), front.connect('uri')
        plain = front.connect_plain()
        plain.settimeout(0.3)
        with self.assertRaises(TimeoutError):
            front.connect(plain=plain)
        front.wait_for_log('connections-full limit=2')
        first.close()
        self.is_served(front)
        second.close()

    def test_no_descriptors_left(self):
        front = self.start(descriptors=20, limits={'idle_timeout': 60})
        plains = [front.connect_plain() for _ in range(16)]
        front.wait_for_log('accept-paused')
        self.assertIn('descriptors-few', front.log())
        for plain in plains:
            plain.close()
        self.is_served(front)


class KeeperTest(FrontTest):
    def test_death_with_requests_in_hand(self):
        front = self.start()
        keeper = front.keepers[0]
        with front.connect() as client:
            client.send(b''.join(identity(i) for i in range(3)))
            lost = [keeper.receive() for _ in range(2)]
            front.keeper_died(0)
            client.send(frame(PING, 50))
            self.assertEqual(client.receive(), (PING, UNAVAILABLE, 50, b''))
            client.send(identity(3))
            time.sleep(0.1)
            self.assertTrue(client.is_silent(0.1))
            keeper.ready()
            self.assertEqual(keeper.generation, 2)
            for number in (2, 3):
                keeper.answer(keeper.request())
                self.assertEqual(client.receive()[:3], (IDENTITY, OK, number))
            front.settle(0)
            self.assertEqual(sorted(client.receive()[:3] for _ in range(2)),
                             [(IDENTITY, UNAVAILABLE, 0), (IDENTITY, UNAVAILABLE, 1)])
            for packet in lost:
                keeper.answer(packet)
            self.assertTrue(client.is_silent(0.1))
        self.assertIn('keeper-usable keeper=0 lost=2', front.log())
        self.is_served(front)

    def test_ping_goes_to_a_keeper_that_is_ready(self):
        front = self.start(keepers=3)
        front.keeper_died(0)
        front.keeper_died(2)
        with front.connect() as client:
            for number in range(3):
                client.send(frame(PING, number))
                front.keepers[1].answer(front.keepers[1].request())
                self.assertEqual(client.receive(), (PING, OK, number, b''))

    def test_ping_without_a_keeper(self):
        front = self.start(ready=False)
        with front.connect() as client:
            client.send(frame(PING, 1))
            self.assertEqual(client.receive(), (PING, UNAVAILABLE, 1, b''))

    def test_nothing_counts_before_the_marker(self):
        front = self.start(ready=False)
        keeper = front.keepers[0]
        with front.connect() as client:
            off = keeper.receive()
            self.assertEqual((off[0], off[1], off[3]), (STAMP_FRONT, 0x0a, b''))
            marker = keeper.receive()
            self.assertEqual((marker[0], marker[1], marker[3]), (STAMP_FRONT, PING, b''))
            client.send(identity(1))
            packet = keeper.receive()
            keeper.answer(packet, OK, b'\x12\x34')
            self.assertTrue(client.is_silent(0.1))
            keeper.answer_marker(marker)
            keeper.answer(packet, OK)
            self.assertEqual(client.receive(), (IDENTITY, OK, 1, b''))

    def test_a_new_front_ignores_answers_to_the_one_before(self):
        old = Front(BINARY, PKI, generation=6)
        keeper = old.keepers[0]
        client = old.connect()
        client.send(identity(1))
        packet = keeper.request()
        os.kill(old.pid, signal.SIGKILL)
        old.wait()
        client.close()
        keeper.answer(packet, OK, b'\x00\x20\x00\x08stale1  ')
        old.close(keep_channels=True)
        front = self.start(generation=7, channels=old.channels, ready=False)
        keeper = front.keepers[0]
        with front.connect() as client:
            client.send(identity(2))
            mine = keeper.request()
            keeper.answer(packet, OK, b'\x00\x20\x00\x08stale2  ')
            keeper.send(IDENTITY, mine[2] ^ 0x01000000, OK, b'')
            self.assertNotEqual(mine[2], packet[2])
            self.assertTrue(client.is_silent(0.1))
            keeper.answer(mine)
            self.assertEqual(client.receive(), (IDENTITY, OK, 2, b''))

    def test_nonsense_from_a_keeper(self):
        front = self.start()
        keeper = front.keepers[0]
        with front.connect() as client:
            client.send(identity(1) + identity(2))
            first, second = keeper.request(), keeper.request()
            for nonsense in (b'x', bytes(14), bytes(8300), b'\0\0' + frame(IDENTITY, first[2]),
                             b'\0\0' + frame(IDENTITY, first[2], flags=1, length=4),
                             b'\0\0' + frame(IDENTITY, first[2] ^ 0x40, flags=1)):
                keeper.channel.send(nonsense)
            keeper.send(AUTHENTICATE, first[2])
            self.assertEqual(client.receive(), (IDENTITY, UNAVAILABLE, 1, b''))
            keeper.answer(second)
            self.assertEqual(client.receive(), (IDENTITY, OK, 2, b''))
        self.assertIn('keeper-invalid', front.log())
        self.assertIn('keeper-confused', front.log())


class DrainTest(FrontTest):
    def test_drain_answers_what_is_in_hand(self):
        front = self.start()
        busy, idle = front.connect(), front.connect('uri')
        silent = front.connect_plain()
        busy.send(identity(1))
        packet = front.keepers[0].request()
        front.wait_for_log('connection-opened client=wwsf-2')
        front.terminate()
        idle.expect_clean_close()
        idle.close()
        silent.close()
        busy.send(identity(2))
        self.assertEqual(busy.receive(), (IDENTITY, SHUTTING_DOWN, 2, b''))
        front.keepers[0].answer(packet)
        self.assertEqual(busy.receive()[:3], (IDENTITY, OK, 1))
        busy.expect_clean_close()
        busy.close()
        self.assertEqual(front.wait(), 0)
        self.assertNotIn('drain-timeout', front.log())

    def test_drain_frees_the_port(self):
        front = self.start(limits={'drain_timeout': 300, 'request_timeout': 300})
        client = front.connect()
        client.send(identity(1))
        packet = front.keepers[0].request()
        front.listener.close()  # nisimd's own
        front.terminate()
        front.wait_for_log('draining')
        client.send(identity(2))
        self.assertEqual(client.receive(), (IDENTITY, SHUTTING_DOWN, 2, b''))
        socket.create_server(('127.0.0.1', front.port)).close()
        front.keepers[0].answer(packet)
        self.assertEqual(client.receive()[:3], (IDENTITY, OK, 1))
        client.close()
        self.assertEqual(front.wait(), 0)

    def test_drain_ends_in_time(self):
        front = self.start(limits={'drain_timeout': 2, 'request_timeout': 60})
        client = front.connect()
        client.send(identity(1))
        front.keepers[0].request()
        front.terminate()
        started = time.monotonic()
        self.assertEqual(client.receive(), (IDENTITY, UNAVAILABLE, 1, b''))
        client.expect_clean_close()
        self.assertEqual(front.wait(), 0)
        self.assertLess(time.monotonic() - started, 30)
        self.assertIn('drain-timeout', front.log())
        client.close()

    def test_without_nisimd(self):
        front = self.start()
        front.control.close()
        self.assertEqual(front.wait(), 0)


def main():
    global BINARY, PKI
    parser = argparse.ArgumentParser()
    parser.add_argument('--bin', required=True)
    arguments, rest = parser.parse_known_args()
    BINARY = os.path.join(os.path.abspath(arguments.bin), 'nisim-front')
    with tempfile.TemporaryDirectory(prefix='nisim-front-') as folder:
        PKI = front_bench.Pki(folder)
        unittest.main(argv=[sys.argv[0], *rest])


if __name__ == '__main__':
    main()
