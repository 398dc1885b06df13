// Looks libcurl's functions up once and calls them through pointers.
#include "CCurl.h"
#include <dlfcn.h>
#include <pthread.h>

// The typechecking macros of curl.h would hide the functions.
#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

#define FUNCTIONS(X)                                                                               \
  X(curl_global_init) X(curl_easy_init) X(curl_easy_cleanup) X(curl_easy_reset)                    \
  X(curl_easy_setopt) X(curl_easy_getinfo) X(curl_easy_pause) X(curl_easy_strerror)                \
  X(curl_slist_append) X(curl_slist_free_all) X(curl_multi_init) X(curl_multi_cleanup)             \
  X(curl_multi_setopt) X(curl_multi_add_handle) X(curl_multi_remove_handle)                        \
  X(curl_multi_perform) X(curl_multi_poll) X(curl_multi_wakeup) X(curl_multi_info_read)

#define DECLARE(name) static __typeof__(name) *p_##name;
FUNCTIONS(DECLARE)

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int loaded = -1;

static void load(void) {
  void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
  if (!library) return;
  int missing = 0;
#define LOOK_UP(name)                                                                              \
  if (!(p_##name = (__typeof__(p_##name))dlsym(library, #name))) missing = 1;
  FUNCTIONS(LOOK_UP)
  if (missing || p_curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK) return;
  loaded = 0;
}

int berth_curl_load(void) {
  pthread_once(&once, load);
  return loaded;
}

CURL *berth_easy_new(void) { return p_curl_easy_init(); }
void berth_easy_free(CURL *easy) { p_curl_easy_cleanup(easy); }
void berth_easy_reset(CURL *easy) { p_curl_easy_reset(easy); }
CURLcode berth_easy_set_long(CURL *easy, CURLoption option, long value) {
  return p_curl_easy_setopt(easy, option, value);
}
CURLcode berth_easy_set_text(CURL *easy, CURLoption option, const char *value) {
  return p_curl_easy_setopt(easy, option, value);
}
CURLcode berth_easy_set_pointer(CURL *easy, CURLoption option, void *value) {
  return p_curl_easy_setopt(easy, option, value);
}
CURLcode berth_easy_set_callback(CURL *easy, CURLoption option, berth_curl_callback value) {
  return p_curl_easy_setopt(easy, option, value);
}
CURLcode berth_easy_set_blob(CURL *easy, CURLoption option, const void *bytes, size_t count) {
  struct curl_blob blob = {(void *)bytes, count, CURL_BLOB_COPY};
  return p_curl_easy_setopt(easy, option, &blob);
}
CURLcode berth_easy_set_check(CURL *easy, berth_curl_check value, void *context) {
  CURLcode result = p_curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, value);
  return result ? result : p_curl_easy_setopt(easy, CURLOPT_PREREQDATA, context);
}
CURLcode berth_easy_set_open_socket(CURL *easy, curl_opensocket_callback value, void *context) {
  CURLcode result = p_curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, value);
  return result ? result : p_curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, context);
}
CURLcode berth_easy_info_text(CURL *easy, CURLINFO info, const char **value) {
  return p_curl_easy_getinfo(easy, info, value);
}
CURLcode berth_easy_resume(CURL *easy) { return p_curl_easy_pause(easy, CURLPAUSE_CONT); }
const char *berth_easy_error(CURLcode code) { return p_curl_easy_strerror(code); }

struct curl_slist *berth_slist_append(struct curl_slist *list, const char *text) {
  return p_curl_slist_append(list, text);
}
void berth_slist_free(struct curl_slist *list) { p_curl_slist_free_all(list); }

CURLM *berth_multi_new(void) { return p_curl_multi_init(); }
void berth_multi_free(CURLM *multi) { p_curl_multi_cleanup(multi); }
CURLMcode berth_multi_set_long(CURLM *multi, CURLMoption option, long value) {
  return p_curl_multi_setopt(multi, option, value);
}
CURLMcode berth_multi_add(CURLM *multi, CURL *easy) { return p_curl_multi_add_handle(multi, easy); }
CURLMcode berth_multi_remove(CURLM *multi, CURL *easy) {
  return p_curl_multi_remove_handle(multi, easy);
}
CURLMcode berth_multi_perform(CURLM *multi, int *running) {
  return p_curl_multi_perform(multi, running);
}
CURLMcode berth_multi_poll(CURLM *multi, int milliseconds) {
  return p_curl_multi_poll(multi, NULL, 0, milliseconds, NULL);
}
CURLMcode berth_multi_wakeup(CURLM *multi) { return p_curl_multi_wakeup(multi); }

int berth_multi_finished(CURLM *multi, CURL **easy, CURLcode *result) {
  int left = 0;
  CURLMsg *message;
  while ((message = p_curl_multi_info_read(multi, &left))) {
    if (message->msg != CURLMSG_DONE) continue;
    *easy = message->easy_handle;
    *result = message->data.result;
    return 1;
  }
  return 0;
}
