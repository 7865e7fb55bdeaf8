package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/client/clienttest"
	"github.com/tufwalk/tufwalk/services/internal/loopback"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// play is the demonstration: a made-up repository, its mirror, and a client of
// the mirror.
type play struct {
	ctx    context.Context
	out    *terminal
	dir    string
	repo   *verifytest.Repo
	server *clienttest.Server
	base   string // of the upstream
}

const demoFiles = 200

func demo(ctx context.Context, out *terminal) error {
	dir, err := os.MkdirTemp("", "tufwalk-mirror-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	p := &play{ctx: ctx, out: out, dir: dir, repo: verifytest.New(verifytest.Options{Start: time.Now()})}
	p.repo.Targets().DelegateSuccinct("bin", 4)
	for n := range demoFiles {
		p.stock(n, 1)
	}
	p.repo.Publish()
	p.server = clienttest.NewServer(p.repo)
	if p.base, err = loopback.Serve(ctx, p.server); err != nil {
		return err
	}
	if err := os.WriteFile(p.path("root.json"), p.repo.TrustedRoot(), 0o600); err != nil {
		return err
	}
	return p.scenes()
}

func (p *play) scenes() error {
	p.say("A repository of %d files in 16 hash bins is at %s.", demoFiles, p.base)
	if err := p.sync(); err != nil {
		return err
	}
	p.say("It publishes 20 new files. The mirror fetches the difference.")
	for n := range 20 {
		p.stock(n, 2)
	}
	p.publish()
	if err := p.sync(); err != nil {
		return err
	}
	p.say("It publishes 100 new files. The mirror is killed half-way, and goes on.")
	for n := range 100 {
		p.stock(n, 3)
	}
	p.publish()
	if err := p.killed(); err != nil {
		return err
	}
	if err := p.install("package-7", "version 2"); err != nil {
		return err
	}
	if err := p.sync(); err != nil {
		return err
	}
	if err := p.install("package-7", "version 3"); err != nil {
		return err
	}
	p.say("All of the copy, against the keys:")
	c := verifyCmd{copyOf: copyOf{Root: p.path("root.json"), Dest: p.path("copy")}}
	return c.Run(p.ctx, p.out)
}

func (p *play) say(format string, args ...any) { fmt.Fprintf(p.out.stdout, "\n"+format+"\n", args...) }

func (p *play) path(name string) string { return filepath.Join(p.dir, name) }

func (p *play) stock(n, version int) {
	path := fmt.Sprintf("package-%d", n)
	p.repo.Targets().AddToBin(path, fmt.Appendf(nil, "package %d, version %d\n", n, version))
}

func (p *play) publish() {
	p.repo.Publish()
	p.server.Publish(p.repo)
}

func (p *play) arguments() []string {
	return []string{
		"sync", "--root", p.path("root.json"), "--metadata-url", p.base + "/metadata",
		"--targets-url", p.base + "/targets", p.path("copy"),
	}
}

func (p *play) sync() error {
	fmt.Fprintln(p.out.stdout, "$ mirror sync --root root.json --metadata-url … --targets-url … copy")
	var o options
	command, _ := commandLine.Parse(&o, p.arguments(), p.out.stdout, p.out.stderr)
	if command == nil {
		return errors.New("the demonstration has a wrong command")
	}
	return o.Sync.Run(p.ctx, p.out)
}

// killed starts this program as another process, and kills it when it has
// fetched some files.
func (p *play) killed() error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	p.server.Always("/targets/*", clienttest.Delay(20*time.Millisecond))
	defer p.server.Heal()
	before := len(p.server.Log())
	c := exec.CommandContext(p.ctx, program, p.arguments()...)
	if err := c.Start(); err != nil {
		return err
	}
	for len(p.server.Log()) < before+60 && p.ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	err = c.Process.Kill()
	_ = c.Wait()
	return err
}

// install installs a file from the mirror, as any client does.
func (p *play) install(path, want string) error {
	base, err := loopback.Serve(p.ctx, http.FileServer(http.Dir(p.path("copy/current"))))
	if err != nil {
		return err
	}
	c, err := client.Open(client.Config{
		TrustedRoot: p.repo.TrustedRoot(), Folder: p.path("client"),
		Metadata: []string{base + "/metadata"}, Targets: []string{base + "/targets"},
	})
	if err != nil {
		return err
	}
	defer c.Close()
	f, err := c.Find(p.ctx, path)
	if err != nil {
		return err
	}
	if err := f.Install(p.ctx, p.path("installed")); err != nil {
		return err
	}
	data, err := os.ReadFile(p.path("installed"))
	fmt.Fprintf(p.out.stdout, "A client installs from the mirror: %s", data)
	if err == nil && len(data) < len(want) {
		err = fmt.Errorf("that is not %s", want)
	}
	return err
}
