package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/blake2b"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// shop is the server side of demonstrations and tests: an index with the layout
// of PEP 458 and PEP 480, and an extra index without TUF.
type shop struct {
	shopOptions
	repo       *verifytest.Repo
	unclaimed  *verifytest.Role            // delegates to the bins; PEP 458 alone calls it bins
	developers map[string]*verifytest.Role // they sign for a project themselves
	pages      map[string]*page
	wheels     verifytest.Files // by target path
	extras     verifytest.Files
}

type shopOptions struct {
	bits     int // there are 1<<bits bins
	succinct bool
	filesURL string
	now      time.Time
	largest  int  // wheel, in bytes
	hashes   bool // the snapshot lists hashes, so that it is certain what there is not
}

// newShop delegates like PEP 480. First comes claimed: its key is offline, and
// it delegates to a project's own developers. Then comes recently-claimed, the
// same with an online key, until claimed is signed the next time. All other
// projects go to bins with an online key.
func newShop(o shopOptions) *shop {
	s := &shop{
		shopOptions: o, developers: make(map[string]*verifytest.Role), pages: make(map[string]*page),
		wheels: verifytest.Files{}, extras: verifytest.Files{},
		repo: verifytest.New(verifytest.Options{Start: o.now, Seed: "pypi", Compact: true, MetaHashes: o.hashes}),
	}
	s.claim("claimed", "anvil")
	s.claim("recently-claimed", "rivet")
	s.unclaimed = s.repo.Targets().Delegate(verifytest.Delegation{
		Name: "unclaimed", Paths: []string{"simple/*/*", "packages/*/*/*/*"},
	})
	if o.succinct {
		s.unclaimed.DelegateSuccinct("bin", o.bits)
	} else {
		s.unclaimed.DelegateBins("bin", 1<<o.bits)
	}
	return s
}

// claim gives the page and the wheels of a project to its developers. Both
// delegations are terminating, so no later role is asked for these paths. The
// directory of a wheel is a digest, but its name begins with the name of the
// project, with underscores for hyphens. So the pattern matches no wheels of
// other projects.
func (s *shop) claim(role, project string) {
	paths := []string{pagePath(project), "packages/*/*/*/" + strings.ReplaceAll(project, "-", "_") + "-*"}
	claimed := s.repo.Targets().Delegate(verifytest.Delegation{Name: role, Paths: paths, Terminating: true})
	s.developers[project] = claimed.Delegate(verifytest.Delegation{
		Name: project + "-developers", Paths: paths, Terminating: true,
	})
}

// role returns the role that signs for a path of a project.
func (s *shop) role(project, path string) *verifytest.Role {
	if r, ok := s.developers[project]; ok {
		return r
	}
	return s.unclaimed.Bin(path)
}

// stock adds wheels. A line has the name of a project, its versions and, after
// the word requires, its requirements.
func (s *shop) stock(lines string) {
	for line := range strings.Lines(lines) {
		name, versions, requires, ok := stockLine(line)
		if !ok {
			continue
		}
		for _, v := range versions {
			s.add(s.role, name, v, requires...)
		}
	}
}

func stockLine(line string) (name string, versions, requires []string, ok bool) {
	fields := strings.Fields(line)
	if len(fields) == 0 {
		return "", nil, nil, false
	}
	name, versions = fields[0], fields[1:]
	if i := slices.Index(versions, "requires"); i >= 0 {
		versions, requires = versions[:i], versions[i+1:]
	}
	return name, versions, requires, true
}

// add adds a wheel, its core metadata and the page of its project. The function
// role returns the role that lists a path.
func (s *shop) add(role func(project, path string) *verifytest.Role, name, version string, requires ...string) {
	file, wheel, metadata := s.wheel(name, version, requires)
	digest := blake2b.Sum256(wheel)
	text := hex.EncodeToString(digest[:])
	path := "packages/" + text[:2] + "/" + text[2:4] + "/" + text[4:] + "/" + file.Filename
	file.URL = s.filesURL + "/" + path
	p := s.pages[name]
	if p == nil {
		p = newPage(name)
		s.pages[name] = p
	}
	p.Files = append(p.Files, file)

	for path, data := range map[string][]byte{path: wheel, path + ".metadata": metadata} {
		s.wheels[path] = data
		role(name, path).AddTargetInfo(path, int64(len(data)), map[string]string{"sha256": hexHash(data)})
	}
	role(name, pagePath(name)).AddTarget(pagePath(name), p.encode())
}

func (s *shop) publish() { s.repo.Publish() }

