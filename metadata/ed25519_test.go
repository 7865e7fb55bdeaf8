package metadata_test

import (
	"crypto/ed25519"
	"encoding/hex"
	"math/big"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// The curve of ed25519 (RFC 8032, section 5.1): -x^2 + y^2 = 1 + d x^2 y^2
// modulo p. It has 8 times groupOrder points.
var (
	fieldPrime = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	curveD     = quotient(big.NewInt(-121665), big.NewInt(121666))
	groupOrder = number("7237005577332262213973186563042994240857116359379907606001950938285454250989")
)

func number(decimal string) *big.Int {
	n, _ := new(big.Int).SetString(decimal, 10)
	return n
}

func product(a, b *big.Int) *big.Int { return modulo(new(big.Int).Mul(a, b)) }
func sum(a, b *big.Int) *big.Int     { return modulo(new(big.Int).Add(a, b)) }
func minus(a, b *big.Int) *big.Int   { return modulo(new(big.Int).Sub(a, b)) }
func quotient(a, b *big.Int) *big.Int {
	return product(a, new(big.Int).ModInverse(modulo(b), fieldPrime))
}
func modulo(a *big.Int) *big.Int { return new(big.Int).Mod(a, fieldPrime) }

type point struct{ x, y *big.Int }

var neutral = point{big.NewInt(0), big.NewInt(1)}

func (p point) equal(q point) bool { return p.x.Cmp(q.x) == 0 && p.y.Cmp(q.y) == 0 }

func (p point) add(q point) point {
	one := big.NewInt(1)
	t := product(curveD, product(product(p.x, q.x), product(p.y, q.y)))
	return point{
		quotient(sum(product(p.x, q.y), product(q.x, p.y)), sum(one, t)),
		quotient(sum(product(p.y, q.y), product(p.x, q.x)), minus(one, t)),
	}
}

func (p point) times(n *big.Int) point {
	r := neutral
	for i := n.BitLen() - 1; i >= 0; i-- {
		if r = r.add(r); n.Bit(i) == 1 {
			r = r.add(p)
		}
	}
	return r
}

// pointAt returns a point with that y-coordinate, if there is one.
func pointAt(y int64) (point, bool) {
	one, b := big.NewInt(1), big.NewInt(y)
	square := quotient(minus(product(b, b), one), sum(product(curveD, product(b, b)), one))
	x := new(big.Int).ModSqrt(square, fieldPrime)
	return point{x, b}, x != nil
}

// smallPoints returns all points whose order divides 8: the multiples of one of
// order 8.
func smallPoints(t *testing.T) (list []point) {
	for y := int64(2); y < 100; y++ {
		p, ok := pointAt(y)
		if !ok {
			continue
		}
		p = p.times(groupOrder) // now its order divides 8
		if p.times(big.NewInt(4)).equal(neutral) {
			continue
		}
		for i := range int64(8) {
			list = append(list, p.times(big.NewInt(i)))
		}
		require.True(t, p.times(big.NewInt(8)).equal(neutral))
		return list
	}
	t.Fatal("no point of order 8")
	return nil
}

// encoding returns 32 bytes: a y-coordinate below 2^255, the least significant
// byte first, and the sign of x in the top bit.
func encoding(y *big.Int, sign uint) []byte {
	b := y.FillBytes(make([]byte, 32))
	slices.Reverse(b)
	b[31] |= byte(sign << 7)
	return b
}

// encodings returns all encodings of a point that crypto/ed25519 accepts: those
// with y, and those with y+p. If x is 0, either sign is accepted.
func encodings(p point) (list [][]byte) {
	for _, y := range []*big.Int{p.y, new(big.Int).Add(p.y, fieldPrime)} {
		for sign := range uint(2) {
			if y.BitLen() <= 255 && (p.x.Sign() == 0 || p.x.Bit(0) == sign) {
				list = append(list, encoding(y, sign))
			}
		}
	}
	return list
}

// R-4.2.2.8 (K13): all encodings of all points of small order are unusable.
// They are derived here from the equation of the curve, and not copied.
func TestSmallOrder(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range smallPoints(t) {
		for _, b := range encodings(p) {
			seen[string(b)] = true
			require.True(t, anyoneSigns(b), "%x", b)
			_, err := key("ed25519", "ed25519", hex.EncodeToString(b)).PublicKey()
			require.ErrorContains(t, err, "ed25519 key", "%x", b)
		}
	}
	require.Len(t, seen, 14)
}

// anyoneSigns signs a message for a public key of small order, without a
// private key: with S = 0, and for R one of the eight points.
func anyoneSigns(public []byte) bool {
	for i := range 64 {
		message := []byte{byte(i)}
		sig := make([]byte, ed25519.SignatureSize)
		sig[0] = 1 // the neutral element
		if ed25519.Verify(public, message, sig) {
			return true
		}
	}
	return false
}

// R-4.2.2.8 (K13): a y-coordinate that is not below p is another spelling of a
// key, and unusable. One below p is usable, if its point has no small order.
func TestNonCanonicalPoints(t *testing.T) {
	for i := range int64(19) { // p to 2^255-1
		for sign := range uint(2) {
			b := encoding(new(big.Int).Add(fieldPrime, big.NewInt(i)), sign)
			_, err := key("ed25519", "ed25519", hex.EncodeToString(b)).PublicKey()
			require.ErrorContains(t, err, "not the canonical encoding of an ed25519 key", "p+%d", i)
		}
	}
	for i := range int64(1000) {
		for _, y := range []*big.Int{big.NewInt(2 + i), new(big.Int).Sub(fieldPrime, big.NewInt(2+i))} {
			_, err := key("ed25519", "ed25519", hex.EncodeToString(encoding(y, uint(i%2)))).PublicKey()
			require.NoError(t, err, y)
		}
		_, err := key("ed25519", "ed25519", verifytest.NewKey("ed25519", string(rune(i))).Public).PublicKey()
		require.NoError(t, err)
	}
}
