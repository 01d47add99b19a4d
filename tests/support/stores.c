#define _GNU_SOURCE
#include "support/stores.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { START_MS = 20000 };

struct store *store_now;

uint16_t test_store_free_port(void) {
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0 &&
              getsockname(fd, (struct sockaddr *)&address, &size) == 0;
    if (fd >= 0)
        close(fd);
    return ok ? ntohs(address.sin_port) : 0;
}

static bool answers(const struct store *store) {
    struct timeval timeout = { .tv_sec = 1 };
    redisContext *context = redisConnectWithTimeout("127.0.0.1", store->port, timeout);
    redisReply *reply = NULL;
    if (context != NULL && context->err == 0) {
        redisSetTimeout(context, timeout);
        reply = redisCommand(context, "PING");
    }
    bool up = reply != NULL && reply->type == REDIS_REPLY_STATUS;
    if (reply != NULL)
        freeReplyObject(reply);
    if (context != NULL)
        redisFree(context);
    return up;
}

static bool wait_until_up(struct store *store) {
    for (int64_t end_ms = clock_now_ms() + START_MS; clock_now_ms() < end_ms;) {
        if (answers(store))
            return true;
        if (waitpid(store->pid, NULL, WNOHANG) == store->pid) {
            store->pid = 0;
            return false;
        }
        usleep(5000);
    }
    test_store_end(store, SIGKILL);
    return false;
}

bool test_store_restart(struct store *store, const char *const *arguments) {
    char port[8], socket_path[80];
    snprintf(port, sizeof port, "%u", store->port);
    snprintf(socket_path, sizeof socket_path, "%s/socket", store->directory);
    const char *words[32] = { store->program, "--port", port, "--bind", "127.0.0.1", "--dir", store->directory,
                              "--unixsocket", socket_path, "--save", "", "--appendonly", "no", "--logfile", "log" };
    size_t count = 15;
    for (size_t i = 0; arguments != NULL && arguments[i] != NULL && count < 31; i++)
        words[count++] = arguments[i];
    words[count] = NULL;
    fflush(NULL);
    store->pid = fork();
    if (store->pid == 0) {
#ifdef __linux__
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test program that crashes leaves no server behind */
#endif
        int null = open("/dev/null", O_RDWR);
        dup2(null, STDOUT_FILENO);
        execvp(store->program, (char *const *)(uintptr_t)words);
        _exit(127);
    }
    return store->pid > 0 && wait_until_up(store);
}

bool test_store_start(struct store *store, const char *const *arguments) {
    snprintf(store->directory, sizeof store->directory, "/tmp/resilicache-test-XXXXXX");
    store->port = test_store_free_port();
    if (store->port == 0 || mkdtemp(store->directory) == NULL)
        return false;
    snprintf(store->url, sizeof store->url, "redis://127.0.0.1:%u", store->port);
    if (test_store_restart(store, arguments))
        return true;
    test_store_remove(store);
    return false;
}

void test_store_end(struct store *store, int signal) {
    if (store->pid <= 0)
        return;
    kill(store->pid, signal);
    kill(store->pid, SIGCONT); /* a stopped one would not see SIGTERM */
    waitpid(store->pid, NULL, 0);
    store->pid = 0;
}

void test_store_remove(struct store *store) {
    char path[128];
    const char *const files[] = { "dump.rdb", "log", "socket", "nodes.conf" };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", store->directory, files[i]);
        unlink(path);
    }
    rmdir(store->directory);
}

const char *test_program_of(const char *variable, const char *fallback) {
    const char *named = getenv(variable);
    return named != NULL && named[0] != '\0' ? named : fallback;
}

size_t stores_start(struct store *stores) {
    const struct store wanted[] = {
        { .name = "redis 7.0", .program = test_program_of("RCACHE_TEST_REDIS7", "redis-server") },
        { .name = "valkey 9.1", .program = test_program_of("RCACHE_TEST_VALKEY9", NULL) },
        { .name = "redis 6.2", .program = test_program_of("RCACHE_TEST_REDIS62", NULL) },
    };
    stores[0] = (struct store){ .name = "memory", .url = "memory://" };
    size_t count = 1;
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        stores[count] = wanted[i];
        if (wanted[i].program != NULL && test_store_start(&stores[count], NULL))
            count++;
        else
            fprintf(stderr, "no %s: its program is not at hand\n", wanted[i].name);
    }
    return count;
}

void stores_stop(struct store *stores, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (stores[i].program != NULL) {
            test_store_end(&stores[i], SIGKILL);
            test_store_remove(&stores[i]);
        }
}

static void print_reply(char *text, size_t size, const redisReply *reply) {
    size_t used = strlen(text);
    switch (reply->type) {
    case REDIS_REPLY_NIL:
        snprintf(text + used, size - used, "(nil)");
        return;
    case REDIS_REPLY_INTEGER:
        snprintf(text + used, size - used, "%lld", reply->integer);
        return;
    case REDIS_REPLY_ERROR:
        snprintf(text + used, size - used, "(error) %s", reply->str);
        return;
    case REDIS_REPLY_ARRAY:
        for (size_t i = 0; i < reply->elements; i++) {
            print_reply(text, size, reply->element[i]);
            used = strlen(text);
            if (i + 1 < reply->elements)
                snprintf(text + used, size - used, " ");
        }
        return;
    default:
        snprintf(text + used, size - used, "%s", reply->str);
    }
}

static const char *command_on(const struct store *store, const char *format, va_list arguments) {
    static char text[16384];
    text[0] = '\0';
    redisContext *context = redisConnectWithTimeout("127.0.0.1", store->port, (struct timeval){ .tv_sec = 5 });
    redisReply *reply = context != NULL && context->err == 0 ? redisvCommand(context, format, arguments) : NULL;
    if (reply != NULL)
        print_reply(text, sizeof text, reply);
    else
        snprintf(text, sizeof text, "(no answer)");
    if (reply != NULL)
        freeReplyObject(reply);
    if (context != NULL)
        redisFree(context);
    return text;
}

const char *test_store_command(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const char *text = command_on(store_now, format, arguments);
    va_end(arguments);
    return text;
}

const char *test_store_command_on(const struct store *store, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const char *text = command_on(store, format, arguments);
    va_end(arguments);
    return text;
}
