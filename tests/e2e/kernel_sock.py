# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Sockets that send exactly so much, or hold what they are sent and read none of it.

kernel_sock.py COMMAND WORDS...; one that holds says `ready`, and waits to be ended.
"""
import ctypes
import errno
import signal
import socket
import struct
import sys
import time

SO_ATTACH_FILTER = 26
UDP_ENCAP, UDP_ENCAP_ESPINUDP = 100, 2
IP_MTU_DISCOVER, IP_PMTUDISC_DO = 10, 2
IP_RECVERR = 11
SOL_PACKET, PACKET_STATISTICS = 263, 6
TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ = 19, 20, 21
REPAIR_ON, REPAIR_OFF, RECV_QUEUE, SEND_QUEUE = 1, -1, 1, 2  # OFF: no window probe


def family_of(addr):
    return socket.AF_INET6 if ":" in addr else socket.AF_INET


def send(addr, port, count, size, *words):
    """Datagrams; words: df, recverr, dontwait. Says how many calls ended how: `3 ok 2 EMSGSIZE`."""
    s = socket.socket(family_of(addr), socket.SOCK_DGRAM)
    if "df" in words:
        s.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
    if "recverr" in words:
        s.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
    if "dontwait" in words:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    flags = socket.MSG_DONTWAIT if "dontwait" in words else 0
    ends = {}
    for _ in range(int(count)):
        try:
            s.sendto(b"x" * int(size), flags, (addr, int(port)))
            end = "ok"
        except OSError as e:
            end = errno.errorcode[e.errno]
        ends[end] = ends.get(end, 0) + 1
    print(*("%d %s" % (n, end) for end, n in sorted(ends.items())))


def frames(dev, count, *frames):
    """Each of the frames, in hex, so often."""
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    for _ in range(int(count)):
        for frame in frames:
            s.sendto(bytes.fromhex(frame), (dev, 0))


def udp(port, rcvbuf=None, family=socket.AF_INET):
    s = socket.socket(family, socket.SOCK_DGRAM)
    if rcvbuf:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, int(rcvbuf))
    s.bind(("", int(port)))
    return s


def udp6(port, rcvbuf):
    return udp(port, rcvbuf, socket.AF_INET6)


def deaf(port):
    """Its filter lets nothing in."""
    s = udp(port)
    nothing = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # ret #0
    s.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                 struct.pack("HL", 1, ctypes.addressof(nothing)))
    return s


def listen(port, backlog):
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("", int(port)))
    s.listen(int(backlog))
    return s


def encap(port):
    """A key daemon's: ESP in UDP."""
    s = udp(port)
    s.setsockopt(socket.IPPROTO_UDP, UDP_ENCAP, UDP_ENCAP_ESPINUDP)
    return s


def deferred(port):
    """Takes a connection once there is data."""
    s = listen(port, 5)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 5)
    return s


def connect(addr, port):
    return socket.create_connection((addr, int(port)), timeout=20)


def refused(addr, port, count):
    """Connections that nobody takes."""
    for _ in range(int(count)):
        try:
            connect(addr, port)
        except ConnectionRefusedError:
            continue
        raise SystemExit("port %s is not closed" % port)


def tap(dev, rcvbuf):
    """A packet socket, as tcpdump has one."""
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, int(rcvbuf))
    s.bind((dev, 3))  # ETH_P_ALL
    return s


def slow_tap(dev, rcvbuf):
    """The same; asked by SIGUSR1 it says how many packets it has lost."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    s = tap(dev, rcvbuf)
    print("ready", flush=True)
    while True:
        signal.sigwait({signal.SIGUSR1})
        counts = s.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
        print("lost", struct.unpack("II", counts)[1], flush=True)


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def sequence(s, queue):
    s.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, REPAIR_ON)
    s.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, queue)
    number = s.getsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ) & 0xffffffff
    s.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, REPAIR_OFF)
    return number


def stray(addr, port, dev, to, count, seq, ack, flags, length):
    """Into a connection of this host, so many segments as its own, but for the numbers: they are
    so far from what comes next. Flags in hex."""
    s = connect(addr, port)
    own = s.getsockname()
    seq = (sequence(s, SEND_QUEUE) + int(seq)) & 0xffffffff
    ack = (sequence(s, RECV_QUEUE) + int(ack)) & 0xffffffff
    ends = socket.inet_aton(own[0]) + socket.inet_aton(addr)
    data = b"x" * int(length)

    def tcp(check):
        return struct.pack("!HHIIBBHHH", own[1], int(port), seq, ack, 0x50, int(flags, 16), 500,
                           check, 0) + data
    whole = tcp(checksum(ends + struct.pack("!HH", 6, 20 + len(data)) + tcp(0)))

    def ip(check):
        return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(whole), 1, 0x4000, 64, 6, check) + ends
    frame = bytes.fromhex(to.replace(":", "")) + b"\2\0\0\0\0\1\x08\0" + ip(checksum(ip(0))) + whole
    frames(dev, count, frame.hex())
    return s


def echo(port, peer, seconds):
    """UDP there and back, for a time, each answer awaited: exits 1 where one is missing."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(10)
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        s.sendto(b"x" * 200, (peer, int(port)))
        s.recv(2048)


def answer(port):
    s = udp(port)
    print("ready", flush=True)
    while True:
        data, peer = s.recvfrom(2048)
        s.sendto(data, peer)


def main(command, *words):
    kept = globals()[command](*words)
    if kept:
        print("ready", flush=True)
        signal.pause()


main(*sys.argv[1:])
