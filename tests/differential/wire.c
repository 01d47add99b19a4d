#define _POSIX_C_SOURCE 200809L
#include "differential/wire.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static bool send_all(struct wire *wire, struct buffer *out) {
    while (wire->fd >= 0 && out->size > 0) {
        struct slice bytes = buffer_slice(out);
        ssize_t sent = send(wire->fd, bytes.data, bytes.size, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        buffer_take(out, (size_t)sent);
    }
    return wire->fd >= 0;
}

static const struct resp *receive(struct wire *wire) {
    const struct resp *resp;
    int got;
    while ((got = reader_next(wire->reader, &resp)) == 0) {
        char bytes[16384];
        ssize_t size = recv(wire->fd, bytes, sizeof bytes, 0);
        if (size <= 0 || !reader_feed(wire->reader, bytes, (size_t)size))
            return NULL;
    }
    return got > 0 ? resp : NULL;
}

const struct resp *wire_command(struct wire *wire, const char *const *words) {
    struct buffer out = BUFFER_INIT;
    char digits[TEXT_NUMBER_SIZE];
    int64_t count = 0;
    while (words[count] != NULL)
        count++;
    bool ok = buffer_append_text(&out, "*") && buffer_append_text(&out, text_of_number(digits, count));
    for (int64_t i = 0; ok && i < count; i++)
        ok = buffer_append_text(&out, "\r\n$") &&
             buffer_append_text(&out, text_of_number(digits, (int64_t)strlen(words[i]))) &&
             buffer_append_text(&out, "\r\n") && buffer_append_text(&out, words[i]);
    ok = ok && buffer_append_text(&out, "\r\n") && send_all(wire, &out);
    buffer_clear(&out);
    return ok ? receive(wire) : NULL;
}

bool wire_open(struct wire *wire, uint16_t port, bool resp3) {
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct timeval timeout = { .tv_sec = 20 };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *wire = (struct wire){ .fd = socket(AF_INET, SOCK_STREAM, 0), .reader = reader_new() };
    bool ok = wire->fd >= 0 && wire->reader != NULL &&
              connect(wire->fd, (struct sockaddr *)&address, sizeof address) == 0 &&
              setsockopt(wire->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) == 0;
    if (ok && (!resp3 || wire_command(wire, (const char *const[]){ "HELLO", "3", NULL }) != NULL))
        return true;
    wire_close(wire);
    return false;
}

void wire_close(struct wire *wire) {
    if (wire->fd >= 0)
        close(wire->fd);
    reader_free(wire->reader);
    *wire = (struct wire){ .fd = -1 };
}

/* One round; false when the connection is lost. */
static bool ask_once(struct wire *wire, struct request *request, enum redis_answer *answer) {
    struct buffer out = BUFFER_INIT;
    uint32_t replies;
    bool ok = redis_encode(&out, request, &wire->facts, &replies) &&
              (request->replicas == 0 || redis_encode_wait(&out, request)) && send_all(wire, &out);
    buffer_clear(&out);
    wire->rounds++;
    *answer = REDIS_MORE;
    for (uint32_t i = 0; ok && i < replies; i++) {
        const struct resp *resp = receive(wire);
        ok = resp != NULL && *answer == REDIS_MORE;
        if (ok)
            *answer = redis_decode(request, i, resp, &wire->facts);
    }
    return ok && *answer != REDIS_MORE;
}

bool wire_execute(struct wire *wire, struct request *request) {
    enum redis_answer answer = REDIS_AGAIN;
    wire->rounds = 0;
    while (answer == REDIS_AGAIN && wire->rounds < 8)
        if (!ask_once(wire, request, &answer))
            return false;
    return answer == REDIS_ANSWERED;
}
