package roles_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

const dsseVariable = "TUFWALK_TEST_DSSE"

// envelopeFormat is the envelope format of the repositories in these tests.
// TestAgainWithDSSE sets the variable.
var envelopeFormat = map[bool]metadata.EnvelopeFormat{
	false: metadata.Classic,
	true:  metadata.DSSE,
}[os.Getenv(dsseVariable) != ""]

// builtinSchemes are the schemes that a Policy cannot replace.
var builtinSchemes = verifytest.Schemes()

// usableSchemes are the built-in schemes that sign in envelopes of the format.
func usableSchemes() []string {
	return slices.DeleteFunc(verifytest.Schemes(), func(scheme string) bool {
		return envelopeFormat == metadata.DSSE && strings.HasPrefix(scheme, "ml-dsa")
	})
}

type object = map[string]any

// repository is a repository whose files a test changes and verifies.
type repository struct {
	*testing.T
	*verifytest.Repo
	policy roles.Policy
}

func newRepository(t *testing.T) *repository { return newRepositoryWith(t, verifytest.Options{}) }

func newRepositoryWith(t *testing.T, o verifytest.Options) *repository {
	o.EnvelopeFormat = envelopeFormat
	return &repository{T: t, Repo: verifytest.New(o)}
}

// parse parses the newest file of a role.
func parse[T metadata.Content](r *repository, role string) *metadata.Envelope[T] {
	r.Helper()
	env, err := metadata.Parse[T](r.Metadata()[r.FileName(role)], metadata.Options{EnvelopeFormat: envelopeFormat})
	require.NoError(r, err)
	return env
}

// initialRoot verifies the newest root with its own keys.
func (r *repository) initialRoot() (roles.Trusted[metadata.Root], error) {
	return roles.VerifyInitialRoot(parse[metadata.Root](r, "root"), r.policy)
}

func (r *repository) mustInitialRoot() roles.Trusted[metadata.Root] {
	r.Helper()
	root, err := r.initialRoot()
	require.NoError(r, err)
	return root
}

// nextRoot verifies the newest root as the successor of a trusted one.
func (r *repository) nextRoot(trusted roles.Trusted[metadata.Root]) (roles.Trusted[metadata.Root], error) {
	return roles.VerifyNextRoot(trusted, parse[metadata.Root](r, "root"), r.policy)
}

// verifyFile verifies the newest file of a top-level role with the newest root.
func verifyFile[T metadata.Content](r *repository, name string) (roles.Trusted[T], error) {
	r.Helper()
	role, err := roles.TopLevel(r.mustInitialRoot(), name, r.policy)
	require.NoError(r, err)
	return roles.Verify(parse[T](r, name), role)
}

func (r *repository) verifyTargets() (roles.Trusted[metadata.Targets], error) {
	return verifyFile[metadata.Targets](r, "targets")
}

func (r *repository) mustVerifyTargets() roles.Trusted[metadata.Targets] {
	r.Helper()
	file, err := r.verifyTargets()
	require.NoError(r, err)
	return file
}

// thresholdError verifies the newest targets file, which too few keys have
// signed.
func (r *repository) thresholdError() *roles.ThresholdError {
	r.Helper()
	_, err := r.verifyTargets()
	var e *roles.ThresholdError
	require.ErrorAs(r, err, &e)
	return e
}

// keys returns a key for each name.
func (r *repository) keys(names ...string) (list []*verifytest.Key) {
	for _, name := range names {
		list = append(list, r.Key(name))
	}
	return list
}

// futureKey returns a key with the scheme "1" of the type "future", changed.
func (r *repository) futureKey(name string, change func(*verifytest.Key)) *verifytest.Key {
	k := *r.Key(name)
	k.KeyType, k.Scheme = "future", "1"
	if change != nil {
		change(&k)
	}
	return &k
}

func renamed(id string) func(*verifytest.Key) {
	return func(k *verifytest.Key) { k.KeyID = id }
}

// futurePolicy returns a policy with two schemes of the type "future", whose
// keys are ed25519 keys. It counts the signatures that they verify.
func futurePolicy() (policy roles.Policy, tried *int) {
	tried = new(int)
	newVerifier := countingVerifiers(tried)
	return roles.Policy{Schemes: map[roles.Scheme]roles.VerifierFunc{
		{KeyType: "future", Scheme: "1"}: newVerifier,
		{KeyType: "future", Scheme: "2"}: newVerifier,
	}}, tried
}

// countingVerifiers verifies signatures of ed25519 keys, and counts them.
func countingVerifiers(tried *int) roles.VerifierFunc {
	return func(k metadata.Key) (roles.SignatureVerifier, []byte, error) {
		public, err := hex.DecodeString(k.Public)
		if err != nil || len(public) != ed25519.PublicKeySize {
			return nil, nil, errors.New("not a key of the future")
		}
		return countingVerifier{public, tried}, public, nil
	}
}

type countingVerifier struct {
	public ed25519.PublicKey
	tried  *int
}

func (v countingVerifier) Verify(message, sig []byte) error {
	*v.tried++
	if !ed25519.Verify(v.public, message, sig) {
		return errors.New("no")
	}
	return nil
}

type pssVerifier struct{ public *rsa.PublicKey }

