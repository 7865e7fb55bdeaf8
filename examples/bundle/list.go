package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/tufwalk/tufwalk/metadata"
)

type listCmd struct {
	Bundle string `arg:"" help:"The archive."`
}

// Run prints names and lengths, and the versions and dates in the metadata.
func (c *listCmd) Run(out *terminal) error {
	a, err := openArchive(c.Bundle)
	if err != nil {
		return err
	}
	defer a.Close()
	fmt.Fprintf(out.stdout, "%s\nNothing here is verified: bundle verify does that.\n\n", c.Bundle)
	w := tabwriter.NewWriter(out.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "BYTES\tVERSION\tEXPIRES\tFILE")
	for _, name := range slices.Sorted(maps.Keys(a.files)) {
		version, expires := "-", "-"
		if strings.HasPrefix(name, metadataDir) {
			version, expires = a.describe(name)
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\n", a.files[name].UncompressedSize64, version, expires, metadata.Printable(name))
	}
	return w.Flush()
}

// describe reads the version and the expiry of a metadata file. It verifies
// nothing.
func (a *archive) describe(name string) (version, expires string) {
	const most = 8_000_000 // the longest metadata file that a session accepts by default
	data, err := a.read(name, most)
	var file struct {
		Signed struct {
			Version int64
			Expires time.Time
		}
	}
	if err != nil || json.Unmarshal(data, &file) != nil {
		return "?", "unreadable"
	}
	return fmt.Sprint(file.Signed.Version), file.Signed.Expires.UTC().Format(time.DateOnly)
}
