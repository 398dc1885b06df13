// Questions to a name server, and the floor that answers them without a thought.
//
//   names ask ADDRESS NAME IN-FLIGHT SECONDS
//   names answer ADDRESS
//
// `ask` keeps so many questions for the A records of NAME open at once, over one socket, and prints answers per second and the
// median and 99th percentile of their times in microseconds. Each question has its own number; an answer
// that lacks for a second ends the run. `answer` gives every question one address: as a floor, or as a
// server that others pass questions on to.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, SIZE = 4096, MOST = 4096, TIMES = 4 << 20 };

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static int open_socket(struct sockaddr_in *server, const char *address) {
    *server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(53)};
    if (inet_pton(AF_INET, address, &server->sin_addr) != 1) fail(address);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) fail("socket");
    // Without room the floor would lose what it cannot answer at once.
    int room = 4 << 20;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    return fd;
}

static size_t write_question(unsigned char *bytes, const char *name) {
    static const unsigned char head[12] = {0, 0, 1, 0, 0, 1};
    memcpy(bytes, head, sizeof head);
    size_t length = sizeof head;
    while (*name) {
        size_t label = strcspn(name, ".");
        if (label == 0 || label > 63 || length + label > 250) fail("name");
        bytes[length++] = (unsigned char)label;
        memcpy(bytes + length, name, label);
        length += label;
        name += label + (name[label] == '.');
    }
    static const unsigned char end[5] = {0, 0, 1, 0, 1};
    memcpy(bytes + length, end, sizeof end);
    return length + sizeof end;
}

static int compare(const void *one, const void *two) {
    float a = *(const float *)one, b = *(const float *)two;
    return (a > b) - (a < b);
}

static unsigned char buffers[BATCH][SIZE];
static unsigned char questions[BATCH][300];
static double begun[MOST];
static float times[TIMES];

// One system call for each packet where only one is open, as real clients do.
static int receive(int fd, int open, struct mmsghdr *messages) {
    int count;
    if (open == 1) {
        ssize_t size = recv(fd, buffers[0], SIZE, 0);
        if (size >= 0) messages[0].msg_len = (unsigned)size;
        count = size < 0 ? -1 : 1;
    } else {
        count = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
    }
    if (count < 0) fail("an answer lacks");
    return count;
}

static void ask(const char *address, const char *name, int open, double seconds) {
    struct sockaddr_in server;
    int fd = open_socket(&server, address);
    if (connect(fd, (struct sockaddr *)&server, sizeof server)) fail("connect");
    struct timeval patience = {.tv_sec = 1};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    struct iovec in[BATCH], out[BATCH];
    struct mmsghdr received[BATCH], sent[BATCH];
    memset(received, 0, sizeof received);
    memset(sent, 0, sizeof sent);
    size_t length = 0;
    for (int i = 0; i < BATCH; i++) {
        length = write_question(questions[i], name);
        in[i] = (struct iovec){buffers[i], SIZE};
        out[i] = (struct iovec){questions[i], length};
        received[i].msg_hdr = (struct msghdr){.msg_iov = &in[i], .msg_iovlen = 1};
        sent[i].msg_hdr = (struct msghdr){.msg_iov = &out[i], .msg_iovlen = 1};
    }
    double start = now(), time = start;
    for (int id = 0; id < open; id++) {
        questions[0][0] = (unsigned char)(id >> 8);
        questions[0][1] = (unsigned char)id;
        begun[id] = now();
        if (send(fd, questions[0], length, 0) != (ssize_t)length) fail("send");
    }
    long answers = 0;
    while (time < start + seconds) {
        int count = receive(fd, open, received), again = 0;
        time = now();
        for (int i = 0; i < count; i++) {
            int id = buffers[i][0] << 8 | buffers[i][1];
            if (received[i].msg_len < 12 || id >= open) continue;
            if ((buffers[i][3] & 15) || !(buffers[i][6] << 8 | buffers[i][7])) {
                fprintf(stderr, "no address for %s: code %d\n", name, buffers[i][3] & 15);
                exit(1);
            }
            times[answers++ % TIMES] = (float)(time - begun[id]);
            begun[id] = time;
            memcpy(questions[again++], buffers[i], 2);
        }
        if (open == 1 ? again && send(fd, questions[0], length, 0) < 0
                      : again && sendmmsg(fd, sent, (unsigned)again, 0) != again)
            fail("send");
    }
    size_t known = answers < TIMES ? (size_t)answers : TIMES;
    qsort(times, known, sizeof times[0], compare);
    printf("%.0f %.1f %.1f\n", (double)answers / (time - start), times[known / 2] * 1e6, times[known * 99 / 100] * 1e6);
}

static void answer(const char *address) {
    static const unsigned char record[16] = {0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 192, 0, 2, 7};
    struct sockaddr_in server;
    int fd = open_socket(&server, address);
    if (bind(fd, (struct sockaddr *)&server, sizeof server)) fail("bind");
    puts("ready");
    fflush(stdout);
    for (;;) {
        struct sockaddr_storage client;
        socklen_t size = sizeof client;
        ssize_t count = recvfrom(fd, buffers[0], SIZE - sizeof record, 0, (struct sockaddr *)&client, &size);
        if (count < 12) continue;
        buffers[0][2] |= 0x80;
        buffers[0][7] = 1;
        buffers[0][11] = 0;
        memcpy(buffers[0] + count, record, sizeof record);
        sendto(fd, buffers[0], (size_t)count + sizeof record, 0, (struct sockaddr *)&client, size);
    }
}

int main(int count, char **words) {
    if (count == 6 && !strcmp(words[1], "ask")) {
        int open = atoi(words[4]);
        if (open < 1 || open > MOST) return 2;
        ask(words[2], words[3], open, atof(words[5]));
    } else if (count == 3 && !strcmp(words[1], "answer")) {
        answer(words[2]);
    } else {
        fprintf(stderr, "usage: names ask ADDRESS NAME IN-FLIGHT SECONDS | names answer ADDRESS\n");
        return 2;
    }
    return 0;
}
