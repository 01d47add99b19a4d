#define _POSIX_C_SOURCE 200809L
#include "relay/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool checkpoint_load(const char *path, struct position *position, struct why *why) {
    char text[POSITION_TEXT_SIZE + 2] = "";
    *position = (struct position){ .kind = POSITION_NONE };
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return errno == ENOENT || why_set(why, "cannot read the checkpoint %s: %s", path, strerror(errno));
    bool has_line = fgets(text, sizeof text, file) != NULL && strchr(text, '\n') != NULL;
    fclose(file);
    text[strcspn(text, "\n")] = '\0';
    return (has_line && position_read(text, position))
        || why_set(why, "%s has no position in it: remove it to begin with all that comes", path);
}

static bool write_whole(const char *path, const struct position *position) {
    char text[POSITION_TEXT_SIZE];
    position_write(position, text);
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return false;
    bool written = fprintf(file, "%s\n", text) > 0 && fflush(file) == 0 && fsync(fileno(file)) == 0;
    int kept = errno;
    bool closed = fclose(file) == 0;
    errno = written ? errno : kept;
    return written && closed;
}

/* So that the new name outlives the machine's failure, too. */
static bool keep_name(const char *path) {
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    int fd = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool kept = fsync(fd) == 0 || errno == EINVAL; /* a file system that has no such thing */
    close(fd);
    return kept;
}

bool checkpoint_save(const char *path, const struct position *position, struct why *why) {
    char beside[PATH_MAX];
    int size = snprintf(beside, sizeof beside, "%s.new", path);
    if (size >= (int)sizeof beside)
        errno = ENAMETOOLONG;
    else if (write_whole(beside, position) && rename(beside, path) == 0 && keep_name(path))
        return true;
    return why_set(why, "cannot write the checkpoint %s: %s", path, strerror(errno));
}
