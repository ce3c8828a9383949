"""What Prometheus is told, and that nobody on that port disturbs the service: python3 test_metrics.py --bin BUILD/bin"""

import contextlib
import http.client
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time
import unittest

from prometheus_client.parser import text_string_to_metric_families

import appliance
import protocol
from test_backup import KEY, STORE_FILES, bring_key

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FAMILY = re.compile(r'^METRIC\(\w+, "(\w+)", "(\w+)", "(.*)"\)$', re.M)
PLACES, LIFE = 32, 5  # scrapers.h
CLOSED = (b"", None)
ALICE, BOB = appliance.subscriber("alice"), appliance.subscriber("bob")


def spent_seconds(pid):
    """Of the processor's time, so far."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def sockets_of(pid):
    """How many it has."""
    count = 0
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            count += os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:")
    return count


class Case(appliance.Case):
    subscribers = (ALICE, BOB)

    @classmethod
    def prepare(cls, lab):
        cls.addClassCleanup(cls.end)
        cls.lab = lab
        cls.port = appliance.free_port()
        cls.write_config()
        for who in cls.subscribers:
            lab.add(who)

    @classmethod
    def end(cls):
        """No front has died of itself, and no sanitizer has found anything in one that ends in order."""
        if cls.lab.is_running():
            cls.lab.stop()
        whole = cls.lab.read("log")
        for word in ("Sanitizer", "runtime error", "signal 6", "signal 11", "Assertion"):
            if word in whole:
                raise AssertionError(f"{word} in the log:\n{whole}")

    @classmethod
    def write_config(cls, limits="drain_timeout = 10; request_timeout = 2; handshake_timeout = 2;"):
        cls.lab.configure(top=f' metrics = "127.0.0.1:{cls.port}";', limits=limits)

    def request(self, path="/metrics", method="GET", body=None, headers=None):
        """Status, headers, text."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            connection.close()

    def page(self):
        status, _, text = self.request()
        self.assertEqual(status, 200)
        return text

    def samples(self):
        """Values by name and labels, as a parser that is not ours reads them."""
        return {(sample.name, *sorted(sample.labels.items())): sample.value
                for family in text_string_to_metric_families(self.page())
                for sample in family.samples}

    def value(self, name, **labels):
        return self.samples().get((name, *sorted(labels.items())))

    def wait_for_value(self, wanted, name, **labels):
        appliance.wait_for(lambda: self.value(name, **labels) == wanted, f"{name} {labels} {wanted}")

    @contextlib.contextmanager
    def moves(self, *expected):
        """What of connections and requests is counted meanwhile is this and no more."""
        def counts():
            return {key: value for key, value in self.samples().items()
                    if key[0] in ("nisim_requests_total", "nisim_connections_refused_total") and value}

        wanted = counts()
        yield
        for name, labels in expected:
            key = (name, *sorted(labels.items()))
            wanted[key] = wanted.get(key, 0) + 1
        with contextlib.suppress(AssertionError):
            appliance.wait_for(lambda: counts() == wanted, "counts", 5)
        self.assertEqual(counts(), wanted)

    def plain(self, sent=b""):
        """A connection to the metrics."""
        connection = socket.create_connection(("127.0.0.1", self.port), 15)
        self.addCleanup(connection.close)
        if sent:
            connection.sendall(sent)
        return connection


def answer(message, status, by="keeper"):
    return "nisim_requests_total", {"message": message, "status": status, "answered_by": by}


def refused(reason):
    return "nisim_connections_refused_total", {"reason": reason}


