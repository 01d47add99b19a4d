#include "model/breach.h"

const char *breach_name(enum breach breach) {
    switch (breach) {
    case NO_BREACH: return "nothing";
    case TOO_OLD: return "old";
    case TOO_STALE: return "stale";
    case BESIDE: return "beside";
    case LEFT_OLD: return "left";
    case STUCK: return "stuck";
    case BREACHES: break;
    }
    return "?";
}

const char *breach_text(enum breach breach) {
    switch (breach) {
    case NO_BREACH: return "nothing is wrong";
    case TOO_OLD: return "a reader gets an older value than it was promised";
    case TOO_STALE: return "a reader gets a stale value after its time";
    case BESIDE: return "a load begins though another is under way, or the key is locked";
    case LEFT_OLD: return "nothing is under way any more, and an old value counts as fresh";
    case STUCK: return "a call can't come to its end any more";
    case BREACHES: break;
    }
    return "?";
}
