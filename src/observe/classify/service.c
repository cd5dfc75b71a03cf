/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/classify/classify_int.h"

#include <stdlib.h>

/*
 * What people call the ports that a telescope sees most. Names follow the IANA registry where it has
 * one that people use, and otherwise the product that made the port interesting. Sorted by port.
 */

struct service {
	uint16_t port;
	const char *name;
};

static const struct service tcp_services[] = {
	{ 1, "tcpmux" }, { 7, "echo" }, { 9, "discard" }, { 13, "daytime" }, { 17, "qotd" },
	{ 19, "chargen" }, { 20, "ftp-data" }, { 21, "ftp" }, { 22, "ssh" }, { 23, "telnet" },
	{ 25, "smtp" }, { 26, "telnet-alt" }, { 37, "time" }, { 43, "whois" }, { 49, "tacacs" },
	{ 53, "dns" }, { 70, "gopher" }, { 79, "finger" }, { 80, "http" }, { 81, "http-alt" },
	{ 82, "http-alt" }, { 83, "http-alt" }, { 84, "http-alt" }, { 85, "http-alt" },
	{ 88, "kerberos" }, { 102, "s7comm" }, { 110, "pop3" }, { 111, "portmap" },
	{ 113, "ident" }, { 119, "nntp" }, { 135, "msrpc" }, { 139, "netbios-ssn" },
	{ 143, "imap" }, { 161, "snmp" }, { 179, "bgp" }, { 389, "ldap" }, { 443, "https" },
	{ 444, "https-alt" }, { 445, "smb" }, { 465, "smtps" }, { 502, "modbus" },
	{ 512, "rexec" }, { 513, "rlogin" }, { 514, "rsh" }, { 515, "printer" },
	{ 523, "ibm-db2" }, { 548, "afp" }, { 554, "rtsp" }, { 587, "submission" },
	{ 623, "ipmi" }, { 631, "ipp" }, { 636, "ldaps" }, { 789, "crimson" }, { 873, "rsync" },
	{ 902, "vmware-auth" }, { 990, "ftps" }, { 992, "telnets" }, { 993, "imaps" },
	{ 995, "pop3s" }, { 1023, "telnet-alt" }, { 1080, "socks" }, { 1099, "java-rmi" },
	{ 1194, "openvpn" }, { 1433, "mssql" }, { 1521, "oracle" }, { 1723, "pptp" },
	{ 1883, "mqtt" }, { 1911, "niagara-fox" }, { 1962, "pcworx" }, { 2000, "cisco-sccp" },
	{ 2049, "nfs" }, { 2083, "cpanel" }, { 2087, "whm" }, { 2121, "ftp-alt" },
	{ 2181, "zookeeper" }, { 2222, "ssh-alt" }, { 2323, "telnet-alt" }, { 2375, "docker" },
	{ 2376, "docker-tls" }, { 2404, "iec-104" }, { 2455, "codesys" }, { 3000, "http-dev" },
	{ 3128, "http-proxy" }, { 3260, "iscsi" }, { 3306, "mysql" }, { 3389, "rdp" },
	{ 3690, "svn" }, { 4369, "epmd" }, { 4444, "metasploit" }, { 4786, "cisco-smi" },
	{ 4840, "opc-ua" }, { 4899, "radmin" }, { 5000, "upnp-http" }, { 5006, "melsec" },
	{ 5007, "melsec" }, { 5038, "asterisk" }, { 5060, "sip" }, { 5061, "sips" },
	{ 5094, "hart-ip" }, { 5222, "xmpp" }, { 5358, "wsd-s" }, { 5432, "postgresql" },
	{ 5555, "adb" }, { 5601, "kibana" }, { 5672, "amqp" }, { 5800, "vnc-http" },
	{ 5900, "vnc" }, { 5901, "vnc" }, { 5984, "couchdb" }, { 5985, "winrm" },
	{ 5986, "winrm-tls" }, { 6000, "x11" }, { 6379, "redis" }, { 6443, "kubernetes" },
	{ 6666, "irc" }, { 6667, "irc" }, { 7001, "weblogic" }, { 7547, "cwmp" },
	{ 8000, "http-alt" }, { 8008, "http-alt" }, { 8009, "ajp" }, { 8080, "http-proxy" },
	{ 8081, "http-alt" }, { 8086, "influxdb" }, { 8088, "http-alt" }, { 8089, "splunk" },
	{ 8291, "winbox" }, { 8443, "https-alt" }, { 8545, "eth-rpc" }, { 8728, "mikrotik-api" },
	{ 8883, "mqtts" }, { 8888, "http-alt" }, { 9000, "http-alt" }, { 9001, "tor-or" },
	{ 9042, "cassandra" }, { 9090, "http-alt" }, { 9092, "kafka" }, { 9100, "jetdirect" },
	{ 9200, "elasticsearch" }, { 9443, "https-alt" }, { 9527, "xmeye" }, { 9530, "xmeye" },
	{ 9600, "omron-fins" }, { 10000, "webmin" }, { 10250, "kubelet" },
	{ 11211, "memcached" }, { 18245, "ge-srtp" }, { 20000, "dnp3" }, { 20547, "proconos" },
	{ 23023, "telnet-alt" }, { 25565, "minecraft" }, { 27017, "mongodb" },
	{ 34567, "xmeye-dvr" }, { 37215, "huawei-hg532" }, { 37777, "dahua-dvr" },
	{ 44818, "ethernet-ip" }, { 47808, "bacnet" }, { 49152, "upnp-http" }, { 50070, "hdfs" },
	{ 52869, "realtek-upnp" }, { 60001, "jaws-dvr" }, { 61616, "activemq" },
};