func (v pssVerifier) Verify(message, sig []byte) error {
	sum := sha256.Sum256(message)
	return rsa.VerifyPSS(v.public, crypto.SHA256, sum[:], sig, &rsa.PSSOptions{SaltLength: 32})
}

// addListedTargets adds n targets to the top-level targets role.
func addListedTargets(repo *verifytest.Repo, n int) {
	hashes := map[string]string{"sha256": strings.Repeat("0a", 32)}
	for i := range n {
		repo.Targets().AddTargetInfo(fmt.Sprintf("packages/%05d.whl", i), 1, hashes)
	}
}

// editSignatures changes the list of signatures of the targets role.
func editSignatures(r *repository, f func(list []any) []any) {
	r.EditEnvelope("targets", func(envelope map[string]any) {
		envelope["signatures"] = f(envelope["signatures"].([]any))
	})
	r.Publish()
}

// signedBytes returns the bytes that the signatures of an envelope cover.
func signedBytes(t *testing.T, envelope map[string]any) []byte {
	if envelopeFormat == metadata.DSSE {
		payload, err := base64.StdEncoding.DecodeString(envelope["payload"].(string))
		require.NoError(t, err)
		return dsse.PAE(envelope["payloadType"].(string), payload)
	}
	message, err := verifytest.Canonical(envelope["signed"])
	require.NoError(t, err)
	return message
}

// replaceInContent replaces a part of a file's content, without signing it.
func replaceInContent(t *testing.T, file []byte, old, text string) []byte {
	if envelopeFormat == metadata.Classic {
		require.Contains(t, string(file), old)
		return []byte(strings.Replace(string(file), old, text, 1))
	}
	tree, err := verifytest.Decode(file)
	require.NoError(t, err)
	envelope := tree.(object)
	payload, err := base64.StdEncoding.DecodeString(envelope["payload"].(string))
	require.NoError(t, err)
	require.Contains(t, string(payload), old)
	envelope["payload"] = base64.StdEncoding.EncodeToString([]byte(strings.Replace(string(payload), old, text, 1)))
	return verifytest.Encode(envelope, " ")
}

// otherSpelling encodes a signature in another way than verifytest does.
func otherSpelling(sig []byte) string {
	if envelopeFormat == metadata.DSSE {
		return base64.URLEncoding.EncodeToString(sig)
	}
	return strings.ToUpper(hex.EncodeToString(sig))
}

// verifyDSSE verifies a targets file in a DSSE envelope.
func verifyDSSE(t *testing.T, role roles.Role, envelope map[string]any) error {
	t.Helper()
	_, err := roles.Verify(parseDSSE(t, envelope), role)
	return err
}

func parseDSSE(t *testing.T, envelope map[string]any) *metadata.Envelope[metadata.Targets] {
	t.Helper()
	data := verifytest.Encode(envelope, "")
	env, err := metadata.Parse[metadata.Targets](data, metadata.Options{EnvelopeFormat: metadata.DSSE})
	require.NoError(t, err)
	return env
}

// newest returns the newest file of a role. It does not retain the repository.
func newest(repo *verifytest.Repo, role string) []byte {
	return slices.Clone(repo.Metadata()[repo.FileName(role)])
}

func payloadOf[T metadata.Content](t testing.TB, data []byte) []byte {
	env, err := metadata.Parse[T](data, metadata.Options{})
	require.NoError(t, err)
	return env.Payload()
}

// trustedRoot verifies the first root of a repository.
func trustedRoot(t testing.TB, repo *verifytest.Repo) roles.Trusted[metadata.Root] {
	env, err := metadata.Parse[metadata.Root](repo.TrustedRoot(), metadata.Options{})
	require.NoError(t, err)
	root, err := roles.VerifyInitialRoot(env, roles.Policy{})
	require.NoError(t, err)
	return root
}

// trustedFile verifies the newest file of a top-level role with the first root.
func trustedFile[T metadata.Content](t testing.TB, repo *verifytest.Repo, name string) roles.Trusted[T] {
	role, err := roles.TopLevel(trustedRoot(t, repo), name, roles.Policy{})
	require.NoError(t, err)
	env, err := metadata.Parse[T](newest(repo, name), metadata.Options{})
	require.NoError(t, err)
	file, err := roles.Verify(env, role)
	require.NoError(t, err)
	return file
}

// longSnapshots returns two versions of a snapshot of n files, and the entry of
// the second in a timestamp.
func longSnapshots(tb testing.TB, n int) (stored, next roles.Trusted[metadata.Snapshot], listed metadata.MetaFile) {
	repo := verifytest.New(verifytest.Options{})
	repo.Edit("snapshot", func(signed map[string]any) {
		for i := range n {
			signed["meta"].(map[string]any)[fmt.Sprintf("bin-%04x.json", i)] = map[string]any{"version": int64(i + 1)}
		}
	})
	repo.PublishOnly("snapshot")
	stored = trustedFile[metadata.Snapshot](tb, repo, "snapshot")
	repo.PublishOnly("snapshot")
	next = trustedFile[metadata.Snapshot](tb, repo, "snapshot")
	return stored, next, metadata.MetaFile{Version: next.Content().Version, Length: -1}
}