// stockExtra fills the extra index, whose pages have relative links.
func (s *shop) stockExtra(lines ...string) {
	for _, line := range lines {
		name, versions, requires, _ := stockLine(line)
		p := newPage(name)
		for _, v := range versions {
			file, wheel, metadata := s.wheel(name, v, requires)
			file.URL = "../../files/" + file.Filename
			p.Files = append(p.Files, file)
			s.extras["files/"+file.Filename], s.extras["files/"+file.Filename+".metadata"] = wheel, metadata
		}
		s.extras["simple/"+name+"/"] = p.encode()
	}
}

// wheel returns random bytes in place of a real wheel, always the same for the
// same wheel.
func (s *shop) wheel(name, version string, requires []string) (file pageFile, wheel, metadata []byte) {
	file.Filename = fmt.Sprintf("%s-%s-py3-none-any.whl", strings.ReplaceAll(name, "-", "_"), version)
	seed := sha256.Sum256([]byte(file.Filename + strings.Join(requires, " ")))
	wheel = make([]byte, s.largest/8+int(binary.BigEndian.Uint32(seed[:]))%(s.largest*7/8))
	_, _ = rand.NewChaCha8(seed).Read(wheel) // never fails
	text := fmt.Sprintf("Metadata-Version: 2.1\nName: %s\nVersion: %s\n", name, version)
	for _, r := range requires {
		text += "Requires-Dist: " + r + "\n"
	}
	metadata = []byte(text + "\nA package of a demonstration.\n")
	file.Size, file.Hashes = int64(len(wheel)), map[string]string{"sha256": hexHash(wheel)}
	file.Metadata = map[string]any{"sha256": hexHash(metadata)}
	return file, wheel, metadata
}

func newPage(name string) *page {
	p := &page{Name: name}
	p.Meta.API = "1.1"
	return p
}

func (p *page) encode() []byte {
	data, err := json.Marshal(p)
	if err != nil {
		panic(err) // a page is always valid JSON
	}
	return data
}

func hexHash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// index, files and extra are the three hosts: they return the file at a path.
func (s *shop) index(path string) ([]byte, bool) {
	if name, ok := strings.CutPrefix(path, "metadata/"); ok {
		data, ok := s.repo.Metadata()[name]
		return data, ok
	}
	data, ok := s.repo.TargetFiles()[path]
	return data, ok
}

func (s *shop) files(path string) ([]byte, bool) { data, ok := s.wheels[path]; return data, ok }
func (s *shop) extra(path string) ([]byte, bool) { data, ok := s.extras[path]; return data, ok }

func (s *shop) metadataSize() (files int, bytes int64) {
	for _, data := range s.repo.Metadata() {
		files, bytes = files+1, bytes+int64(len(data))
	}
	return files, bytes
}

// demoPackages are installed when there are no arguments: one from the bins, a
// claimed one, and one from the extra index.
var demoPackages = []string{"forge", "anvil==1.2", "inhouse-report"}

const catalogue = `
anvil       1.0 1.1 1.2 2.0  requires ironwork>=1.0
rivet       0.9 1.0          requires ironwork
forge       1.0 1.1 2.0 2.1rc1  requires bellows>=1.0,<2 tongs~=1.4
bellows     0.9 1.0 1.3 2.0  requires leather
tongs       1.3 1.4 1.6 2.0  requires ironwork!=1.1
ironwork    1.0 1.1 1.2
leather     1.1 1.2 1.10
apron       1.0 1.1          requires leather
awl         3.0 3.1
brazier     0.4 0.5          requires charcoal
chisel      5.1 5.2
charcoal    1.0 1.1
clamp       0.1 0.2 0.3      requires screw-thread>=1
compass     1.0
crucible    2.2 2.3          requires graphite
drill       4.0 4.1          requires screw-thread
file-set    1.0 1.1
flux        0.6 0.7
graphite    1.0
hammer      1.9 2.0 2.1      requires handle>=1
handle      1.0 1.1
hinge       0.3
hoist       1.0 1.1          requires pulley
lathe       7.0 7.1 8.0      requires screw-thread chisel>=5
mallet      1.0              requires handle
nail        1.0 1.0.1
pliers      2.0 2.1
pulley      0.8 0.9
punch       1.1
rasp        1.0
screw-thread 1.0 1.2
solder      0.2 0.3          requires flux
spanner     1.0 1.1
swage       0.1
tinsnips    1.4
vice        2.0 2.1          requires screw-thread
whetstone   1.0 1.1
`
