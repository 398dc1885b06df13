// SHA-256 of libcrypto's static archive. Only the block function and its CPU probe are linked in, so
// nothing is loaded at start; EVP would pull in the providers and 4 MB with them.
#pragma once
#ifndef OPENSSL_SUPPRESS_DEPRECATED
#define OPENSSL_SUPPRESS_DEPRECATED
#endif
#include <openssl/sha.h>
#include <stddef.h>

typedef SHA256_CTX berth_sha256;

static inline void berth_sha256_begin(berth_sha256 *state) { SHA256_Init(state); }

static inline void berth_sha256_add(berth_sha256 *state, const void *bytes, size_t count) {
  SHA256_Update(state, bytes, count);
}

static inline void berth_sha256_end(berth_sha256 *state, unsigned char digest[32]) {
  SHA256_Final(digest, state);
}
