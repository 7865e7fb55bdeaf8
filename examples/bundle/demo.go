package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tufwalk/tufwalk/examples/internal/loopback"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// demo creates a repository, and serves it on this machine until a bundle is
// packed. The rest works without it.
func demo(ctx context.Context, out *terminal) error {
	dir, err := os.MkdirTemp("", "tufwalk-bundle-")
	if err != nil {
		return err
	}
	defer func() { fmt.Fprintf(out.stdout, "The files stay in %s; delete it when you like.\n", dir) }()
	now := time.Now().UTC().Truncate(time.Second)
	repo := demoRepository(now)
	base, stop, err := loopback.Serve(loopback.Repository(repo))
	if err != nil {
		return err
	}
	defer stop()
	in := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(in("root.json"), repo.TrustedRoot(), 0o600); err != nil {
		return err
	}
	step := func(want int, say string, args ...string) error {
		line := wrap("$ bundle", strings.ReplaceAll(strings.Join(args, " "), dir+string(filepath.Separator), ""))
		fmt.Fprintf(out.stdout, "%s\n\n%s\n", say, line)
		code := run(ctx, args, out.stdout, out.stdout)
		fmt.Fprintf(out.stdout, "(exit code %d)\n\n", code)
		if code != want {
			return fmt.Errorf("the demonstration went wrong: exit code %d, not %d", code, want)
		}
		return nil
	}
	fmt.Fprintf(out.stdout, "No arguments, so this is a demonstration, in %s.\n\n", dir)
	if err := step(0, "1. The program creates a TUF repository, serves it on this machine, and packs\n"+
		"   some of its files:",
		"pack", "--root", in("root.json"), "--metadata-url", base+"/metadata", "--targets-url", base+"/targets",
		in("tools.zip"), "LICENCE.txt", "tools/hammer-1.2.tar"); err != nil {
		return err
	}
	if err := step(0, "2. The files in the archive:", "list", in("tools.zip")); err != nil {
		return err
	}
	stop()
	if err := step(0, "3. The server is stopped. From here on there is only the archive, and the root\n"+
		"   file that the user has had from the start:",
		"verify", "--root", in("root.json"), "--dest", in("extracted"), in("tools.zip")); err != nil {
		return err
	}
	if err := tamper(in("tools.zip"), in("tampered.zip"), "targets/tools/hammer-1.2.tar"); err != nil {
		return err
	}
	if err := step(1, "4. Somebody changes one byte of one file on the way, and fixes the checksums of\n"+
		"   the archive:",
		"verify", "--root", in("root.json"), "--dest", in("refused"), in("tampered.zip")); err != nil {
		return err
	}
	later := now.AddDate(0, 1, 0).Format(time.RFC3339)
	if err := step(3, "5. A month later the bundle is old. It cannot show what has been published\n"+
		"   since then:",
		"verify", "--root", in("root.json"), "--at", later, in("tools.zip")); err != nil {
		return err
	}
	if err := step(0, "6. To accept the state of that date all the same, pass the date:",
		"verify", "--root", in("root.json"), "--at", now.Format(time.RFC3339), in("tools.zip"), "LICENCE.txt"); err != nil {
		return err
	}
	check := []string{
		"check", "--root", in("root.json"), "--state", in("state"), "--record", in("record.json"),
		"--dir", in("extracted"), "LICENCE.txt",
	}
	if err := step(0, "7. A file that came some other way is checked by the bundle, and recorded:",
		append(check, "--bundle", in("tools.zip"))...); err != nil {
		return err
	}
	if err := step(0, "8. Without the bundle, the saved state still knows the file:", check...); err != nil {
		return err
	}
	if err := step(badClock, "9. The clock was set back, so nothing is judged:",
		append(check, "--at", now.AddDate(0, 0, -1).Format(time.RFC3339))...); err != nil {
		return err
	}
	fmt.Fprintln(out.stdout, "To pack from another repository, see bundle pack --help.")
	return nil
}

// wrap breaks a command line for 80 columns.
func wrap(line, args string) string {
	column := len(line)
	for _, word := range strings.Fields(args) {
		if column+len(word) > 76 {
			line, column = line+" \\\n   ", 3
		}
		line, column = line+" "+word, column+1+len(word)
	}
	return line
}

// demoRepository has targets of its own, and a delegation of tools/ to a team.
// Its root key was rotated once.
func demoRepository(now time.Time) *verifytest.Repo {
	repo := verifytest.New(verifytest.Options{Start: now, Seed: "demo"})
	team := repo.Targets().Delegate(verifytest.Delegation{
		Name: "tools-team", Paths: []string{"tools/*"}, Terminating: true,
	})
	hammer := make([]byte, 1<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(hammer) // never fails
	repo.Targets().AddTarget("LICENCE.txt", []byte("Do as you like with random bytes.\n"))
	repo.Targets().AddTarget("not-packed.txt", []byte("It is not packed.\n"))
	team.AddTarget("tools/hammer-1.2.tar", hammer)
	repo.Rotate("root", 1, repo.Key("second root"))
	repo.Publish()
	return repo
}

// tamper changes a byte in the middle of one entry and fixes the checksums,
// like an attacker who knows zip.
func tamper(from, to, name string) error {
	return rewrite(from, to, func(files map[string][]byte) { files[name][len(files[name])/2] ^= 1 })
}

// rewrite writes a bundle again after a change of its files.
func rewrite(from, to string, change func(files map[string][]byte)) error {
	a, err := openArchive(from)
	if err != nil {
		return err
	}
	defer a.Close()
	files := make(map[string][]byte)
	for name, f := range a.files {
		if name == listName {
			continue
		}
		if files[name], err = a.read(name, int64(f.UncompressedSize64)); err != nil {
			return err
		}
	}
	change(files)
	var entries []entry
	for name, data := range files {
		entries = append(entries, entryOf(name, data))
	}
	w, err := os.Create(to)
	if err != nil {
		return err
	}
	return errors.Join(writeArchive(w, entries), w.Close())
}
