#include "relay/moment.h"

#include <stdio.h>
#include <stdlib.h>

/* Since 1970, in the calendar that has always been as it is: years begin in March, so that leap days end them. */
static int64_t days_of(int year, int month, int day) {
    int64_t y = month > 2 ? year : year - 1, m = month > 2 ? month - 3 : month + 9;
    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 719469;
}

/* How far its zone is ahead; one that isn't told is none. */
static int64_t zone_of(const char *text) {
    int hours = 0, minutes = 0;
    if (*text != '+' && *text != '-')
        return 0;
    sscanf(text + 1, "%2d:%2d", &hours, &minutes);
    int64_t ahead = (int64_t)hours * 3600 + (int64_t)minutes * 60;
    return *text == '-' ? -ahead : ahead;
}

int64_t moment_read(const char *text) {
    int year, month, day, hour, minute, end = 0;
    int found = text != NULL ? sscanf(text, "%4d-%2d-%2d %2d:%2d:%n", &year, &month, &day, &hour, &minute, &end) : 0;
    if (found != 5 || end == 0 || year < 1970)
        return 0;
    char *rest;
    double seconds = strtod(text + end, &rest);
    if (rest == text + end || seconds < 0 || seconds > 61)
        return 0;
    int64_t whole = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 - zone_of(rest);
    return whole * 1000 + (int64_t)(seconds * 1000);
}
