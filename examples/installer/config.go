package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify/multirepo"
)

// Validate finds mistakes before the first request. Package kong calls it.
func (in *installer) Validate() error {
	_, err := client.NewMirrors(client.MirrorsConfig{Metadata: in.MetadataURL, Targets: in.TargetsURL})
	switch urls := len(in.MetadataURL) + len(in.TargetsURL); {
	case err != nil:
		return err
	case len(in.Root) == 0, in.Map == "" && (len(in.MetadataURL) == 0 || len(in.TargetsURL) == 0):
		return errors.New("missing flags: --root=FILE, --metadata-url=URL and --targets-url=URL,\n" +
			"or --map=FILE and --root=NAME=FILE")
	case in.Map == "" && len(in.Root) != 1:
		return errors.New("several root files belong to several repositories, and need --map=FILE")
	case in.Map != "" && urls > 0:
		return errors.New("with --map, it has the URLs")
	}
	for _, root := range in.Root {
		if name, _, ok := strings.Cut(root, "="); in.Map != "" && (!ok || name == "") {
			return fmt.Errorf("--root %s: with --map it is NAME=FILE", root)
		}
	}
	return client.CheckNames(in.Targets)
}

// open opens the client.
func (in *installer) open() (*client.Client, error) {
	config := client.Config{
		// One view for the whole run, unless it expires.
		MaxAge:  max(in.Timeout, client.DefaultMaxAge),
		Observe: in.observe,
	}
	if !in.At.IsZero() {
		config.Now = func() time.Time { return in.At }
	}
	trusted := in.Map
	if trusted == "" {
		trusted = in.Root[0]
	}
	cache, err := commandLine.CacheDir(in.Cache, trusted)
	if err != nil {
		return nil, err
	}
	if in.Map != "" {
		config.Map, config.Repositories, err = in.readMap(cache)
	} else {
		config.TrustedRoot, err = os.ReadFile(in.Root[0])
		config.Metadata, config.Targets, config.Folder = in.MetadataURL, in.TargetsURL, cache
	}
	if err != nil {
		return nil, err
	}
	return client.Open(config)
}

// readMap reads the map, and the root file of each repository. A repository may
// have any name in the map, so its folder has another one.
func (in *installer) readMap(cache string) (*metadata.Map, map[string]client.Repository, error) {
	data, err := os.ReadFile(in.Map)
	if err != nil {
		return nil, nil, err
	}
	m, err := metadata.ParseMap(data)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", in.Map, err)
	}
	urls, list := map[string][]string{}, map[string]client.Repository{}
	for name, bases := range m.Repositories() {
		urls[name] = bases
	}
	for _, root := range in.Root {
		name, file, _ := strings.Cut(root, "=")
		r := client.Repository{
			Metadata: below(urls[name], "metadata"), Targets: below(urls[name], "targets"),
			Folder: filepath.Join(cache, multirepo.DirName(name)),
		}
		if _, ok := urls[name]; !ok {
			return nil, nil, fmt.Errorf("--root %s: %s has no such repository", root, in.Map)
		}
		if r.TrustedRoot, err = os.ReadFile(file); err != nil {
			return nil, nil, err
		}
		list[name] = r
	}
	return m, list, nil
}

// below returns the URLs of a directory.
func below(bases []string, dir string) (list []string) {
	for _, base := range bases {
		if u, err := url.Parse(base); err == nil {
			base = u.JoinPath(dir).String()
		}
		list = append(list, base) // what is no URL, client.Open refuses
	}
	return list
}
