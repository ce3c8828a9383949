"""A nisim-front under test: its PKI, its configuration, its descriptors, keepers played by the test, clients."""
import fcntl
import hashlib
import os
import select
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import time

HEADER = struct.Struct('>IBBBBI')
HELLO, PING, IDENTITY, AUTHENTICATE = 1, 2, 3, 4
OK, SYNC_FAILURE, MAC_FAILURE = 0x00, 0x01, 0x02
MALFORMED, UNSUPPORTED_VERSION, UNKNOWN_MESSAGE, UNKNOWN_FIELD = 0x10, 0x11, 0x12, 0x13
MISSING_FIELD, REPEATED_FIELD, BAD_LENGTH, BAD_VALUE = 0x14, 0x15, 0x16, 0x17
FRAME_TOO_LARGE, CLIENT_NOT_LISTED, UNAVAILABLE, BUSY, SHUTTING_DOWN = 0x18, 0x20, 0x30, 0x31, 0x32
USER_ID, IMPI, RAND, AUTN, FORM = 0x0001, 0x0002, 0x0010, 0x0011, 0x0012
AT_FIELD = 0x8036
STAMP_FRONT = 0xffff
FIRST_CHANNEL = 7
SOFTHSM = '/usr/lib/softhsm/libsofthsm2.so'
TIMEOUT = 60  # seconds for what comes at once, on a machine that has other things to do


def field(tag, value):
    return struct.pack('>HH', tag, len(value)) + value


def fields(body):
    found = []
    while body:
        tag, length = struct.unpack('>HH', body[:4])
        found.append((tag, body[4:4 + length]))
        body = body[4 + length:]
    return found


def frame(kind, request_id, body=b'', version=1, flags=0, status=0, length=None):
    length = len(body) if length is None else length
    return HEADER.pack(length, version, kind, flags, status, request_id) + body


def authenticate(request_id, user='alice'):
    return frame(AUTHENTICATE, request_id, field(USER_ID, user.encode()) + field(RAND, bytes(range(16)))
                 + field(AUTN, bytes(range(16, 32))) + field(FORM, b'\x01'))


def identity(request_id, user='alice'):
    return frame(IDENTITY, request_id, field(USER_ID, user.encode()))


class Pki:
    """Made once: an authority that is trusted, one that is not, and certificates of every kind."""

    def __init__(self, folder):
        self.folder = folder
        self.authority('ca')
        self.authority('stranger')
        self.issue('server', 'ca', 'DNS:localhost,IP:127.0.0.1', usage='serverAuth')
        self.issue('dns', 'ca', 'DNS:WWSF1.Example.COM')
        self.issue('uri', 'ca', 'URI:urn:wwsf:2')
        self.issue('print', 'ca', 'DNS:somewhere.example.net')
        self.issue('unlisted', 'ca', 'DNS:nobody.example.com')
        self.issue('expired', 'ca', 'DNS:wwsf1.example.com', days=0)
        self.issue('stranger-dns', 'stranger', 'DNS:wwsf1.example.com')
        self.issue('revoked', 'ca', 'DNS:wwsf1.example.com')
        self.openssl('genrsa', '-out', 'rsa.key', '2048')
        self.openssl('rsa', '-aes128', '-passout', 'pass:secret', '-in', 'rsa.key', '-out', 'locked.key')
        self.revoke('revoked')

    def path(self, name):
        return os.path.join(self.folder, name)

    def openssl(self, *arguments):
        subprocess.run(['openssl', *arguments], check=True, capture_output=True, cwd=self.folder)

    def authority(self, name):
        self.openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30',
                     '-subj', f'/CN={name}', '-keyout', name + '.key', '-out', name + '.pem')

    def issue(self, name, authority, san, usage='clientAuth', days=30, key=None):
        if key is None:
            self.openssl('ecparam', '-genkey', '-name', 'prime256v1', '-noout', '-out', name + '.key')
        self.openssl('req', '-new', '-key', key or name + '.key', '-subj', f'/CN={name}', '-out', name + '.csr')
        with open(self.path(name + '.ext'), 'w') as extensions:
            extensions.write(f'subjectAltName={san}\nextendedKeyUsage={usage}\n')
        self.openssl('x509', '-req', '-in', name + '.csr', '-CA', authority + '.pem', '-CAkey', authority + '.key',
                     '-CAcreateserial', '-days', str(days), '-extfile', name + '.ext', '-out', name + '.pem')

    def revoke(self, name):
        open(self.path('index.txt'), 'w').close()
        with open(self.path('ca.cnf'), 'w') as settings:
            settings.write('[ca]\ndefault_ca=x\n[x]\ndatabase=index.txt\ndefault_md=sha256\ndefault_crl_days=30\n')
        signer = ['-config', 'ca.cnf', '-cert', 'ca.pem', '-keyfile', 'ca.key']
        self.openssl('ca', *signer, '-revoke', name + '.pem')
        self.openssl('ca', *signer, '-gencrl', '-out', 'crl.pem')

    def fingerprint(self, name):
        with open(self.path(name + '.pem')) as file:
            der = ssl.PEM_cert_to_DER_cert(file.read())
        return hashlib.sha256(der).hexdigest()


