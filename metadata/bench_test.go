package metadata_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/internal/ratio"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// document is a file of some sort, large or small, and the two halves of
// reading it.
type document struct {
	name  string
	make  func(verifytest.Options) []byte
	parse func([]byte) (unverified func() error, err error)
}

func documentOf[T metadata.Content](name string, make func(verifytest.Options) []byte) document {
	return documentAs[T](name, metadata.Classic, make)
}

func documentAs[T metadata.Content](name string, form metadata.EnvelopeFormat, make func(verifytest.Options) []byte) document {
	ofForm := func(o verifytest.Options) []byte {
		o.EnvelopeFormat = form
		return make(o)
	}
	return document{name, ofForm, func(data []byte) (func() error, error) {
		env, err := metadata.Parse[T](data, metadata.Options{EnvelopeFormat: form})
		return func() error {
			_, err := env.Unverified()
			return err
		}, err
	}}
}

func targetsDocument(name string, build func(*verifytest.Role)) document {
	return documentOf[metadata.Targets](name, func(o verifytest.Options) []byte { return targetsOf(build, o) })
}

var documents = []document{
	documentOf[metadata.Root]("root", func(o verifytest.Options) []byte { return verifytest.New(o).TrustedRoot() }),
	documentOf[metadata.Timestamp]("timestamp", func(o verifytest.Options) []byte { return verifytest.New(o).Metadata()["timestamp.json"] }),
	documentOf[metadata.Snapshot]("snapshot, 16,384 versions", func(o verifytest.Options) []byte { return snapshotOf(16_384, false, o) }),
	documentOf[metadata.Snapshot]("snapshot, 16,384 hashes", func(o verifytest.Options) []byte { return snapshotOf(16_384, true, o) }),
	targetsDocument("targets, 1 target", listing(1)),
	targetsDocument("targets, 10,000 targets", listing(10_000)),
	targetsDocument("targets, 16,384 bins", classicBins(16_384)),
	targetsDocument("targets, 10,000 patterns", patterned(10_000)),
	documentAs[metadata.Targets]("targets, 10,000 targets, DSSE", metadata.DSSE, func(o verifytest.Options) []byte { return targetsOf(listing(10_000), o) }),
}

// BenchmarkRead compares the reading of a file, in its two halves and as a
// whole, with its floor: one json.Valid.
func BenchmarkRead(b *testing.B) {
	for _, d := range documents {
		for _, layout := range []struct {
			name    string
			compact bool
		}{{"compact", true}, {"indented", false}} {
			b.Run(d.name+"/"+layout.name, func(b *testing.B) {
				data := slices.Clone(d.make(verifytest.Options{Compact: layout.compact})) // the repository is left to the collector
				parsed, err := d.parse(data)
				require.NoError(b, err)
				ratio.InTurn(b, func() { unverified, _ := d.parse(data); _ = unverified() }, func() { json.Valid(data) })
				for _, m := range []measured{
					{"parse", func() bool { _, err := d.parse(data); return err == nil }},
					{"unverified", func() bool { return parsed() == nil }},
					{"tufwalk", func() bool { unverified, err := d.parse(data); return err == nil && unverified() == nil }},
					{"floor", func() bool { return json.Valid(data) }},
				} {
					m.run(b, len(data))
				}
			})
		}
	}
}

// measured is something that succeeds, again and again.
type measured struct {
	name string
	do   func() bool
}

func (m measured) run(b *testing.B, size int) {
	b.Run(m.name, func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(size))
		for b.Loop() {
			if !m.do() {
				b.Fatal("failed")
			}
		}
	})
}
