/* none: the relay of a build without json-c. */
#include "tool.h"

int relay_main(struct tool *tool) {
    (void)tool;
    return tool_complain(EXIT_FAILED, "this build has no relay, for want of json-c: install libjson-c-dev (Debian, "
                                      "Ubuntu) or json-c-devel, and build again");
}
