package bucket

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/tufwalk/tufwalk/internal/safename"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

const (
	// MaxRecord bounds a record in bytes. Longer ones are not read.
	MaxRecord = 64 << 20
	// maxCandidates is how many files of a name LoadAll returns at most: a
	// session looks at no more.
	maxCandidates = 16
	// maxLooked is how many files of a name LoadAll looks at, to find those.
	maxLooked = 128
	// listTries is how often files may have gone between listing and reading.
	listTries = 16
)

// Records is the store of one repository's metadata, which any number of
// replicas share. It is a verify.CandidateStore, and safe for many goroutines.
//
// A record is an object of its own, and its name has the sha256 of its bytes.
// So replicas never overwrite each other's records, and what is damaged is not
// returned. The stored version is the highest among those that are valid, as
// package verify has it: it does not fall, whichever replica is behind, because
// Sweep alone removes records.
type Records struct {
	objects    objects
	repository string
	prefix     string
	options    verify.Options

	mu    sync.Mutex
	known map[string][]byte // by key: what was read or saved, of the names that decide
}

// Records returns the store of a repository. The options are those of its
// sessions: they say in which format its files are, and which signatures count.
// Nothing else of them matters.
func (b *Bucket) Records(repository string, o verify.Options) *Records {
	const longest = 120
	return &Records{
		objects: b.objects, repository: repository, options: o, known: map[string][]byte{},
		prefix: "records/repository." + safename.Escape(repository, longest) + "/",
	}
}

// record is an object that holds a record.
type record struct {
	object
	name    string
	version int64  // as its key says: nobody has verified it
	sum     string // sha256 of its bytes, in hexadecimal
}

// isRecordName matches the names of verify.Record.StoreName.
var isRecordName = regexp.MustCompile(
	`^(?:root|[0-9]{1,19}\.root|timestamp|snapshot|targets|role\.[a-z0-9%_.=-]{1,190})\.json$`)

var isRecordFile = regexp.MustCompile(`^([0-9]{1,19})\.([0-9a-f]{64})$`)

func checkName(name string) error {
	if !isRecordName.MatchString(name) {
		return fmt.Errorf("%q is not the name of a record", name)
	}
	return nil
}

func (r *Records) key(rec verify.Record) string {
	sum := sha256.Sum256(rec.Data)
	return fmt.Sprintf("%s%s/%d.%x", r.prefix, rec.StoreName, rec.Version, sum)
}

// record reads a key; false: it is none of a record.
func (r *Records) record(o object) (record, bool) {
	name, file := path.Split(strings.TrimPrefix(o.key, r.prefix))
	name = strings.TrimSuffix(name, "/")
	m := isRecordFile.FindStringSubmatch(file)
	if m == nil || !isRecordName.MatchString(name) {
		return record{}, false
	}
	version, err := strconv.ParseInt(m[1], 10, 64)
	return record{o, name, version, m[2]}, err == nil
}

// list returns the records of a name, the highest version first, and of those
// of one version the one that was saved last.
func (r *Records) list(ctx context.Context, name string) ([]record, error) {
	objects, err := r.objects.list(ctx, r.prefix+name+"/")
	if err != nil {
		return nil, err
	}
	var list []record
	for _, o := range objects {
		if rec, ok := r.record(o); ok {
			list = append(list, rec)
		}
	}
	slices.SortStableFunc(list, newerRecord)
	return list, nil
}

func newerRecord(a, b record) int {
	return cmp.Or(cmp.Compare(b.version, a.version), b.modTime.Compare(a.modTime), cmp.Compare(a.key, b.key))
}

// errDamaged says that a record is not the one that its name says.
var errDamaged = errors.New("the bytes are not those of the record")

