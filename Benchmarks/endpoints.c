// The raw floor of networks: what the kernel alone needs to put COUNT namespaces on one bridge and to take them off.
//
//   endpoints COUNT
//
// For each, one send to the host's side (a pair, its far end in the namespace, its near end on the bridge and up) and one inside (`lo`
// and `eth0` up, an address, the default route). Then all links go by their group in one request. To be run in
// a network namespace of its own. Prints milliseconds: all on, the last one alone, all off.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { GROUP = 77, MOST = 1000 };

static unsigned char bytes[8192];
static size_t filled;
static int requests;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static struct nlmsghdr *begin(uint16_t type, uint16_t flags, const void *body, size_t size) {
    struct nlmsghdr *header = (struct nlmsghdr *)(bytes + filled);
    *header = (struct nlmsghdr){.nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags};
    filled += NLMSG_HDRLEN;
    memcpy(bytes + filled, body, size);
    filled += NLMSG_ALIGN(size);
    requests++;
    return header;
}

static void end(struct nlmsghdr *header) {
    header->nlmsg_len = (uint32_t)(bytes + filled - (unsigned char *)header);
}

static struct rtattr *attribute(uint16_t type, const void *value, size_t size) {
    struct rtattr *attribute = (struct rtattr *)(bytes + filled);
    attribute->rta_type = type;
    attribute->rta_len = (uint16_t)RTA_LENGTH(size);
    if (size) memcpy(RTA_DATA(attribute), value, size);
    filled += RTA_ALIGN(RTA_LENGTH(size));
    return attribute;
}

static void close_nest(struct rtattr *outer) {
    outer->rta_len = (uint16_t)(bytes + filled - (unsigned char *)outer);
}

static void name(const char *text) { attribute(IFLA_IFNAME, text, strlen(text) + 1); }
static void number(uint16_t type, uint32_t value) { attribute(type, &value, sizeof value); }

static void up(int index) {
    struct ifinfomsg link = {.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
    end(begin(RTM_NEWLINK, 0, &link, sizeof link));
}

static void address(int index, uint32_t host, unsigned char length) {
    struct ifaddrmsg message = {.ifa_family = AF_INET, .ifa_prefixlen = length, .ifa_index = (unsigned)index};
    struct nlmsghdr *header = begin(RTM_NEWADDR, NLM_F_CREATE, &message, sizeof message);
    number(IFA_LOCAL, htonl(host));
    end(header);
}

/// Sends what was gathered and waits for all acknowledgements.
static void perform(int fd, const char *what) {
    if (send(fd, bytes, filled, 0) < 0) fail(what);
    filled = 0;
    while (requests > 0) {
        unsigned char answers[8192];
        ssize_t size = recv(fd, answers, sizeof answers, 0);
        if (size <= 0) fail(what);
        unsigned rest = (unsigned)size;
        for (struct nlmsghdr *one = (struct nlmsghdr *)answers; NLMSG_OK(one, rest); one = NLMSG_NEXT(one, rest)) {
            struct nlmsgerr *error = NLMSG_DATA(one);
            if (one->nlmsg_type != NLMSG_ERROR) continue;
            if (error->error) {
                fprintf(stderr, "%s: %s\n", what, strerror(-error->error));
                exit(1);
            }
            requests--;
        }
    }
}

static int open_netlink(void) {
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) fail("socket");
    return fd;
}

static void make_bridge(int fd) {
    struct ifinfomsg link = {0};
    struct nlmsghdr *header = begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &link, sizeof link);
    name("bridge");
    number(IFLA_GROUP, GROUP);
    struct rtattr *info = attribute(IFLA_LINKINFO, NULL, 0);
    attribute(IFLA_INFO_KIND, "bridge", 6);
    close_nest(info);
    end(header);
    perform(fd, "bridge");
    int index = (int)if_nametoindex("bridge");
    address(index, 0x0A4D0001, 16);
    up(index);
    perform(fd, "bridge's address");
}

static void join(int fd, int bridge, int place, int namespace) {
    struct ifinfomsg link = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
    struct nlmsghdr *header = begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &link, sizeof link);
    char text[IFNAMSIZ];
    snprintf(text, sizeof text, "port%d", place);
    name(text);
    number(IFLA_MASTER, (uint32_t)bridge);
    number(IFLA_GROUP, GROUP);
    struct rtattr *info = attribute(IFLA_LINKINFO, NULL, 0);
    attribute(IFLA_INFO_KIND, "veth", 4);
    struct rtattr *data = attribute(IFLA_INFO_DATA, NULL, 0);
    struct ifinfomsg peer_link = {0};
    struct rtattr *peer = attribute(VETH_INFO_PEER, &peer_link, sizeof peer_link);
    name("eth0");
    number(IFLA_NET_NS_FD, (uint32_t)namespace);
    close_nest(peer);
    close_nest(data);
    close_nest(info);
    end(header);
    perform(fd, "pair");
}

static void settle(int fd, int index, uint32_t host) {
    up(1);
    up(index);
    address(index, host, 16);
    struct rtmsg route = {.rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_STATIC,
                          .rtm_scope = RT_SCOPE_UNIVERSE, .rtm_type = RTN_UNICAST};
    struct nlmsghdr *header = begin(RTM_NEWROUTE, NLM_F_CREATE, &route, sizeof route);
    number(RTA_GATEWAY, htonl(0x0A4D0001));
    end(header);
    perform(fd, "address and route");
}

int main(int count, char **words) {
    int wanted = count == 2 ? atoi(words[1]) : 0;
    if (wanted < 1 || wanted > MOST) return 2;
    struct rlimit limit = {4 * MOST, 4 * MOST};
    setrlimit(RLIMIT_NOFILE, &limit);
    static int namespaces[MOST], inside[MOST], indices[MOST];
    int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), fd = open_netlink();
    for (int i = 0; i < wanted; i++) {
        if (unshare(CLONE_NEWNET)) fail("unshare");
        namespaces[i] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        inside[i] = open_netlink();
    }
    if (setns(home, CLONE_NEWNET)) fail("setns");
    make_bridge(fd);
    int bridge = (int)if_nametoindex("bridge");
    double start = now(), last = start, finished = start;
    for (int i = 0; i < wanted; i++) {
        last = now();
        join(fd, bridge, i, namespaces[i]);
        if (setns(namespaces[i], CLONE_NEWNET)) fail("setns");
        indices[i] = (int)if_nametoindex("eth0");
        if (setns(home, CLONE_NEWNET)) fail("setns");
        settle(inside[i], indices[i], 0x0A4D0002 + (uint32_t)i);
        finished = now();
    }
    struct ifinfomsg all = {0};
    struct nlmsghdr *header = begin(RTM_DELLINK, 0, &all, sizeof all);
    number(IFLA_GROUP, GROUP);
    end(header);
    double leaving = now();
    perform(fd, "remove");
    printf("%.3f %.3f %.3f\n", finished - start, finished - last, now() - leaving);
    return 0;
}
