// libnftables, opened by name at first use: most commands never need it.
#pragma once
#include <stddef.h>

struct berth_nft;

// A context bound to the network namespace of the calling thread. NULL when the library cannot be
// opened. One context must not be used by two threads at once.
struct berth_nft *berth_nft_open(void);
void berth_nft_close(struct berth_nft *nft);

// Runs `commands` as one transaction. 0 on success; otherwise -1 and the library's words in `error`.
int berth_nft_run(struct berth_nft *nft, const char *commands, char *error, size_t size);
