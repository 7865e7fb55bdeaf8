// Command program is what a program of your own begins with, next to keeper*.go
// and worker.go.
package main

import (
	"context"
	_ "embed"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/tufwalk/tufwalk/client"
)

//go:embed root.json
var trustedRoot []byte

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := live(ctx, config{
		TrustedRoot: trustedRoot,
		Metadata:    []string{"https://example.com/metadata"},
		Targets:     []string{"https://example.com/targets"},
		Target:      "agent",
		Every:       time.Hour,
		Patience:    time.Minute,
		Log:         slog.Default(),
		Run:         run,
	})
	stop()
	os.Exit(code)
}

// run is the program's own work.
func run(ctx context.Context, _ *client.Client) error {
	fmt.Println("hello")
	<-ctx.Done()
	time.Sleep(time.Second / 2) // what must not be cut short
	fmt.Println("goodbye")
	return nil
}