// read reads a record.
func (r *Records) read(ctx context.Context, rec record) ([]byte, error) {
	r.mu.Lock()
	data, ok := r.known[rec.key]
	r.mu.Unlock()
	if ok {
		return slices.Clone(data), nil
	}
	data, err := readAll(ctx, r.objects, rec.key, MaxRecord)
	switch {
	case errors.Is(err, errTooLarge):
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	case err != nil:
		return nil, err
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != rec.sum {
		return nil, fmt.Errorf("%s: %w", rec.key, errDamaged)
	}
	r.remember(rec.key, rec.name, data)
	return data, nil
}

// What is remembered: these names are read again and again, to be compared.
const (
	rememberedBytes = 1 << 20
	rememberedFiles = 256
)

func (r *Records) remember(key, name string, data []byte) {
	if !decides(name) || len(data) > rememberedBytes {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.known) >= rememberedFiles {
		clear(r.known)
	}
	r.known[key] = slices.Clone(data)
}

// decides says that the stored versions are those of files of this name.
func decides(name string) bool {
	return name == nameRoot || name == nameTimestamp || name == nameSnapshot
}

const (
	nameRoot      = metadata.RoleRoot + ".json"
	nameTimestamp = metadata.RoleTimestamp + ".json"
	nameSnapshot  = metadata.RoleSnapshot + ".json"
)

// Save adds a record. It is durable when Save returns.
func (r *Records) Save(ctx context.Context, rec verify.Record) error {
	if err := checkName(rec.StoreName); err != nil {
		return r.failed("saved", err)
	}
	// Files of targets roles are a cache. If one is lost in a crash of the
	// system, it is fetched again.
	durable := rec.Role == metadata.RoleRoot || decides(rec.StoreName)
	key := r.key(rec)
	if err := r.objects.write(ctx, key, rec.Data, durable); err != nil {
		return r.failed("saved", err)
	}
	r.remember(key, rec.StoreName, rec.Data)
	return nil
}

// Load returns the file of a name that a replica would go by: the highest
// version, of root, timestamp and snapshot among those that are signed by the
// right keys, if there are any. The error wraps fs.ErrNotExist if there is
// nothing.
func (r *Records) Load(ctx context.Context, name string) ([]byte, error) {
	files, err := r.load(ctx, name, 1)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, r.failed("loaded", fmt.Errorf("%s: %w", name, fs.ErrNotExist))
	}
	return files[0], nil
}

// LoadAll returns the files that were saved under a name. Of more than 16 it
// returns 16: those first that are signed by the right keys of the newest root
// in the bucket, then those of the highest versions. Both are only an order:
// the session verifies what it uses.
func (r *Records) LoadAll(ctx context.Context, name string) ([][]byte, error) {
	return r.load(ctx, name, maxCandidates)
}

var errChanging = errors.New("records went away again and again while they were read")

// load returns so many of the files of a name at most.
//
// A record may have been removed between listing and reading, because of a
// newer one that is not in the listing: then it lists again.
func (r *Records) load(ctx context.Context, name string, most int) ([][]byte, error) {
	if err := checkName(name); err != nil {
		return nil, r.failed("loaded", err)
	}
	for range listTries {
		files, err := r.tryLoad(ctx, name, most)
		if err == nil {
			return files, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, r.failed("loaded", err)
		}
	}
	return nil, r.failed("loaded", fmt.Errorf("%s: %w", name, errChanging))
}

func (r *Records) tryLoad(ctx context.Context, name string, most int) ([][]byte, error) {
	list, err := r.list(ctx, name)
	if err != nil {
		return nil, err
	}
	looked := most
	if decides(name) && len(list) > most {
		looked = maxLooked
	}
	var files [][]byte
	bytes := 0
	for _, rec := range list {
		if len(files) >= looked || bytes > MaxRecord {
			break
		}
		data, err := r.read(ctx, rec)
		if errors.Is(err, errDamaged) { // it has no effect; Sweep reports it
			continue
		}
		if err != nil {
			return nil, err
		}
		files, bytes = append(files, data), bytes+len(data)
	}
	if len(files) <= most {
		return files, nil
	}
	if files, err = r.countingFirst(ctx, name, files); err != nil {
		return nil, err
	}
	return files[:most], nil
}

func (r *Records) failed(what string, err error) error {
	if r.repository == "" {
		return fmt.Errorf("a record could not be %s: %w", what, err)
	}
	return fmt.Errorf("a record of %s could not be %s: %w", metadata.Printable(r.repository), what, err)
}
