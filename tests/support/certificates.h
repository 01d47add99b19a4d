/* certificates: those that the Python tests have as well (tests/servers/certificates.py), in a directory of their own:
 * authority.crt, server.crt, server.key and so on. */
#ifndef RESILICACHE_TESTS_CERTIFICATES_H
#define RESILICACHE_TESTS_CERTIFICATES_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char certificates_directory[128]; /* "": none */

static inline bool certificates_make(void) {
    FILE *made = popen("cd " TESTS_DIRECTORY " && python3 -c '"
                       "from servers.certificates import Certificates; print(Certificates().directory)'", "r");
    if (made == NULL)
        return false;
    if (fgets(certificates_directory, sizeof certificates_directory, made) == NULL)
        certificates_directory[0] = '\0';
    certificates_directory[strcspn(certificates_directory, "\n")] = '\0';
    return pclose(made) == 0 && certificates_directory[0] != '\0';
}

static inline void certificates_remove(void) {
    char command[160];
    snprintf(command, sizeof command, "rm -r '%s'", certificates_directory);
    if (certificates_directory[0] != '\0' && system(command) != 0)
        fprintf(stderr, "%s is left\n", certificates_directory);
}

/* A file of them, in one of a few static buffers. */
static inline const char *certificates_file(const char *name) {
    static char paths[4][160];
    static size_t next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", certificates_directory, name);
    return path;
}

#endif
