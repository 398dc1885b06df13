// Opens libisal.so.2 at first use: linking it would cost every start of the command.
#define ZSTD_STATIC_LINKING_ONLY  // for the header of a frame
#include "CCompression.h"
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>

#if defined(__x86_64__) || defined(__aarch64__)
#include <isa-l/igzip_lib.h>

struct berth_isal {
  struct inflate_state state;
};

static void (*isal_init)(struct inflate_state *);
static void (*isal_reset)(struct inflate_state *);
static int (*isal_run)(struct inflate_state *);
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void) {
  void *library = dlopen("libisal.so.2", RTLD_NOW | RTLD_LOCAL);
  if (!library) return;
  isal_init = (void (*)(struct inflate_state *))dlsym(library, "isal_inflate_init");
  isal_reset = (void (*)(struct inflate_state *))dlsym(library, "isal_inflate_reset");
  isal_run = (int (*)(struct inflate_state *))dlsym(library, "isal_inflate");
}

int berth_isal_available(void) {
  pthread_once(&once, load);
  return isal_init && isal_reset && isal_run;
}

berth_isal *berth_isal_new(void) {
  if (!berth_isal_available()) return NULL;
  berth_isal *state = malloc(sizeof *state);
  if (!state) return NULL;
  isal_init(&state->state);
  state->state.crc_flag = ISAL_GZIP;
  return state;
}

void berth_isal_reset(berth_isal *state) {
  isal_reset(&state->state);
  state->state.crc_flag = ISAL_GZIP;
}

int berth_isal_inflate(berth_isal *state, const uint8_t *input, size_t input_count,
                       size_t *consumed, uint8_t *output, size_t output_count, size_t *produced) {
  struct inflate_state *inflate = &state->state;
  uint32_t in = input_count > (1u << 30) ? (1u << 30) : (uint32_t)input_count;
  uint32_t out = output_count > (1u << 30) ? (1u << 30) : (uint32_t)output_count;
  inflate->next_in = (uint8_t *)input;
  inflate->avail_in = in;
  inflate->next_out = output;
  inflate->avail_out = out;
  int result = isal_run(inflate);
  *consumed = in - inflate->avail_in;
  *produced = out - inflate->avail_out;
  if (result != ISAL_DECOMP_OK && result != ISAL_END_INPUT) return BERTH_INFLATE_CORRUPT;
  return inflate->block_state == ISAL_BLOCK_FINISH ? BERTH_INFLATE_FINISHED : BERTH_INFLATE_MORE;
}
#else
int berth_isal_available(void) { return 0; }
berth_isal *berth_isal_new(void) { return NULL; }
void berth_isal_reset(berth_isal *state) { (void)state; }
int berth_isal_inflate(berth_isal *state, const uint8_t *input, size_t input_count,
                       size_t *consumed, uint8_t *output, size_t output_count, size_t *produced) {
  (void)state, (void)input, (void)input_count, (void)output, (void)output_count;
  *consumed = *produced = 0;
  return BERTH_INFLATE_CORRUPT;
}
#endif

void berth_isal_free(berth_isal *state) { free(state); }

size_t berth_zstd_window(const void *bytes, size_t count, uint64_t *window) {
  ZSTD_frameHeader header;
  size_t result = ZSTD_getFrameHeader(&header, bytes, count);
  *window = result || header.frameType == ZSTD_skippableFrame ? 0 : header.windowSize;
  return result;
}
