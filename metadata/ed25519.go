package metadata

import "crypto/ed25519"

// The y-coordinates of the eight points of edwards25519 whose order divides 8,
// as 32 bytes with the least significant first. The points are all solutions of
// 8P = 0. A point of order 4 has y = 0. One of order 8, doubled, gives such a
// point; with the equation of the curve, -x^2 + y^2 = 1 + d x^2 y^2, that is
// d y^4 + 2 y^2 = 1, which has two solutions. TestSmallOrder derives these
// values again.
const (
	yOrder1 = "\x01" + zeros30 + "\x00"
	yOrder2 = "\xec" + ones30 + "\x7f" // p-1
	yOrder4 = "\x00" + zeros30 + "\x00"
	yOrder8 = "\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0" +
		"\xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x05"
	yOrder8Negative = "\xc7\x17\x6a\x70\x3d\x4d\xd8\x4f\xba\x3c\x0b\x76\x0d\x10\x67\x0f" +
		"\x2a\x20\x53\xfa\x2c\x39\xcc\xc6\x4e\xc7\xfd\x77\x92\xac\x03\x7a"

	zeros10 = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	zeros30 = zeros10 + zeros10 + zeros10
	ones10  = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
	ones30  = ones10 + ones10 + ones10
)

// weakPoint returns why an ed25519 public key must not be used, or nothing. The
// key is a y-coordinate below 2^255, and the sign of x in the top bit.
//
// R-4.2.2.8: for a key of small order one signature is valid for every eighth
// message or for all, and anyone can make it. A y-coordinate that is not below
// p = 2^255-19 is another spelling of a key. So is the sign of an x-coordinate
// that is 0, but the two points with such an x have small order. crypto/ed25519
// accepts all of these.
func weakPoint(key [ed25519.PublicKeySize]byte) string {
	key[31] &= 0x7f
	if key[0] >= 0xed && string(key[1:31]) == ones30 && key[31] == 0x7f {
		return "not the canonical encoding of an ed25519 key"
	}
	switch string(key[:]) {
	case yOrder1, yOrder2, yOrder4, yOrder8, yOrder8Negative:
		return "an ed25519 key of small order, for which anyone can sign"
	}
	return ""
}
