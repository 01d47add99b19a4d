#define _GNU_SOURCE
#include "support/shortage.h"

#include "base/alloc.h"

#include <hiredis/alloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Atomic int asked, refused_at; /* 0: none is refused */
static int begun;
static _Atomic bool lasts, paused;

static int refuse(void) {
    if (paused || refused_at == 0)
        return 0;
    int number = ++asked;
    return lasts ? number >= refused_at : number == refused_at;
}

static void *allocate(size_t size) {
    return refuse() ? NULL : malloc(size);
}

static void *allocate_zeroed(size_t count, size_t size) {
    return refuse() ? NULL : calloc(count, size);
}

static void *resize(void *memory, size_t size) {
    return refuse() ? NULL : realloc(memory, size);
}

static char *copy(const char *text) {
    return refuse() ? NULL : strdup(text);
}

void shortage_begin(int number, bool lasting) {
    static bool installed;
    asked = 0;
    lasts = lasting;
    paused = false;
    begun = refused_at = number;
    if (installed)
        return;
    installed = true;
    hiredisAllocFuncs ours = { allocate, allocate_zeroed, resize, copy, free };
    hiredisSetAllocators(&ours);
    mem_refuse_when(refuse);
}

int shortage_end(void) {
    refused_at = 0;
    return asked;
}

void shortage_pause(void) {
    paused = true;
}

void shortage_resume(void) {
    paused = false;
}

const char *shortage_text(void) {
    static char text[64];
    snprintf(text, sizeof text, "allocation %d%s was refused", begun, lasts ? " and all after it" : "");
    return text;
}