class Keeper:
    """One keeper, played by the test; answers nothing unless told to."""

    def __init__(self, channel):
        self.channel = channel
        channel.settimeout(TIMEOUT)
        self.generation = 0
        self.laboratory = False

    def send(self, kind, request_id, status=OK, body=b'', stamp=STAMP_FRONT):
        self.channel.send(struct.pack('>HI', stamp, 0) + frame(kind, request_id, body, flags=1, status=status))

    def receive(self, timeout=TIMEOUT):
        """(stamp, type, request id, body), or None when nothing comes."""
        if not select.select([self.channel], [], [], timeout)[0]:
            return None
        packet = self.channel.recv(16384)
        length, version, kind, flags, status, request_id = HEADER.unpack(packet[6:18])
        assert (version, flags, status, length) == (1, 0, 0, len(packet) - 18), packet[:18]
        return struct.unpack('>H', packet[:2])[0], kind, request_id, packet[18:]

    def request(self, timeout=TIMEOUT):
        """The next request of a client; markers are answered on the way."""
        while True:
            packet = self.receive(timeout)
            if packet is None or packet[0] != STAMP_FRONT:
                return packet
            self.answer_marker(packet)

    def answer(self, packet, status=OK, body=b''):
        self.send(packet[1], packet[2], status, body, packet[0])

    def answer_marker(self, packet):
        self.send(PING, packet[2], OK, struct.pack('>IB', self.generation or 1, self.laboratory))

    def ready(self):
        self.generation += 1
        self.send(HELLO, self.generation)

    def settle(self, is_over):
        """Answers markers until `is_over` says so."""
        end = time.monotonic() + TIMEOUT
        while not is_over():
            assert time.monotonic() < end
            packet = self.receive(0.02)
            if packet is not None:
                assert packet[0] == STAMP_FRONT, packet
                self.answer_marker(packet)


