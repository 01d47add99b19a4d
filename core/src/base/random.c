#define _GNU_SOURCE
#include "base/random.h"

#include "base/clock.h"

#include <fcntl.h>
#include <unistd.h>

/* /dev/urandom rather than getrandom(2): it is on every Unix.  Should even that be missing (a bare chroot), time,
 * process and stack address still tell processes apart, which is what tokens need. */
uint64_t random_from_system(void) {
    uint64_t value = 0;
    int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t got = read(fd, &value, sizeof value);
        close(fd);
        if (got == (ssize_t)sizeof value)
            return value;
    }
    struct random mixed = { (uint64_t)clock_now_us() ^ (uint64_t)getpid() << 40 ^ (uint64_t)(uintptr_t)&value };
    return random_next(&mixed);
}

/* ln(m) for m in [1/2, 1] by the series of the inverse hyperbolic tangent, which ends soon there. */
static double minus_log(double m) {
    double z = (1 - m) / (1 + m), square = z * z, power = z, sum = 0;
    for (int i = 1; i < 20; i += 2, power *= square)
        sum += power / i;
    return 2 * sum;
}

double random_exponential(struct random *random) {
    double fraction = 1 - random_fraction(random), sum = 0;
    for (; fraction < 0.5; fraction *= 2)
        sum += 0x1.62e42fefa39efp-1; /* ln 2 */
    return sum + minus_log(fraction);
}