static const struct service udp_services[] = {
	{ 7, "echo" }, { 9, "discard" }, { 13, "daytime" }, { 17, "qotd" }, { 19, "chargen" },
	{ 37, "time" }, { 53, "dns" }, { 67, "dhcp" }, { 68, "dhcp" }, { 69, "tftp" },
	{ 88, "kerberos" }, { 111, "portmap" }, { 123, "ntp" }, { 137, "netbios-ns" },
	{ 138, "netbios-dgm" }, { 161, "snmp" }, { 162, "snmp-trap" }, { 177, "xdmcp" },
	{ 389, "cldap" }, { 427, "slp" }, { 443, "quic" }, { 500, "ike" }, { 514, "syslog" },
	{ 520, "rip" }, { 623, "ipmi" }, { 1194, "openvpn" }, { 1434, "mssql-browser" },
	{ 1604, "citrix" }, { 1645, "radius" }, { 1701, "l2tp" }, { 1812, "radius" },
	{ 1900, "ssdp" }, { 2123, "gtp-c" }, { 2152, "gtp-u" }, { 3283, "ard" }, { 3389, "rdp" },
	{ 3478, "stun" }, { 3544, "teredo" }, { 3702, "ws-discovery" }, { 4500, "ipsec-nat" },
	{ 4789, "vxlan" }, { 5004, "rtp" }, { 5060, "sip" }, { 5093, "sentinel" },
	{ 5094, "hart-ip" }, { 5351, "nat-pmp" }, { 5353, "mdns" }, { 5355, "llmnr" },
	{ 5632, "pcanywhere" }, { 5683, "coap" }, { 6881, "bittorrent" },
	{ 10001, "ubnt-discovery" }, { 11211, "memcached" }, { 17185, "vxworks-wdb" },
	{ 20000, "dnp3" }, { 27015, "source-engine" }, { 27960, "quake3" },
	{ 30718, "lantronix" }, { 32414, "plex" }, { 34962, "profinet" },
	{ 37810, "dvr-discovery" }, { 44818, "ethernet-ip" }, { 47808, "bacnet" },
	{ 51820, "wireguard" }, { 53413, "netis" },
};

static int service_cmp(const void *va, const void *vb)
{
	const struct service *a = va, *b = vb;

	return (int)a->port - (int)b->port;
}

const char *nr_service_name(uint8_t proto, uint16_t port)
{
	const struct service key = { .port = port }, *hit = NULL;

	if (proto == 6)
		hit = bsearch(&key, tcp_services, NR_COUNT(tcp_services), sizeof(key), service_cmp);
	else if (proto == 17)
		hit = bsearch(&key, udp_services, NR_COUNT(udp_services), sizeof(key), service_cmp);
	return hit != NULL ? hit->name : NULL;
}
