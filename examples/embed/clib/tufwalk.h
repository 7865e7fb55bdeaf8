/*
 * tufwalk: verifies software updates by The Update Framework. No I/O.
 *
 * A message is a line of JSON, a newline, and a body; so is its answer. They
 * are described in docs/embedding.md. All memory is the caller's: the library
 * copies what it is given, and writes into buffers that it is given.
 *
 * A host holds sessions. Its number is no pointer. Several threads may use one
 * host if each tufwalk_call and the tufwalk_answer after it are not separated;
 * threads with hosts of their own need not care.
 */
#ifndef TUFWALK_H
#define TUFWALK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Returns a new host, above 0. */
int64_t tufwalk_new(void);

/* Ends a host and its sessions. An unknown number is ignored. */
void tufwalk_free(int64_t host);

/*
 * Answers a message. Returns the length of the answer; -1 if there is no such
 * host. If the answer is longer than capacity, nothing is written, and
 * tufwalk_answer writes it. The message and the buffer may be NULL if their
 * size is 0.
 */
int64_t tufwalk_call(int64_t host, const void *message, size_t length, void *answer, size_t capacity);

/*
 * Writes the last answer that tufwalk_call did not write. Returns its length;
 * -1 if there is none. If it is longer than capacity, nothing is written.
 * Once written, it is forgotten.
 */
int64_t tufwalk_answer(int64_t host, void *answer, size_t capacity);

#ifdef __cplusplus
}
#endif

#endif
