// Command reactor is tufwalk as a WebAssembly module, for any program that can
// run one with WASI. The page docs/embedding.md says how to build and call it.
package main
