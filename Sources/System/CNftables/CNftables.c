#include "CNftables.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct nft_ctx;

// The calls that berth makes, as in nftables/libnftables.h; its header is not needed to build.
static struct {
    struct nft_ctx *(*new_context)(uint32_t flags);
    void (*free_context)(struct nft_ctx *);
    int (*buffer_output)(struct nft_ctx *);
    int (*buffer_error)(struct nft_ctx *);
    const char *(*error_text)(struct nft_ctx *);
    int (*run)(struct nft_ctx *, const char *);
    int usable;
} library;

static pthread_once_t opened = PTHREAD_ONCE_INIT;
// The library's parser and caches have state of their own beside the context.
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

static void open_library(void) {
    void *handle = dlopen("libnftables.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!handle) return;
    *(void **)&library.new_context = dlsym(handle, "nft_ctx_new");
    *(void **)&library.free_context = dlsym(handle, "nft_ctx_free");
    *(void **)&library.buffer_output = dlsym(handle, "nft_ctx_buffer_output");
    *(void **)&library.buffer_error = dlsym(handle, "nft_ctx_buffer_error");
    *(void **)&library.error_text = dlsym(handle, "nft_ctx_get_error_buffer");
    *(void **)&library.run = dlsym(handle, "nft_run_cmd_from_buffer");
    library.usable = library.new_context && library.free_context && library.buffer_output &&
                     library.buffer_error && library.error_text && library.run;
}

struct berth_nft {
    struct nft_ctx *context;
};

struct berth_nft *berth_nft_open(void) {
    pthread_once(&opened, open_library);
    if (!library.usable) return NULL;
    struct berth_nft *nft = malloc(sizeof *nft);
    if (!nft) return NULL;
    pthread_mutex_lock(&turn);
    nft->context = library.new_context(0);
    int usable = nft->context && library.buffer_output(nft->context) == 0 &&
                 library.buffer_error(nft->context) == 0;
    pthread_mutex_unlock(&turn);
    if (usable) return nft;
    berth_nft_close(nft);
    return NULL;
}

void berth_nft_close(struct berth_nft *nft) {
    pthread_mutex_lock(&turn);
    if (nft->context) library.free_context(nft->context);
    pthread_mutex_unlock(&turn);
    free(nft);
}

int berth_nft_run(struct berth_nft *nft, const char *commands, char *error, size_t size) {
    pthread_mutex_lock(&turn);
    int result = library.run(nft->context, commands);
    const char *text = result ? library.error_text(nft->context) : NULL;
    snprintf(error, size, "%s", text ? text : "");
    pthread_mutex_unlock(&turn);
    return result ? -1 : 0;
}
