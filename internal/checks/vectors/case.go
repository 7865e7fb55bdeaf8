package main

// A vector is one case: what a client starts from, what a mirror serves, and
// what a correct client ends with. It is written as JSON; README.md describes
// each member.
type vector struct {
	Name         string   `json:"name"`
	Topic        string   `json:"topic"`
	Requirements []string `json:"requirements"` // as in docs/conformance.md
	Why          string   `json:"why"`
	Choice       string   `json:"choice,omitempty"` // why the last step has more than one outcome
	Needs        []string `json:"needs,omitempty"`
	TrustedRoot  string   `json:"trusted_root"` // the sha256 of a file
	Steps        []step   `json:"steps"`
}

// What a vector may need of a client.
const (
	needsClock    = "clock"    // a time other than now
	needsDSSE     = "dsse"     // TAP 17
	needsMLDSA    = "ml-dsa"   // TAP 21
	needsSuccinct = "succinct" // TAP 15
)

var allNeeds = []string{needsClock, needsDSSE, needsMLDSA, needsSuccinct}

// A step is one run of the client.
type step struct {
	Time    string            `json:"time,omitempty"`    // RFC 3339; any time from 2025 to 2099 if empty
	Targets []string          `json:"targets,omitempty"` // download these; refresh if there are none
	Served  map[string]string `json:"served"`            // sha256 by path, percent-encoded
	Status  map[string]int    `json:"status,omitempty"`  // of HTTP, by path
	Endless []string          `json:"endless,omitempty"` // paths of answers that do not end
	Expect  []outcome         `json:"expect"`            // any of them is right
}

// An outcome is how a run ended.
type outcome struct {
	Success bool `json:"success"`
	// Versions are those of the trusted metadata afterwards; 0 if there is
	// none. Roles that are not listed may have any.
	Versions map[string]int64 `json:"versions,omitempty"`
	// Files are the sha256 of the files in the target directory afterwards.
	Files []string `json:"files"`
}

// topLevel are the top-level roles, in the order of an update.
var topLevel = []string{"root", "timestamp", "snapshot", "targets"}