class Front:
    """The real program. Starts in the constructor; `keepers` are ready unless told otherwise."""

    def __init__(self, binary, pki, keepers=1, limits=None, tls=None, ready=True, generation=1, channels=None,
                 descriptors=None, environment=None, wait=True):
        self.pki = pki
        self.folder = tempfile.mkdtemp(dir=pki.folder)
        self.listener = socket.create_server(('127.0.0.1', 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.channels = channels or [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(keepers)]
        self.keepers = [Keeper(pair[1]) for pair in self.channels]
        self.control, front_control = socket.socketpair()
        self.ready_end, front_ready = os.pipe()
        self.write_config(limits or {}, tls or {})
        if ready:
            for keeper in self.keepers:
                keeper.ready()
        config = os.open(self.config_path, os.O_RDONLY)
        self.log_path = os.path.join(self.folder, 'log')
        self.spawn(binary, generation, descriptors, environment or {},
                   [config, front_ready, self.listener.fileno(), front_control.fileno()]
                   + [pair[0].fileno() for pair in self.channels])
        os.close(config)
        os.close(front_ready)
        front_control.close()
        self.exit_code = None
        if wait:
            assert os.read(self.ready_end, 1) == b'\x01', self.log()
            if ready:
                for index in range(len(self.keepers)):
                    self.settle(index)

    def write_config(self, limits, tls):
        pki = self.pki
        tls = {'certificate': pki.path('server.pem'), 'key': pki.path('server.key'), 'client_ca': pki.path('ca.pem'),
               **tls}
        self.config_path = os.path.join(self.folder, 'nisim.conf')
        with open(self.config_path, 'w') as file:
            file.write(f'listen = "127.0.0.1:{self.port}"; store = "nisim.db";\n')
            file.write(f'keepers = {len(self.channels)};\n')
            file.write('tls: {' + ''.join(f' {key} = "{value}";' for key, value in tls.items()) + ' };\n')
            file.write(f'token: {{ module = "{SOFTHSM}"; label = "x"; pin_file = "pin"; call_timeout = 5; }};\n')
            file.write('limits: {' + ''.join(f' {key} = {value};' for key, value in limits.items()) + ' };\n')
            file.write('clients = (\n')
            clients = [('first', 'dns:other.example.com'), ('wwsf-1', 'dns:wwsf1.example.com'),
                       ('wwsf-2', 'uri:urn:wwsf:2'), ('wwsf-3', 'sha256:' + pki.fingerprint('print'))]
            file.write(',\n'.join(f' {{ name = "{name}"; certificate = "{match}"; domains = ("ims.example.com"); '
                                  'forms = ("card"); }' for name, match in clients))
            file.write('\n);\n')

    def spawn(self, binary, generation, descriptors, environment, sources):
        """Descriptors 3, 4, ... of the child are `sources`; all others are closed at exec."""
        high = [fcntl.fcntl(source, fcntl.F_DUPFD_CLOEXEC, 200) for source in sources]
        log = os.open(self.log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        actions = [(os.POSIX_SPAWN_DUP2, log, 2)]
        actions += [(os.POSIX_SPAWN_DUP2, source, 3 + i) for i, source in enumerate(high)]
        arguments = [binary, str(generation), str(len(self.channels)), self.config_path]
        if descriptors is not None:
            arguments = ['/bin/sh', '-c', f'ulimit -n {descriptors}; exec "$@"', 'sh', *arguments]
        self.pid = os.posix_spawn(arguments[0], arguments, {**os.environ, **environment}, file_actions=actions)
        for descriptor in [*high, log]:
            os.close(descriptor)

    def log(self):
        with open(self.log_path) as file:
            return file.read()

    def settle(self, index):
        """Until this keeper is usable once more than before."""
        line = f'keeper-usable keeper={index} '
        before = self.log().count(line)
        self.keepers[index].settle(lambda: self.log().count(line) > before)

    def wait_for_log(self, text, seconds=TIMEOUT):
        end = time.monotonic() + seconds
        while text not in self.log():
            assert time.monotonic() < end, f'{text!r} is not in the log:\n{self.log()}'
            time.sleep(0.01)

    def keeper_died(self, index):
        self.control.send(bytes([index]))
        self.wait_for_log(f'keeper-died keeper={index}')

    def terminate(self):
        os.kill(self.pid, signal.SIGTERM)

    def wait(self, seconds=TIMEOUT):
        end = time.monotonic() + seconds
        while self.exit_code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid != 0:
                self.exit_code = os.waitstatus_to_exitcode(status)
            assert time.monotonic() < end, 'the front does not end:\n' + self.log()
            time.sleep(0.005)
        return self.exit_code

    def close(self, keep_channels=False):
        """Ends it the clean way, and looks for what a sanitizer said."""
        if self.exit_code is None:
            self.terminate()
            assert self.wait() == 0, self.log()
        self.listener.close()
        self.control.close()
        os.close(self.ready_end)
        if not keep_channels:
            for pair in self.channels:
                pair[0].close()
                pair[1].close()
        assert 'Sanitizer' not in self.log() and 'runtime error' not in self.log(), self.log()

    def connect(self, name='dns', **options):
        return Client(self, name, **options)

    def connect_plain(self):
        return socket.create_connection(('127.0.0.1', self.port), timeout=TIMEOUT)


class Client:
    """A WWSF. Reads HELLO unless told otherwise."""

    def __init__(self, front, name, hello=True, alpn=('nisim/1',), version=ssl.TLSVersion.TLSv1_3, plain=None):
        pki = front.pki
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(pki.path('ca.pem'))
        context.minimum_version = context.maximum_version = version
        if name is not None:
            context.load_cert_chain(pki.path(name + '.pem'), pki.path(name + '.key'))
        if alpn:
            context.set_alpn_protocols(list(alpn))
        plain = plain or front.connect_plain()
        try:
            self.socket = context.wrap_socket(plain, server_hostname='localhost', suppress_ragged_eofs=False)
        except Exception:
            plain.close()
            raise
        self.buffer = b''
        self.hello = None
        if hello:
            self.read_hello()

    def read_hello(self):
        try:
            kind, status, request_id, body = self.receive()
        except Exception:
            self.close()
            raise
        assert (kind, status, request_id) == (HELLO, OK, 0), (kind, status, request_id)
        self.hello = dict(fields(body))

    def send(self, data):
        self.socket.sendall(data)

    def take(self, length):
        while len(self.buffer) < length:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError('closed')
            self.buffer += data
        taken, self.buffer = self.buffer[:length], self.buffer[length:]
        return taken

    def receive(self, timeout=TIMEOUT):
        """(type, status, request id, body) of the next answer."""
        self.socket.settimeout(timeout)
        length, version, kind, flags, status, request_id = HEADER.unpack(self.take(HEADER.size))
        assert (version, flags) == (1, 1), (version, flags)
        return kind, status, request_id, self.take(length)

    def is_silent(self, seconds=0.2):
        if self.buffer:
            return False
        self.socket.settimeout(seconds)
        try:
            self.buffer += self.socket.recv(65536)
            return False
        except TimeoutError:
            return True

    def expect_clean_close(self, timeout=TIMEOUT):
        self.socket.settimeout(timeout)
        data = self.socket.recv(65536)
        assert data == b'' and self.buffer == b'', (data, self.buffer)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()
