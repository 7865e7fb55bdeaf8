package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
)

// maxSetAside bounds how many stores of other repositories a folder has.
const maxSetAside = 16

// owner is the repository that a folder belongs to, by the trusted root that
// the program has for it.
type owner struct {
	root    savedRoot
	file    []byte
	options verify.Options
}

// savedRoot is a root that its own keys signed.
type savedRoot struct {
	version int64
	payload []byte // what its signatures cover
}

func readRoot(file []byte, o verify.Options) (r savedRoot, err error) {
	env, err := metadata.Parse[metadata.Root](file, metadata.Options{
		EnvelopeFormat: o.EnvelopeFormat, MaxDepth: o.Limits.MaxDepth, MaxSignatures: o.Limits.MaxSignatures,
	})
	if err != nil {
		return r, err
	}
	root, err := roles.VerifyInitialRoot(env, o.Policy)
	if err != nil {
		return r, err
	}
	return savedRoot{root.Header().Version, env.Payload()}, nil
}

// Adopt makes the folder the store of the repository whose trusted root the
// program has. Call it before the first update: it needs no network.
//
// If the folder is the store of another repository, its records are moved to a
// new folder in it, whose absolute path is returned, and a fresh store begins.
// (A repository may have been founded anew, or a program may have moved from a
// staging repository.) It is another's if it has a saved root of the trusted
// root's version which its own keys signed, and which is not the same in what
// they signed. Saved roots that are damaged, missing, older, newer or without a
// connection to the trusted root never have this effect: they are for the
// session to judge.
//
// A fresh store gets the trusted root as its first record. From then on Lock
// returns ErrOtherRepository (wrapped) if another program has adopted the
// folder for another repository.
//
// At most 16 stores are set aside; then the error asks for a folder of its own
// for each program. Nothing that is set aside is ever read or removed again.
//
// A trusted root that is no good is an error that wraps verify.ErrTrustedRoot.
// If Adopt fails, or is killed, every record is where it was or set aside, and
// it may be called again.
func (f *Folder) Adopt(ctx context.Context, trustedRoot []byte) (setAside string, err error) {
	return f.AdoptWith(ctx, trustedRoot, verify.Options{})
}

