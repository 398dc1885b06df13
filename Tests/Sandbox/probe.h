// What the parts of the probe share: each prints lines `subject: facts` of what a process sees where it stands.
#ifndef PROBE_H
#define PROBE_H

#include <stdio.h>

void print_process(FILE *out);
void print_calls(FILE *out);
void print_files(FILE *out);

// The word for an error as the table has it.
const char *error_word(int error);

#endif
