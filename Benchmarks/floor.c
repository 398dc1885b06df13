// The raw floor: what the kernel alone needs to start N containers, with no engine around them.
//
//   floor COUNT ROOT WORK
//
// For each: clone3 with new mount, pid, net, uts and ipc namespaces; an overlay over ROOT with its upper
// folder in WORK; /proc; a veth pair into one bridge, with an address; pivot_root; exec of `sleep`.
// All at once. Prints the milliseconds until the last exec, and those until all is gone again.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { most = 200, group = 7113 };

struct container {
  pid_t pid;
  int network_ready[2];  // the parent writes one byte: the link is there
  int executed[2];       // closes at exec
};

static struct container containers[most];
static char bridge[IFNAMSIZ];

static void fail(const char *what) {
  fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
  _exit(1);
}

static double milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

// --- rtnetlink, by hand

struct message {
  struct nlmsghdr header;
  char rest[1024];
};

static void *append(struct message *m, const void *data, size_t size) {
  void *place = (char *)m + m->header.nlmsg_len;
  memcpy(place, data, size);
  m->header.nlmsg_len = NLMSG_ALIGN(m->header.nlmsg_len + size);
  return place;
}

static struct rtattr *attribute(struct message *m, int type, const void *data, size_t size) {
  struct rtattr head = {.rta_len = RTA_LENGTH(size), .rta_type = type};
  struct rtattr *place = append(m, &head, sizeof head);
  if (size) append(m, data, size);
  return place;
}

static void close_attribute(struct message *m, struct rtattr *outer) {
  outer->rta_len = (char *)m + m->header.nlmsg_len - (char *)outer;
}

static struct message begin(int type, int flags) {
  struct message m = {.header = {.nlmsg_len = NLMSG_HDRLEN,
                                 .nlmsg_type = type,
                                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags}};
  return m;
}

static void talk(int netlink, struct message *m, const char *what) {
  char answer[4096];
  if (send(netlink, m, m->header.nlmsg_len, 0) < 0) fail(what);
  ssize_t size = recv(netlink, answer, sizeof answer, 0);
  struct nlmsghdr *header = (struct nlmsghdr *)answer;
  if (size < (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr))) fail(what);
  struct nlmsgerr *result = NLMSG_DATA(header);
  if (header->nlmsg_type == NLMSG_ERROR && result->error) {
    errno = -result->error;
    fail(what);
  }
}

static int open_netlink(void) {
  int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (netlink < 0) fail("socket");
  return netlink;
}

static void add_bridge(int netlink) {
  struct message m = begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  struct ifinfomsg link = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  append(&m, &link, sizeof link);
  attribute(&m, IFLA_IFNAME, bridge, strlen(bridge) + 1);
  struct rtattr *info = attribute(&m, IFLA_LINKINFO, NULL, 0);
  attribute(&m, IFLA_INFO_KIND, "bridge", 6);
  close_attribute(&m, info);
  talk(netlink, &m, "bridge");
}

static void add_pair(int netlink, int number, pid_t pid) {
  uint32_t master = if_nametoindex(bridge), links = group, namespace = pid;
  char name[IFNAMSIZ];
  snprintf(name, sizeof name, "fl%d.%d", getpid() % 1000000, number);
  struct message m = begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  struct ifinfomsg link = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP}, peer = {0};
  append(&m, &link, sizeof link);
  attribute(&m, IFLA_IFNAME, name, strlen(name) + 1);
  attribute(&m, IFLA_MASTER, &master, sizeof master);
  attribute(&m, IFLA_GROUP, &links, sizeof links);
  struct rtattr *info = attribute(&m, IFLA_LINKINFO, NULL, 0);
  attribute(&m, IFLA_INFO_KIND, "veth", 4);
  struct rtattr *data = attribute(&m, IFLA_INFO_DATA, NULL, 0);
  struct rtattr *other = attribute(&m, VETH_INFO_PEER, NULL, 0);
  append(&m, &peer, sizeof peer);
  attribute(&m, IFLA_IFNAME, "eth0", 5);
  attribute(&m, IFLA_NET_NS_PID, &namespace, sizeof namespace);
  close_attribute(&m, other);
  close_attribute(&m, data);
  close_attribute(&m, info);
  talk(netlink, &m, "veth");
}

