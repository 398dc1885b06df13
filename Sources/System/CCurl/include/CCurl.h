// libcurl through a library opened at first use: linking it adds 33 shared objects and 5-8 ms to
// every start. Variadic calls are spelled out by the type of their argument.
#pragma once
#include <curl/curl.h>
#include <stddef.h>

// 0 when libcurl is there, else -1. Safe from any thread; works once.
int berth_curl_load(void);

CURL *berth_easy_new(void);
void berth_easy_free(CURL *easy);
void berth_easy_reset(CURL *easy);
CURLcode berth_easy_set_long(CURL *easy, CURLoption option, long value);
CURLcode berth_easy_set_text(CURL *easy, CURLoption option, const char *value);
CURLcode berth_easy_set_pointer(CURL *easy, CURLoption option, void *value);
typedef size_t (*berth_curl_callback)(char *bytes, size_t size, size_t count, void *context);
// A copy of the bytes is kept.
CURLcode berth_easy_set_blob(CURL *easy, CURLoption option, const void *bytes, size_t count);
CURLcode berth_easy_set_callback(CURL *easy, CURLoption option, berth_curl_callback value);
// Called with the address of the other end before anything is said to it: 0 goes on.
typedef int (*berth_curl_check)(void *context, char *remote, char *local, int port, int local_port);
CURLcode berth_easy_set_check(CURL *easy, berth_curl_check value, void *context);
// Called for each socket that a transfer needs, before it is connected.
CURLcode berth_easy_set_open_socket(CURL *easy, curl_opensocket_callback value, void *context);
CURLcode berth_easy_info_text(CURL *easy, CURLINFO info, const char **value);
CURLcode berth_easy_resume(CURL *easy);
const char *berth_easy_error(CURLcode code);

struct curl_slist *berth_slist_append(struct curl_slist *list, const char *text);
void berth_slist_free(struct curl_slist *list);

CURLM *berth_multi_new(void);
void berth_multi_free(CURLM *multi);
CURLMcode berth_multi_set_long(CURLM *multi, CURLMoption option, long value);
CURLMcode berth_multi_add(CURLM *multi, CURL *easy);
CURLMcode berth_multi_remove(CURLM *multi, CURL *easy);
CURLMcode berth_multi_perform(CURLM *multi, int *running);
CURLMcode berth_multi_poll(CURLM *multi, int milliseconds);
CURLMcode berth_multi_wakeup(CURLM *multi);
// The next finished transfer: 1 and its handle and result, else 0.
int berth_multi_finished(CURLM *multi, CURL **easy, CURLcode *result);
