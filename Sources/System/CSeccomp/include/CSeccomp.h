// libseccomp, opened by name at first use: only a command that compiles a filter needs it.
#pragma once
#include <stdint.h>

struct berth_seccomp;

enum berth_seccomp_compare {
  BERTH_SECCOMP_EQUAL,
  BERTH_SECCOMP_LESS,
  BERTH_SECCOMP_GREATER,
  BERTH_SECCOMP_MASKED_EQUAL,
};

// A filter for this machine's architecture and its 32-bit relatives that answers EPERM to all
// calls. NULL when the library cannot be opened.
struct berth_seccomp *berth_seccomp_open(void);
void berth_seccomp_close(struct berth_seccomp *filter);

// These answer 0, 1 when the library does not know `name`, or a negated errno.
int berth_seccomp_allow(struct berth_seccomp *filter, const char *name);
// For MASKED_EQUAL `value` is the mask and the masked argument must be 0.
int berth_seccomp_allow_when(struct berth_seccomp *filter, const char *name, unsigned argument,
                             enum berth_seccomp_compare compare, uint64_t value);

// A descriptor of a file in memory, at its beginning, with the classic BPF program; or a negated
// errno. The caller closes it.
int berth_seccomp_export(struct berth_seccomp *filter);