static void remove_links(int netlink) {
  uint32_t links = group;
  struct message m = begin(RTM_DELLINK, 0);
  struct ifinfomsg all = {0};
  append(&m, &all, sizeof all);
  attribute(&m, IFLA_GROUP, &links, sizeof links);
  talk(netlink, &m, "removing the pairs");
  struct message last = begin(RTM_DELLINK, 0);
  struct ifinfomsg link = {.ifi_index = if_nametoindex(bridge)};
  append(&last, &link, sizeof link);
  talk(netlink, &last, "removing the bridge");
}

static void configure_inside(int number) {
  int netlink = open_netlink();
  uint32_t index = if_nametoindex("eth0");
  struct in_addr address = {.s_addr = htonl(0x0a630002 + number)};
  for (int i = 0; i < 2; i++) {
    struct message up = begin(RTM_NEWLINK, 0);
    struct ifinfomsg link = {
        .ifi_index = i ? (int)index : 1, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
    append(&up, &link, sizeof link);
    talk(netlink, &up, "link up");
  }
  struct message m = begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
  struct ifaddrmsg head = {.ifa_family = AF_INET, .ifa_prefixlen = 16, .ifa_index = index};
  append(&m, &head, sizeof head);
  attribute(&m, IFA_LOCAL, &address, sizeof address);
  attribute(&m, IFA_ADDRESS, &address, sizeof address);
  talk(netlink, &m, "address");
  close(netlink);
}

// --- one container

static void mount_root(int number, const char *root, const char *work) {
  char upper[512], workdir[512], merged[512], options[2048];
  snprintf(upper, sizeof upper, "%s/%d.upper", work, number);
  snprintf(workdir, sizeof workdir, "%s/%d.work", work, number);
  snprintf(merged, sizeof merged, "%s/%d.root", work, number);
  mkdir(upper, 0755), mkdir(workdir, 0755), mkdir(merged, 0755);
  snprintf(options, sizeof options, "lowerdir=%s,upperdir=%s,workdir=%s", root, upper, workdir);
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) fail("private mounts");
  if (mount("overlay", merged, "overlay", 0, options)) fail("overlay");
  if (chdir(merged)) fail("chdir");
  if (mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL)) fail("proc");
  if (syscall(SYS_pivot_root, ".", ".")) fail("pivot_root");
  if (umount2(".", MNT_DETACH)) fail("umount");
}

static void inside(int number, const char *root, const char *work) {
  char byte;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  sethostname("floor", 5);
  mount_root(number, root, work);
  if (read(containers[number].network_ready[0], &byte, 1) != 1) fail("network");
  configure_inside(number);
  char *arguments[] = {"/bin/sleep", "600", NULL}, *environment[] = {"PATH=/bin", NULL};
  execve(arguments[0], arguments, environment);
  fail("exec");
}

static void start(int number, const char *root, const char *work) {
  struct container *c = &containers[number];
  if (pipe2(c->network_ready, O_CLOEXEC) || pipe2(c->executed, O_CLOEXEC)) fail("pipe");
  struct clone_args arguments = {
      .flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC,
      .exit_signal = SIGCHLD};
  c->pid = syscall(SYS_clone3, &arguments, sizeof arguments);
  if (c->pid < 0) fail("clone3");
  if (c->pid == 0) inside(number, root, work);
  close(c->executed[1]);
}

int main(int count_of_arguments, char **arguments) {
  if (count_of_arguments != 4) return fprintf(stderr, "usage: floor COUNT ROOT WORK\n"), 2;
  int count = atoi(arguments[1]);
  if (count < 1 || count > most) return fprintf(stderr, "floor: 1 to %d\n", most), 2;
  snprintf(bridge, sizeof bridge, "floor%d", getpid() % 1000000);

  double begun = milliseconds();
  int netlink = open_netlink();
  add_bridge(netlink);
  for (int i = 0; i < count; i++) start(i, arguments[2], arguments[3]);
  for (int i = 0; i < count; i++) {
    add_pair(netlink, i, containers[i].pid);
    if (write(containers[i].network_ready[1], "", 1) != 1) fail("write");
  }
  for (int i = 0; i < count; i++) {
    char byte;
    if (read(containers[i].executed[0], &byte, 1) != 0) fail("exec in the container");
  }
  double up = milliseconds();
  for (int i = 0; i < count; i++) {
    int status;
    if (waitpid(containers[i].pid, &status, WNOHANG) != 0) fail("a container ended early");
  }
  double down = milliseconds();
  for (int i = 0; i < count; i++) kill(containers[i].pid, SIGKILL);
  remove_links(netlink);
  for (int i = 0; i < count; i++) waitpid(containers[i].pid, NULL, 0);
  printf("%.2f %.2f\n", up - begun, milliseconds() - down);
  return 0;
}
