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

// One condition of a rule; `compare` is a number of SCMP_CMP_*: not equal, less, less or equal, equal,
// greater or equal, greater, masked equal. Of the last `first` is the mask and `second` the value.
struct berth_seccomp_condition {
  unsigned argument;
  int compare;
  uint64_t first;
  uint64_t second;
};

// A filter for this machine's architecture alone that answers `action` (SECCOMP_RET_* and its data)
// to all calls.
struct berth_seccomp *berth_seccomp_open_with(uint32_t action);
// `name` as in `x86_64`, `x86`, `x32`, `arm`. 0, also for one that is there already; 1 when the
// library does not know it; or a negated errno.
int berth_seccomp_add_architecture(struct berth_seccomp *filter, const char *name);
// The number of a call on this machine; negative when it has none or the library does not know it.
int berth_seccomp_number(const char *name);
// As `berth_seccomp_allow`, with any action and all of the conditions.
int berth_seccomp_add(struct berth_seccomp *filter, uint32_t action, const char *name,
                      const struct berth_seccomp_condition *conditions, unsigned count);

// A descriptor of a file in memory, at its beginning, with the classic BPF program; or a negated
// errno. The caller closes it.
int berth_seccomp_export(struct berth_seccomp *filter);
