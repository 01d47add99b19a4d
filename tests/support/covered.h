/* covered: which public functions a test has called, against the list of all. */
#ifndef RESILICACHE_TESTS_COVERED_H
#define RESILICACHE_TESTS_COVERED_H

/* `name` is static text. */
void covered_note(const char *name);
/* Fails the test unless the names that were noted are those in core/resilicache.syms. */
void covered_check(void);

#endif
