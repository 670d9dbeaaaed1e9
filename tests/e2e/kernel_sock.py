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
IP_MTU_DISCOVER, IP_PMTUDISC_DO = 10, 2


def send(addr, port, count, size, *words):
    """Datagrams; words: df. Says how many calls ended how: `3 ok 2 EMSGSIZE`."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    if "df" in words:
        s.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
    ends = {}
    for _ in range(int(count)):
        try:
            s.sendto(b"x" * int(size), (addr, int(port)))
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


def udp(port, rcvbuf=None):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    if rcvbuf:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, int(rcvbuf))
    s.bind(("", int(port)))
    return s


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