// AdoptWith is Adopt with the options of the session: its envelope format,
// limits and policy say how roots are read.
func (f *Folder) AdoptWith(ctx context.Context, trustedRoot []byte, o verify.Options) (setAside string, err error) {
	root, err := readRoot(trustedRoot, o)
	if err != nil {
		return "", fmt.Errorf("%w: %w", verify.ErrTrustedRoot, err)
	}
	own := &owner{root, bytes.Clone(trustedRoot), o}
	if !f.isStoreOf(own) {
		if setAside, err = f.beginStoreOf(ctx, own); err != nil {
			return setAside, err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.owner = own
	return setAside, nil
}

// isStoreOf says that there is nothing to do for the owner, so that a folder
// need not be writable.
func (f *Folder) isStoreOf(own *owner) (is bool) {
	err := f.use(func(root *os.Root) error {
		is = len(records(root)) > 0 && own.contradiction(root) == ""
		return nil
	})
	return is && err == nil
}

// beginStoreOf sets another repository's store aside, and begins a fresh one.
func (f *Folder) beginStoreOf(ctx context.Context, own *owner) (setAside string, err error) {
	unlock, err := f.lockFor(ctx, nil)
	if err != nil {
		return "", err
	}
	defer unlock()
	err = f.use(func(root *os.Root) error {
		if evidence := own.contradiction(root); evidence != "" {
			if setAside, err = f.setAside(root, evidence); err != nil {
				return err
			}
		}
		if len(records(root)) > 0 {
			return nil
		}
		return f.write(root, own.rootName(), own.file)
	})
	return setAside, err
}

func (o *owner) rootName() string { return strconv.FormatInt(o.root.version, 10) + ".root.json" }

// contradiction returns the saved root that says that a store is another
// repository's, or nothing. The first one of the trusted root's version
// decides.
func (o *owner) contradiction(root *os.Root) string {
	for _, name := range []string{o.rootName(), nameRoot, path.Join(rootHistory, o.rootName())} {
		file, err := loadRecord(root, name)
		if err != nil {
			continue
		}
		if bytes.Equal(file, o.file) {
			return ""
		}
		saved, err := readRoot(file, o.options)
		if err != nil || saved.version != o.root.version {
			continue
		}
		if bytes.Equal(saved.payload, o.root.payload) {
			return ""
		}
		return name
	}
	return ""
}

// check returns an error if the folder is another repository's store now.
func (o *owner) check(f *Folder, root *os.Root) error {
	if o == nil {
		return nil
	}
	if evidence := o.contradiction(root); evidence != "" {
		return f.failed("locked", "", fmt.Errorf("%w: see %s in it", ErrOtherRepository, evidence))
	}
	return nil
}

// records returns the names of what a store is made of.
func records(root *os.Root) (names []string) {
	entries, _ := fs.ReadDir(root.FS(), ".")
	for _, e := range entries {
		if checkRecordName(e.Name()) == nil || e.Name() == rootHistory {
			names = append(names, e.Name())
		}
	}
	return names
}

// setAside moves all records to a new folder in the folder. The evidence goes
// last: if the process is killed, the next one goes on.
func (f *Folder) setAside(root *os.Root, evidence string) (string, error) {
	dir, err := f.makeSetAside(root)
	if err != nil {
		return "", f.notWritten("set aside", "", err)
	}
	last, _, _ := strings.Cut(evidence, "/")
	names := slices.DeleteFunc(records(root), func(name string) bool { return name == last })
	for _, name := range append(names, last) {
		if err := f.disk.rename(root, name, path.Join(dir, name)); err != nil {
			return "", f.notWritten("set aside", name, err)
		}
	}
	for _, synced := range []string{dir, "."} {
		if err := f.disk.syncDir(root, synced); err != nil {
			return "", f.notWritten("set aside", dir, err)
		}
	}
	return filepath.Join(f.path, dir), nil
}

// makeSetAside returns a new folder, or an empty one that a killed process
// left.
func (f *Folder) makeSetAside(root *os.Root) (string, error) {
	for n := range maxSetAside {
		dir := fmt.Sprintf("set-aside-%d", n+1)
		err := f.disk.before("make directory", dir)
		if err == nil {
			err = root.Mkdir(dir, 0o700)
		}
		if errors.Is(err, fs.ErrExist) {
			entries, e := fs.ReadDir(root.FS(), dir)
			if e != nil || len(entries) > 0 {
				continue
			}
			err = nil
		}
		return dir, err
	}
	return "", fmt.Errorf("stores of %d other repositories lie there already: "+
		"each program, or each trusted root, needs a folder of its own", maxSetAside)
}

// Forget removes all records, so that the next update begins from the trusted
// root alone. Rollback protection begins anew, too: use it only if what is
// stored is known to be wrong, after a stolen root key for example. It leaves
// what is no record, and stores that are set aside. If it fails, or is killed,
// some records are left, and it may be called again.
//
// A session that is under way, or made by Renew, still has what it knows: make
// the next one by verify.New.
func (f *Folder) Forget(ctx context.Context) error {
	unlock, err := f.Lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return f.use(func(root *os.Root) error {
		// Backward: 1.root.json goes after root.json, and so is saved again
		// after a crash between the two.
		for _, name := range slices.Backward(records(root)) {
			if name == rootHistory { // python-tuf's own
				continue
			}
			if err := f.disk.remove(root, name); err != nil {
				return f.notWritten("removed", name, err)
			}
		}
		if err := f.disk.syncDir(root, "."); err != nil {
			return f.notWritten("removed", "", err)
		}
		return nil
	})
}
