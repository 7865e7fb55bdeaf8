/* Opens a session with the root in a file, and tries the edges of the library. */

#include "tufwalk.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char answer[1 << 16];

/* Sends a message without a body, and returns the answer as a text. */
static const char *call(int64_t host, const char *message) {
	int64_t n = tufwalk_call(host, message, strlen(message), answer, sizeof answer - 1);
	assert(n > 0 && n < (int64_t)sizeof answer);
	answer[n] = 0;
	return answer;
}

int main(int argc, char **argv) {
	assert(argc == 2);
	int64_t host = tufwalk_new(), other = tufwalk_new();
	assert(host > 0 && other > 0 && host != other);

	/* A body follows the line. */
	FILE *file = fopen(argv[1], "rb");
	assert(file);
	static char root[1 << 16], message[1 << 17];
	size_t length = fread(root, 1, sizeof root, file);
	fclose(file);
	int head = sprintf(message, "{\"v\":1,\"call\":\"open\",\"time\":\"2030-01-02T00:00:00Z\",\"trusted_root\":%zu}\n", length);
	memcpy(message + head, root, length);
	int64_t n = tufwalk_call(host, message, head + length, answer, sizeof answer);
	assert(n > 0);
	answer[n] = 0;
	assert(strcmp(answer, "{\"v\":1,\"session\":1}\n") == 0);

	assert(strstr(call(host, "{\"v\":1,\"call\":\"next\",\"session\":1}"), "2.root.json"));
	assert(strstr(call(other, "{\"v\":1,\"call\":\"next\",\"session\":1}"), "no open session 1"));

	/* A buffer that is too small is not touched, and the answer waits. */
	const char *ask = "{\"v\":1,\"call\":\"versions\"}";
	char small[4] = "abc";
	n = tufwalk_call(host, ask, strlen(ask), small, sizeof small);
	assert(n > (int64_t)sizeof small && strcmp(small, "abc") == 0);
	assert(tufwalk_answer(host, small, sizeof small) == n && strcmp(small, "abc") == 0);
	assert(tufwalk_answer(other, answer, sizeof answer) == -1);
	assert(tufwalk_answer(host, answer, sizeof answer) == n);
	answer[n] = 0;
	assert(strcmp(answer, "{\"v\":1,\"versions\":[1]}\n") == 0);
	assert(tufwalk_answer(host, answer, sizeof answer) == -1);

	/* Nothing at all is an answer with an error, not a crash. */
	n = tufwalk_call(host, NULL, 0, NULL, 0);
	assert(n > 0);
	assert(tufwalk_call(host + 100, ask, strlen(ask), answer, sizeof answer) == -1);
	tufwalk_free(host);
	tufwalk_free(host);
	assert(tufwalk_call(host, ask, strlen(ask), answer, sizeof answer) == -1);
	tufwalk_free(other);
	puts("ok");
	return 0;
}
