#define _POSIX_C_SOURCE 200809L
#include "runtime/credentials.h"

#include "base/alloc.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void credentials_init(struct credentials *credentials) {
    *credentials = (struct credentials){ .user = NULL };
    pthread_mutex_init(&credentials->lock, NULL);
}

void credentials_clear(struct credentials *credentials) {
    mem_free(credentials->user);
    mem_free(credentials->password);
    pthread_mutex_destroy(&credentials->lock);
}

void identity_clear(struct identity *identity) {
    mem_free(identity->user);
    mem_free(identity->password);
    *identity = (struct identity){ NULL, NULL };
}

/* NULL stays NULL. */
static int32_t copy(const char *text, char **result, rcache_error *err) {
    *result = NULL;
    if (text == NULL)
        return RCACHE_OK;
    size_t size = strlen(text) + 1;
    *result = mem_alloc(size);
    if (*result == NULL)
        return error_set(err, RCACHE_E_NOMEM, "no memory for credentials");
    memcpy(*result, text, size);
    return RCACHE_OK;
}

int32_t credentials_give(struct credentials *credentials, const char *user, const char *password, rcache_error *err) {
    struct identity given = { NULL, NULL };
    int32_t status = copy(user, &given.user, err);
    if (status == RCACHE_OK)
        status = copy(password, &given.password, err);
    if (status == RCACHE_OK) {
        pthread_mutex_lock(&credentials->lock);
        struct identity before = { credentials->user, credentials->password };
        credentials->user = given.user;
        credentials->password = given.password;
        pthread_mutex_unlock(&credentials->lock);
        given = before;
    }
    identity_clear(&given);
    return status;
}

/* ---- where they may stand ---- */

static int32_t take_variable(const char *option, const char *name, char **result, rcache_error *err) {
    const char *value = getenv(name);
    if (value == NULL)
        return error_set(err, RCACHE_E_INVALID, "'%s' names the environment variable '%.64s', which is not set", option,
                         name);
    return copy(value, result, err);
}

/* The bytes of the file, at most `capacity`; -1 with errno. */
static ssize_t read_all(const char *path, char *bytes, size_t capacity) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = 0, got = fd >= 0 ? 1 : -1;
    while (got > 0 && (size_t)size < capacity) {
        got = read(fd, bytes + size, capacity - (size_t)size);
        if (got < 0 && errno == EINTR)
            got = 1;
        else if (got > 0)
            size += got;
    }
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return got < 0 ? -1 : size;
}

/* A file's last line end is the editor's, not the password's. */
static int32_t take_file(const char *path, char **result, rcache_error *err) {
    char *text = mem_alloc(CREDENTIAL_SIZE_MAX + 2);
    if (text == NULL)
        return error_set(err, RCACHE_E_NOMEM, "no memory for credentials");
    ssize_t size = read_all(path, text, CREDENTIAL_SIZE_MAX + 1);
    const char *what = size < 0 ? strerror(errno) : size > CREDENTIAL_SIZE_MAX ? "it is larger than 64 KiB" : NULL;
    if (size > 0 && text[size - 1] == '\n')
        size -= size > 1 && text[size - 2] == '\r' ? 2 : 1;
    if (what == NULL && size == 0)
        what = "it is empty";
    if (what == NULL && memchr(text, '\0', (size_t)size) != NULL)
        what = "it has a zero byte in it";
    if (what == NULL) {
        text[size] = '\0';
        *result = text;
        return RCACHE_OK;
    }
    mem_free(text);
    return error_set(err, RCACHE_E_INVALID, "'password_file' is '%.120s': %s", path, what);
}

static int32_t take_user(const struct settings *settings, char **result, rcache_error *err) {
    const struct login *login = &settings->login;
    if (login->user_env[0] != '\0')
        return take_variable("username_env", login->user_env, result, err);
    return copy(login->user[0] != '\0' ? login->user : settings->endpoint.username, result, err);
}

static int32_t take_password(const struct settings *settings, char **result, rcache_error *err) {
    const struct login *login = &settings->login;
    if (login->password_file[0] != '\0')
        return take_file(login->password_file, result, err);
    if (login->password_env[0] != '\0')
        return take_variable("password_env", login->password_env, result, err);
    return copy(login->password[0] != '\0' ? login->password : settings->endpoint.password, result, err);
}

int32_t credentials_take(struct credentials *credentials, const struct settings *settings, struct identity *identity,
                         rcache_error *err) {
    *identity = (struct identity){ NULL, NULL };
    pthread_mutex_lock(&credentials->lock);
    int32_t status = copy(credentials->user, &identity->user, err);
    if (status == RCACHE_OK)
        status = copy(credentials->password, &identity->password, err);
    pthread_mutex_unlock(&credentials->lock);
    if (status == RCACHE_OK && identity->user == NULL)
        status = take_user(settings, &identity->user, err);
    if (status == RCACHE_OK && identity->password == NULL)
        status = take_password(settings, &identity->password, err);
    if (status == RCACHE_OK && identity->user != NULL && identity->user[0] == '\0') { /* the server's default */
        mem_free(identity->user);
        identity->user = NULL;
    }
    if (status == RCACHE_OK && identity->user != NULL && identity->password == NULL)
        status = copy("", &identity->password, err); /* only who has a password is authenticated at all */
    if (status != RCACHE_OK)
        identity_clear(identity);
    return status;
}
