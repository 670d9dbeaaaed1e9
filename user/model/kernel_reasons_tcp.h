/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the kernel's reasons of TCP mean; kernel_reasons.h has the rest, and says what a line is. */
#ifndef WEIR_KERNEL_REASONS_TCP_H
#define WEIR_KERNEL_REASONS_TCP_H

#define WEIR_KERNEL_REASONS_TCP(REASON, SHARED)                                                    \
	REASON(TCP_CSUM, tcp_rcv, "its TCP checksum is wrong.", "nstat -az TcpInCsumErrors",       \
		"look for a faulty sender or link: tcpdump -vv shows 'cksum ... (incorrect)'")     \
	REASON(TCP_AUTH_HDR, tcp_rcv, "its TCP signature option is malformed, or there twice.",    \
		"nstat -az TcpInErrs", "look for a faulty sender: tcpdump -vv -i DEV tcp")         \
	REASON(TCP_MD5NOTFOUND, tcp_rcv,                                                           \
		"it is not signed, but the socket expects a TCP-MD5 signature.",                   \
		"nstat -az TcpExtTCPMD5NotFound",                                                  \
		"both ends of the BGP session need the same password")                             \
	REASON(TCP_MD5UNEXPECTED, tcp_rcv, "it is signed by TCP-MD5, but the socket has no key.",  \
		"nstat -az TcpExtTCPMD5Unexpected",                                                \
		"both ends of the BGP session need the same password")                             \
	REASON(TCP_MD5FAILURE, tcp_rcv, "its TCP-MD5 signature is wrong.",                         \
		"nstat -az TcpExtTCPMD5Failure",                                                   \
		"both ends need the same password; a NAT between them breaks signatures")          \
	REASON(TCP_AONOTFOUND, tcp_rcv, "it is not signed, but the socket expects TCP-AO.",        \
		"nstat -az TcpExtTCPAORequired", "both ends need the same TCP-AO keys: ss -t -i")  \
	REASON(TCP_AOUNEXPECTED, tcp_rcv, "it is signed by TCP-AO, but the socket has no keys.",   \
		"nstat -az TcpExtTCPAOKeyNotFound",                                                \
		"both ends need the same TCP-AO keys: ss -t -i")                                   \
	REASON(TCP_AOKEYNOTFOUND, tcp_rcv,                                                         \
		"it is signed by a TCP-AO key that the socket does not have.",                     \
		"nstat -az TcpExtTCPAOKeyNotFound",                                                \
		"both ends need the same TCP-AO key ids: ss -t -i")                                \
	REASON(TCP_AOFAILURE, tcp_rcv, "its TCP-AO signature is wrong.",                           \
		"nstat -az TcpExtTCPAOBad",                                                        \
		"both ends need the same key; a NAT between them breaks signatures")               \
	REASON(TCP_FLAGS, tcp_rcv, "its TCP flags do not belong into the connection's state.", "", \
		"a scan, or a peer that lost its state: tcpdump -i DEV tcp")                       \
	REASON(TCP_ABORT_ON_DATA, tcp_rcv,                                                         \
		"data came for a connection that its program has closed.",                         \
		"nstat -az TcpExtTCPAbortOnData",                                                  \
		"the program should read to the end before it closes")                             \
	REASON(TCP_ZEROWINDOW, tcp_rcv, "data came although the receive window was closed.",       \
		"nstat -az TcpExtTCPZeroWindowDrop",                                               \
		"the program reads too slowly: ss -t -m; net.ipv4.tcp_rmem")                       \
	REASON(TCP_OLD_DATA, tcp_rcv, "all its data was here already: sent again without need.",   \
		"nstat -az TcpExtDelayedACKLost",                                                  \
		"none needed; many: acknowledgements are lost on the way back")                    \
	REASON(TCP_OVERWINDOW, tcp_rcv, "its data lies beyond the receive window.",                \
		"nstat -az TcpExtBeyondWindow",                                                    \
		"a peer that ignores the window, or a forged segment: tcpdump -i DEV tcp")         \
	REASON(TCP_OFOMERGE, tcp_rcv, "its data lies in the out-of-order queue already.",          \
		"nstat -az TcpExtTCPOFOMerge",                                                     \
		"none needed: sent again by the peer; many: loss or reordering on the way")        \
	REASON(TCP_RFC7323_PAWS, tcp_rcv,                                                          \
		"its timestamp is older than the last one: a very late segment.",                  \
		"nstat -az TcpExtPAWSEstab",                                                       \
		"many: a NAT mixes hosts' timestamps, or clocks jump; tcpdump -vv")                \
	REASON(TCP_RFC7323_PAWS_ACK, tcp_rcv,                                                      \
		"an acknowledgement with an older timestamp: overtaken on the way.",               \
		"nstat -az TcpExtPAWSOldAck", "none needed: reordering on the way")                \
	REASON(TCP_RFC7323_TW_PAWS, tcp_rcv,                                                       \
		"a SYN with an older timestamp, for a connection just closed.",                    \
		"nstat -az TcpExtPAWSTimewait",                                                    \
		"a NAT mixes hosts' timestamps: sysctl net.ipv4.tcp_timestamps on them")           \
	REASON(TCP_RFC7323_TSECR, tcp_rcv, "it echoes a timestamp that was never sent.",           \
		"nstat -az TcpExtTSEcrRejected",                                                   \
		"a forged segment, or a middlebox that changes timestamps: tcpdump -vv -i DEV "    \
		"tcp")                                                                             \
	REASON(TCP_LISTEN_OVERFLOW, tcp_rcv,                                                       \
		"the listening socket's queue of new connections was full.",                       \
		"nstat -az TcpExtListenOverflows TcpExtListenDrops; ss -ltn: Recv-Q against "      \
		"Send-Q",                                                                          \
		"accept() faster; a larger backlog in listen() and 'sysctl -w "                    \
		"net.core.somaxconn=N'")                                                           \
	REASON(TCP_OLD_SEQUENCE, tcp_rcv, "its sequence number is old: a duplicate.",              \
		"nstat -az TcpExtTCPDSACKOldSent",                                                 \
		"none needed; many: acknowledgements are lost on the way back")                    \
	REASON(TCP_INVALID_SEQUENCE, tcp_rcv, "its sequence number lies outside the window.",      \
		"nstat -az TcpExtTCPACKSkippedSeq",                                                \
		"a forged segment, or a middlebox that changes sequence numbers")                  \
	REASON(TCP_INVALID_END_SEQUENCE, tcp_rcv, "its data ends beyond the receive window.",      \
		"nstat -az TcpExtBeyondWindow",                                                    \
		"a peer that ignores the window, or a buffer that shrank: ss -t -m")               \
	REASON(TCP_INVALID_ACK_SEQUENCE, tcp_rcv,                                                  \
		"it acknowledges what the opening connection never sent.", "",                     \
		"an old connection's segment, or a forged one: tcpdump -i DEV tcp")                \
	REASON(TCP_RESET, tcp_rcv,                                                                 \
		"a reset: it ended its connection, or fits none and was of no effect.",            \
		"nstat -az TcpEstabResets TcpAttemptFails",                                        \
		"normal: the peer refused or broke off; tcpdump -i DEV 'tcp[13] & 4 != 0' shows "  \
		"who")                                                                             \
	REASON(TCP_INVALID_SYN, tcp_rcv, "a SYN inside a connection that stands.",                 \
		"nstat -az TcpExtTCPSYNChallenge",                                                 \
		"a peer that lost its state, or a forged segment: it is answered by a challenge "  \
		"ACK")                                                                             \
	REASON(TCP_CLOSE, tcp_rcv, "the connection was closed already.", "",                       \
		"none needed: late segments of a connection that ended")                           \
	REASON(TCP_FASTOPEN, tcp_rcv,                                                              \
		"a fast-open request does not fit the connection it opened.",                      \
		"nstat -az TcpExtTCPFastOpenPassiveFail",                                          \
		"sysctl net.ipv4.tcp_fastopen; old cookies time out by themselves")                \
	REASON(TCP_OLD_ACK, tcp_rcv, "its acknowledgement is older than one that came before.",    \
		"", "none needed: reordering on the way")                                          \
	REASON(TCP_TOO_OLD_ACK, tcp_rcv, "its acknowledgement is older than a whole window.",      \
		"nstat -az TcpExtTCPACKSkippedChallenge",                                          \
		"a very late or forged segment: it is answered by a challenge ACK")                \
	REASON(TCP_ACK_UNSENT_DATA, tcp_rcv, "it acknowledges data that was never sent.",          \
		"nstat -az TcpExtTCPChallengeACK",                                                 \
		"a forged segment, or a middlebox that changes sequence numbers")                  \
	REASON(TCP_OFO_QUEUE_PRUNE, tcp_rcv,                                                       \
		"the out-of-order queue was cut, since the receive buffer was full.",              \
		"nstat -az TcpExtOfoPruned TcpExtRcvPruned",                                       \
		"a larger buffer: sysctl -w net.ipv4.tcp_rmem='4096 131072 N'; a faster reader")   \
	REASON(TCP_OFO_DROP, tcp_rcv, "no room for data out of order.",                            \
		"nstat -az TcpExtTCPOFODrop",                                                      \
		"a larger buffer: sysctl -w net.ipv4.tcp_rmem='4096 131072 N'; loss on the way "   \
		"fills it")                                                                        \
	REASON(TCP_MINTTL, tcp_rcv, "its TTL is below the least that the socket takes (GTSM).",    \
		"nstat -az TcpExtTCPMinTTLDrop",                                                   \
		"the BGP peer is not next door, or 'ttl-security' is set on one end only")

#endif
