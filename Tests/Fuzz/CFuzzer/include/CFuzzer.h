// What libFuzzer offers to programs that keep their own `main`.
#pragma once

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerRunDriver(int *argc, char ***argv,
                        int (*attempt)(const uint8_t *bytes, size_t count));