class Http(Case):
    def test_what_is_refused(self):
        long = {"x-long": "x" * 8192}
        for wanted, how in ((404, {"path": "/"}), (404, {"path": "/metrics/"}),
                            (404, {"path": "/metrics/../metrics"}), (404, {"path": "/", "method": "POST"}),
                            (405, {"method": "POST"}), (405, {"method": "HEAD"}),
                            (405, {"method": "DELETE"}), (501, {"method": "BREW"}),
                            (413, {"method": "POST", "body": "x"}), (413, {"body": "x" * 100000}),
                            (400, {"headers": long}), (400, {"path": "/" + "x" * 8192})):
            with self.subTest(**{key: str(value)[:40] for key, value in how.items()}):
                status, headers, text = self.request(**how)
                self.assertEqual(status, wanted)
                self.assertNotIn("nisim_", text)
                if status == 405:
                    self.assertEqual(headers["Allow"], "GET")
        self.page()

    def test_what_is_no_request(self):
        for sent in (b"\0" * 5000, b"GET\r\n\r\n", b"\r\n\r\n\r\n", b"\x16\x03\x01\x02\x00\x01",
                     b"GET /metrics HTTP/9.9\r\n\r\n"):
            with self.subTest(sent=sent[:20]):
                connection = self.plain(sent)
                connection.shutdown(socket.SHUT_WR)
                got = connection.recv(65536)
                self.assertFalse(b"nisim_" in got, got)
        self.page()

    def test_one_request_a_connection(self):
        connection = self.plain(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
        got = b""
        with contextlib.suppress(ConnectionError):
            while (part := connection.recv(65536)) != b"":
                got += part
        self.assertEqual(got.count(b"HTTP/1.1 200 OK"), 1)
        self.assertIn(b"Connection: close", got)


class Format(Case):
    def test_the_table_is_on_the_page(self):
        with open(os.path.join(ROOT, "firmware/front/metrics.def"), encoding="utf-8") as file:
            table = FAMILY.findall(file.read())
        status, headers, text = self.request()
        self.assertEqual((status, headers["Content-Type"]),
                         (200, "text/plain; version=0.0.4; charset=utf-8"))
        shown = [(family.name + ("_total" if family.type == "counter" else ""), family.type,
                  family.documentation) for family in text_string_to_metric_families(text)]
        self.assertEqual(sorted(shown), sorted(table))
        self.assertGreater(len(table), 10)

    @unittest.skipUnless(shutil.which("promtool"), "promtool is not installed")
    def test_promtool_has_nothing_to_say(self):
        self.lab.nisim("ping")
        done = subprocess.run(["promtool", "check", "metrics"], input=self.page(), text=True,
                              capture_output=True, timeout=60, check=False)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_what_stands_still(self):
        samples = self.samples()
        version = self.lab.nisim("ping")[1]["software"].split()[1]
        self.assertEqual(samples["nisim_build_info", ("version", version)], 1)
        self.assertEqual(samples["nisim_keepers",], 2)
        self.assertEqual(samples["nisim_connections_limit",], 1024)
        self.assertEqual(samples["nisim_requests_limit",], 8192)
        self.assertAlmostEqual(samples["nisim_front_start_time_seconds",], time.time(), delta=300)
        shown = subprocess.run(["openssl", "x509", "-noout", "-enddate", "-in",
                                self.lab.pki.path("server.pem")], text=True, capture_output=True,
                               check=True).stdout.strip()
        self.assertEqual(samples["nisim_server_certificate_expiry_timestamp_seconds",],
                         ssl.cert_time_to_seconds(shown.split("=")[1]))

    def test_nobody_is_on_the_page(self):
        challenge = ALICE.auc.challenge(500)
        self.assertAccepted(self.lab.authenticate("alice", challenge), challenge)
        text = self.page()
        for word in ("alice", "bob", "example", "wwsf", "127.0.0.1", *(
                value.hex() for value in (ALICE.k, ALICE.opc, challenge.res, challenge.ck, challenge.ik,
                                          challenge.rand, challenge.autn))):
            self.assertNotIn(word, text.lower())


class Counts(Case):
    def test_requests(self):
        fresh = ALICE.auc.challenge(600)
        with self.lab.client() as client, self.moves(
                answer("PING", "OK"), answer("IDENTITY", "OK"), answer("IDENTITY", "UNKNOWN_USER"),
                answer("AUTHENTICATE", "OK"), answer("AUTHENTICATE", "SYNC_FAILURE"),
                answer("AUTHENTICATE", "MAC_FAILURE"), answer("IDENTITY", "MISSING_FIELD", "front"),
                answer("UNKNOWN", "UNKNOWN_MESSAGE", "front")):
            client.ping()
            client.identity("alice")
            client.identity("nobody")
            client.authenticate("alice", fresh)
            client.authenticate("alice", fresh)
            client.authenticate("alice", fresh.forged())
            client.ask(protocol.IDENTITY)
            client.ask(0x7f)
            self.assertEqual(self.value("nisim_connections"), 1)

    def test_durations(self):
        def one(part, **more):
            key = ("nisim_request_duration_seconds_" + part,
                   *sorted({"message": "IDENTITY", **more}.items()))
            return self.samples().get(key, 0)

        before, sum_before = one("count"), one("sum")
        start = time.monotonic()
        with self.lab.client() as client:
            for _ in range(20):
                client.identity("alice")
        took = time.monotonic() - start
        self.assertEqual(one("count"), before + 20)
        self.assertEqual(one("bucket", le="+Inf"), before + 20)
        self.assertGreater(one("sum") - sum_before, 0)
        self.assertLess(one("sum") - sum_before, took)
        buckets = [value for key, value in self.samples().items()
                   if key[0].endswith("_bucket") and ("message", "IDENTITY") in key]
        self.assertEqual(buckets, sorted(buckets))
        self.assertEqual(len(buckets), 13)

    def test_refused(self):
        with self.moves(refused("unlisted")), self.lab.client("unlisted", hello=False) as client:
            client.receive()
        for name in ("expired", "other"):
            with self.moves(refused("certificate")), self.assertRaises((OSError, protocol.Ended)):
                self.lab.client(name).close()
        for sent in (b"GET / HTTP/1.1\r\n\r\n", bytes(range(256))):
            with self.moves(refused("handshake")), \
                    socket.create_connection(("127.0.0.1", self.lab.port)) as plain:
                plain.sendall(sent)
                with contextlib.suppress(ConnectionError):
                    while plain.recv(4096) != b"":
                        pass
        with self.moves(refused("handshake")), self.assertRaises((OSError, protocol.Ended)):
            self.lab.client(None).close()
        with self.moves(refused("lost")):
            socket.create_connection(("127.0.0.1", self.lab.port)).close()
        with self.moves(refused("timeout")), \
                socket.create_connection(("127.0.0.1", self.lab.port)) as plain:
            self.assertIn(plain.recv(1), CLOSED)

    def test_what_a_silent_keeper_leaves(self):
        """The front answers for it."""
        keepers = [pid for name, pid in self.lab.children().items() if name != "front"]
        with self.lab.client() as client:
            for pid in keepers:
                os.kill(pid, signal.SIGSTOP)
            try:
                with self.moves(answer("IDENTITY", "UNAVAILABLE", "front")):
                    client.send(protocol.IDENTITY, protocol.name_field("alice"))
                    self.wait_for_value(1, "nisim_requests_in_hand")
                    self.assertEqual(client.receive().status, protocol.UNAVAILABLE)
                    self.assertEqual(self.value("nisim_requests_in_hand"), 0)
            finally:
                for pid in keepers:
                    os.kill(pid, signal.SIGCONT)
            # What it answers late is answered already.
            with self.moves(answer("IDENTITY", "OK")):
                client.identity("alice")


class Restarts(Case):
    def test_a_keeper(self):
        token = self.lab.token_objects()
        for number in range(1, 3):
            os.kill(self.lab.children()["keeper-1"], signal.SIGKILL)
            appliance.wait_for(lambda: self.value("nisim_keeper_ready", keeper="1") == 0 or
                               self.value("nisim_keeper_restarts_total", keeper="1") >= number, "its end")
            self.lab.restore_token(token)
            self.wait_for_value(1, "nisim_keeper_ready", keeper="1")
            self.assertGreaterEqual(self.value("nisim_keeper_restarts_total", keeper="1"), number)
            self.assertEqual(self.value("nisim_keeper_restarts_total", keeper="0"), 0)
            self.assertEqual(self.value("nisim_keeper_ready", keeper="0"), 1)
            self.assertEqual(self.value("nisim_laboratory_token"), 1)

    def test_the_front(self):
        """A new one is told again what the one before had been told."""
        self.lab.nisim("ping")
        restarts = self.value("nisim_keeper_restarts_total", keeper="1")
        children = self.lab.children()
        front = children.pop("front")
        for pid in children.values():
            os.kill(pid, signal.SIGSTOP)
        try:
            os.kill(front, signal.SIGKILL)
            appliance.wait_for(lambda: self.lab.children().get("front", front) != front, "a front")
            self.assertIsNone(self.value("nisim_laboratory_token"))
            self.assertIsNone(self.value("nisim_keeper_restarts_total", keeper="1"))
            self.assertEqual(self.value("nisim_keeper_ready", keeper="1"), 0)
        finally:
            for pid in children.values():
                os.kill(pid, signal.SIGCONT)
        self.wait_for_value(1, "nisim_keeper_ready", keeper="1")
        self.wait_for_value(1, "nisim_keeper_ready", keeper="0")
        self.assertEqual(self.value("nisim_front_restarts_total"), 1)
        self.assertEqual(self.value("nisim_laboratory_token"), 1)
        self.assertEqual(self.value("nisim_keeper_restarts_total", keeper="1"), restarts)
        self.assertEqual(self.value(*answer("PING", "OK")[:1], **answer("PING", "OK")[1]), 0)

    def test_the_port_is_free_when_it_drains(self):
        """An appliance that follows need not wait for the requests of the one before."""
        with self.lab.client() as client:
            keepers = [pid for name, pid in self.lab.children().items() if name != "front"]
            for pid in keepers:
                os.kill(pid, signal.SIGSTOP)
            try:
                client.send(protocol.IDENTITY, protocol.name_field("alice"))
                self.wait_for_value(1, "nisim_requests_in_hand")
                sleeper = self.plain()
                self.page()
                self.lab.process.send_signal(signal.SIGTERM)
                self.assertIn(sleeper.recv(1), CLOSED)
                appliance.wait_for(lambda: self.lab.lines("draining"), "the drain")
                socket.create_server(("127.0.0.1", self.port)).close()
            finally:
                for pid in keepers:
                    os.kill(pid, signal.SIGCONT)
        self.assertEqual(self.lab.process.wait(timeout=60), 0)
        self.lab.start()


class Crowd(Case):
    def ends_in(self, connection):
        """Seconds until the front closes it."""
        start = time.monotonic()
        with contextlib.suppress(ConnectionError):
            self.assertIn(connection.recv(1), CLOSED)
        return time.monotonic() - start

    def test_who_sleeps_is_cut(self):
        sleepers = [self.plain(), self.plain(b"GET /metrics HTTP/1.1\r\nHost:")]
        self.page()
        for sleeper in sleepers:
            self.assertLess(self.ends_in(sleeper), LIFE + 5)
        self.page()

    def test_who_drips_is_cut(self):
        """A byte now and then does not lengthen its life."""
        drip = self.plain(b"GET /metrics HTTP/1.1\r\nHost: ")
        drip.settimeout(0.3)
        start = time.monotonic()
        is_over = False
        while not is_over and time.monotonic() - start < 3 * LIFE:
            try:
                drip.sendall(b"x")
                is_over = drip.recv(1) == b""
            except TimeoutError:
                pass
            except ConnectionError:
                is_over = True
        self.assertLess(time.monotonic() - start, LIFE + 5)
        self.page()

    def test_who_does_not_read_is_cut(self):
        front = self.lab.children()["front"]
        before = sockets_of(front)
        connection = socket.socket()
        self.addCleanup(connection.close)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        connection.connect(("127.0.0.1", self.port))
        connection.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        appliance.wait_for(lambda: sockets_of(front) <= before, "its end", LIFE + 5)

    def test_a_thousand(self):
        """They are served or cut, few at a time; clients and Prometheus notice little of it."""
        front = self.lab.children()["front"]
        before = sockets_of(front)
        with self.lab.client() as client:
            crowd = [self.plain() for _ in range(1000)]
            for _ in range(20):
                start = time.monotonic()
                self.assertEqual(client.ping(), protocol.OK)
                self.assertLess(time.monotonic() - start, 5)
                self.assertLessEqual(sockets_of(front), before + 1 + PLACES)
            self.page()
            for connection in crowd:
                self.assertIn(connection.recv(1), CLOSED)
        self.page()
        appliance.wait_for(lambda: sockets_of(front) <= before, "the crowd's end")
        self.assertEqual(self.lab.errors(), [])

    def test_a_thousand_that_ask(self):
        pages = [self.plain(b"GET /metrics HTTP/1.0\r\n\r\n") for _ in range(1000)]
        whole = 0
        for connection in pages:
            with contextlib.suppress(ConnectionError):
                whole += b"200 OK" in connection.recv(64)
        self.assertGreater(whole, 900)

    def test_without_descriptors(self):
        """The front neither spins nor dies, and clients that are there are served."""
        self.lab.restart(command=("prlimit", "--nofile=128"))
        self.addCleanup(self.lab.restart)
        front = self.lab.children()["front"]
        with contextlib.ExitStack() as held, self.lab.client() as client:
            for _ in range(150):
                held.enter_context(socket.create_connection(("127.0.0.1", self.lab.port)))
            appliance.wait_for(lambda: self.lab.lines("accept-paused"), "the last descriptor")
            waiting = self.plain(b"GET /metrics HTTP/1.0\r\n\r\n")
            spent, said = spent_seconds(front), len(self.lab.log())
            start = time.monotonic()
            while time.monotonic() - start < 1.5:
                self.assertEqual(client.ping(), protocol.OK)
                time.sleep(0.05)
            self.assertLess(spent_seconds(front) - spent, 0.7)
            self.assertLess(len(self.lab.log()) - said, 10000)
            held.close()
            self.assertIn(b"200 OK", waiting.recv(64))
            waiting.close()
        self.assertGreater(self.value("nisim_accept_pauses_total", reason="descriptors"), 0)

    def test_the_limit_of_connections(self):
        self.write_config("connections = 2; drain_timeout = 10;")
        self.addCleanup(self.lab.restart)
        self.addCleanup(self.write_config)
        self.lab.restart()
        with self.lab.client(), self.lab.client():
            third = socket.create_connection(("127.0.0.1", self.lab.port))
            self.wait_for_value(1, "nisim_accept_pauses_total", reason="limit")
            self.assertEqual(self.value("nisim_connections"), 2)
            self.assertEqual(self.value("nisim_connections_limit"), 2)
            third.close()


class Configured(Case):
    is_started = False

    def check(self, text):
        path = self.lab.configure(file="other.conf", top=f" metrics = {text};")
        return path, subprocess.run([self.lab.program("nisimd"), "--check", path], text=True,
                                    capture_output=True, timeout=60, check=False)

    def test_bad_addresses(self):
        for text in ('"localhost:9464"', '"9464"', '"127.0.0.1"', '"127.0.0.1:65536"', '"::1:9464"',
                     '"http://127.0.0.1:9464/metrics"', '"unix:/metrics"'):
            with self.subTest(text=text):
                path, done = self.check(text)
                self.assertEqual((done.returncode, done.stdout), (appliance.EXIT_CONFIG, ""))
                self.assertEqual(done.stderr, f"{path}:1: metrics: {text} is not an address and a port; "
                                              "write as 127.0.0.1:9464 or [::1]:9464\n")
        for text in ('"127.0.0.1:9464"', '"[::1]:9464"', '"0.0.0.0:9464"'):
            self.assertEqual(self.check(text)[1].returncode, 0)

    def test_a_port_that_is_taken(self):
        with socket.create_server(("127.0.0.1", self.port)):
            self.assertEqual(self.lab.spawn().wait(timeout=60), appliance.EXIT_LISTEN)
        self.assertRegex(self.lab.log(), r"listen-failed option=metrics address=127\.0\.0\.1:\d+ "
                                         r'reason="Address already in use"')

    def test_a_port_of_the_systems_choice(self):
        self.lab.configure(top=' metrics = "[::1]:0";')
        self.addCleanup(self.write_config)
        self.lab.start()
        self.addCleanup(self.lab.stop)
        port = int(re.search(r"metrics-listening listen=\[::1\]:(\d+)$", self.lab.log(), re.M).group(1))
        connection = http.client.HTTPConnection("::1", port, timeout=60)
        self.addCleanup(connection.close)
        connection.request("GET", "/metrics")
        self.assertEqual(connection.getresponse().status, 200)

    def test_off(self):
        self.lab.configure()
        self.addCleanup(self.write_config)
        self.lab.start()
        self.addCleanup(self.lab.stop)
        self.assertNotIn("metrics-listening", self.lab.log())
        listening = subprocess.run(["ss", "-Htlnp"], text=True, capture_output=True, check=True).stdout
        front = self.lab.children()["front"]
        self.assertEqual(len([line for line in listening.splitlines() if f"pid={front}," in line]), 1)


class Mark(Case):
    """A laboratory's token says so for ever after."""

    def assertMarked(self):
        self.assertIn("laboratory: YES: it takes keys in clear text\n", self.lab.token("status").stdout)
        self.assertIn("is a laboratory's", self.lab.token("subscriber", "list").stderr)
        shown = self.lab.token("subscriber", "show", ALICE.impi).stdout
        self.assertIn("key-origin: clear-text laboratory import\n", shown)
        self.assertIn("laboratory-token: yes\n", shown)
        self.assertEqual(self.value("nisim_laboratory_token"), 1)

    def change_pin(self, new):
        self.lab.write("new-pin", new + "\n")
        self.lab.token("change-pin", "--new-pin-file", "new-pin")
        self.lab.write("pin", new + "\n")

    def test_it_stays_with_a_new_pin(self):
        self.change_pin("another-" + appliance.PIN)
        self.addCleanup(self.change_pin, appliance.PIN)
        self.lab.restart()
        self.assertMarked()

    def test_it_stays_with_a_new_kek(self):
        self.assertIn("destroyed", self.lab.token("kek", "rotate").stdout)
        self.lab.restart()
        self.assertMarked()

    def test_it_stays_with_a_store_that_is_restored(self):
        bring_key(self.lab, "b", KEY)
        self.lab.token("backup", "a.backup", "--backup-key", "b")
        self.assertEqual(self.lab.stop(), 0)
        for name in STORE_FILES:
            with contextlib.suppress(FileNotFoundError):
                os.remove(self.lab.path(os.path.join("state", name)))
        self.lab.token("restore", "a.backup", "--backup-key", "b")
        self.lab.token("state", "accept", "--yes")
        self.lab.start()
        self.assertMarked()


class Field(Case):
    """A token that takes no key in clear text."""
    is_laboratory = False
    subscribers = ()

    def test_not_marked(self):
        self.wait_for_value(0, "nisim_laboratory_token")
        self.assertIn("laboratory: no\n", self.lab.token("status").stdout)


del Case

if __name__ == "__main__":
    appliance.main()
