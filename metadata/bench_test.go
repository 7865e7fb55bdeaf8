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

// document is a file for benchmarks.
type document struct {
	name   string
	format metadata.EnvelopeFormat
	build  func(verifytest.Options) []byte
	parse  func([]byte, metadata.Options) (unverified func() error, err error)
}

func documentOf[T metadata.Content](name string, build func(verifytest.Options) []byte) document {
	return document{name, metadata.Classic, build, func(data []byte, o metadata.Options) (func() error, error) {
		env, err := metadata.Parse[T](data, o)
		return func() error {
			_, err := env.Unverified()
			return err
		}, err
	}}
}

func snapshotDocument(name string, files int, hashes bool) document {
	return documentOf[metadata.Snapshot](name, func(o verifytest.Options) []byte { return snapshotOf(files, hashes, o) })
}

func targetsDocument(name string, build func(*verifytest.Role)) document {
	return documentOf[metadata.Targets](name, func(o verifytest.Options) []byte { return targetsOf(build, o) })
}

func (d document) inDSSE() document {
	d.format = metadata.DSSE
	return d
}

func (d document) file(o verifytest.Options) []byte {
	o.EnvelopeFormat = d.format
	return d.build(o)
}

// read is the first step of reading the file, and returns the second.
func (d document) read(data []byte) (unverified func() error, err error) {
	return d.parse(data, metadata.Options{EnvelopeFormat: d.format})
}

var documents = []document{
	documentOf[metadata.Root]("root", func(o verifytest.Options) []byte { return verifytest.New(o).TrustedRoot() }),
	documentOf[metadata.Timestamp]("timestamp", func(o verifytest.Options) []byte {
		return verifytest.New(o).Metadata()["timestamp.json"]
	}),
	snapshotDocument("snapshot, 16,384 versions", 16_384, false),
	snapshotDocument("snapshot, 16,384 hashes", 16_384, true),
	targetsDocument("targets, 1 target", listing(1)),
	targetsDocument("targets, 10,000 targets", listing(10_000)),
	targetsDocument("targets, 16,384 bins", classicBins(16_384)),
	targetsDocument("targets, 10,000 patterns", patterned(10_000)),
	targetsDocument("targets, 10,000 targets, DSSE", listing(10_000)).inDSSE(),
}

// BenchmarkRead compares reading a file, and each of the two steps, with the
// least work that reads it: json.Valid.
func BenchmarkRead(b *testing.B) {
	for _, d := range documents {
		b.Run(d.name+"/compact", func(b *testing.B) { d.bench(b, true) })
		b.Run(d.name+"/indented", func(b *testing.B) { d.bench(b, false) })
	}
}

func (d document) bench(b *testing.B, compact bool) {
	data := slices.Clone(d.file(verifytest.Options{Compact: compact})) // so that the repository can be freed
	parsed, err := d.read(data)
	require.NoError(b, err)
	both := func() bool {
		unverified, err := d.read(data)
		return err == nil && unverified() == nil
	}
	ratio.InTurn(b, func() { both() }, func() { json.Valid(data) })
	for _, m := range []measured{
		{"parse", func() bool { _, err := d.read(data); return err == nil }},
		{"unverified", func() bool { return parsed() == nil }},
		{"tufwalk", both},
		{"yardstick", func() bool { return json.Valid(data) }},
	} {
		m.run(b, len(data))
	}
}

// measured is a piece of work that succeeds each time.
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
