// zlib, zstd, bzip2 and xz as they are; ISA-L's inflate through a library opened at first use.
#pragma once
#include <bzlib.h>
#include <lzma.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>
#include <zstd.h>

// 1 when ISA-L can be used on this machine. Opens the library once; safe from any thread.
int berth_isal_available(void);

typedef struct berth_isal berth_isal;

enum berth_inflate_result {
  BERTH_INFLATE_MORE = 0,     // input used up or output full
  BERTH_INFLATE_FINISHED = 1, // the end of one gzip member, its checksum verified
  BERTH_INFLATE_CORRUPT = -1,
};

// NULL when memory lacks or the library cannot be used.
berth_isal *berth_isal_new(void);
void berth_isal_free(berth_isal *state);
// Begins the next gzip member.
void berth_isal_reset(berth_isal *state);
// Inflates from `input` into `output`; `consumed` and `produced` say how far it came.
int berth_isal_inflate(berth_isal *state, const uint8_t *input, size_t input_count,
                       size_t *consumed, uint8_t *output, size_t output_count, size_t *produced);

// The window that a frame asks for; 0 for one to be skipped. Answers 0, an error, or how many bytes the
// header has when `count` are too few.
size_t berth_zstd_window(const void *bytes, size_t count, uint64_t *window);

// Macros of zlib that Swift does not see.
static inline int berth_inflate_init_gzip(z_stream *stream) {
  return inflateInit2(stream, 15 + 16);
}
static inline int berth_deflate_init_gzip(z_stream *stream, int level) {
  return deflateInit2(stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
}
// Streams of xz, one after the other. `memory` is what a stream may ask for, in bytes.
static inline int berth_xz_init(lzma_stream *stream, uint64_t memory) {
  return lzma_stream_decoder(stream, memory, LZMA_CONCATENATED);
}
