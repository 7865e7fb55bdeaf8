// Command clib is tufwalk as a shared library with a C interface, which
// tufwalk.h declares. The page docs/embedding.md says how to build and call it.
package main
