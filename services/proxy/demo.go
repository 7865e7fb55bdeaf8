package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tufwalk/tufwalk/services/internal/loopback"
	"github.com/tufwalk/tufwalk/services/proxy/internal/gate"
	"github.com/tufwalk/tufwalk/services/proxy/internal/world"
)

// demoBits makes as many hash bins as PyPI would have.
const demoBits = 14

// demo makes up repositories, serves them from a mirror that may lie, and runs
// the proxy in front of them.
func demo(ctx context.Context, mode string, stdout, stderr io.Writer) error {
	if !slices.Contains(world.Names(), mode) {
		return fmt.Errorf("--mirror: %q is none of %s", mode, strings.Join(world.Names(), ", "))
	}
	dir, err := os.MkdirTemp("", "tufwalk-proxy-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Fprintln(stdout, "Making up repositories: a Python index with 16,384 hash bins, an npm scope,\n"+
		"an apt archive, Go modules.")
	w := world.New(time.Now(), demoBits)
	w.SetMode(mode)
	mirror := http.NewServeMux()
	mirror.Handle("/", w.Mirror())
	mirror.HandleFunc("POST /mode/{mode}", func(rw http.ResponseWriter, r *http.Request) {
		w.SetMode(r.PathValue("mode"))
		fmt.Fprintf(rw, "the mirror is %s now\n", w.Mode())
	})
	servers := world.Servers{Public: map[string]string{}}
	if servers.Mirror, err = loopback.Serve(ctx, mirror); err != nil {
		return err
	}
	for _, name := range []string{world.PyPI, world.NPM, world.Go} {
		if servers.Public[name], err = loopback.Serve(ctx, w.Public(name)); err != nil {
			return err
		}
	}
	file, err := w.WriteConfig(dir, servers)
	if err != nil {
		return err
	}
	keyring := filepath.Join(dir, "archive-keyring.asc")
	if err := os.WriteFile(keyring, w.Keyring, 0o644); err != nil {
		return err
	}
	s, err := loadSettings(file)
	if err != nil {
		return err
	}
	s.LogLevel = slog.LevelWarn
	s.Gate.Switch = &gate.Switch{Names: world.Names(), Mode: w.Mode, Set: w.SetMode}
	addresses, lines := io.Pipe()
	defer lines.Close()
	go printDemo(addresses, stdout, servers.Mirror, keyring, mode)
	return s.serve(ctx, lines, stderr)
}

// printDemo prints the commands to try, when the addresses are known.
func printDemo(addresses io.Reader, out io.Writer, mirror, keyring, mode string) {
	var proxy, admin string
	if _, err := fmt.Fscanf(addresses, "proxy at %s\nadmin at %s\n", &proxy, &admin); err != nil {
		return
	}
	_, _ = io.WriteString(out, strings.NewReplacer("$PROXY", "http://"+proxy, "$ADMIN", "http://"+admin,
		"$KEYRING", keyring, "$MODE", mode).Replace(`
The proxy is at $PROXY, its status page at $ADMIN/status.
The mirror is $MODE. Try:

  pip install --index-url $PROXY/pypi/simple/ --target /tmp/try forge
  npm install --registry $PROXY/npm/ --prefix /tmp/try @corp/forge
  GOPROXY=$PROXY/go/ GONOSUMDB=example.com go run example.com/forge@latest
  curl -fO $PROXY/apt/pool/main/f/forge/forge_1.1_all.deb
  apt:  deb [signed-by=$KEYRING] $PROXY/apt/ stable main

Version 1.1 is signed; the public index has forge 99.0, which must never come.
Have the mirror lie, on the status page or so, and install anvil: forge, once
verified, is served on, which no mirror can change. pip says "from versions:
none" where a page is refused: curl -i $PROXY/pypi/simple/anvil/ says why.

`))
	for _, m := range world.Modes {
		fmt.Fprintf(out, "  curl -X POST %s/mode/%-9s  # %s\n", mirror, m.Name, m.About)
	}
	fmt.Fprintln(out, "\nEnd with Ctrl-C.")
	_, _ = io.Copy(io.Discard, addresses)
}
