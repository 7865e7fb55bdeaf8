package metadata_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
)

// R-4.3.3 (G15, J4, J10): the members of every role.
func TestHeader(t *testing.T) {
	mustNotDecode[metadata.Timestamp](t, goodTimestamp, []replaced{
		{`"spec_version":"1.0",`, ``, `member "spec_version" is missing`},
		{`"spec_version"`, `"Spec_version"`, `member "spec_version" is missing`},
		{`"1.0"`, `"1"`, `signed.spec_version`},
		{`"1.0"`, `"2.0.0"`, `found "2.0.0", want 1.x`},
		{`"1.0"`, `"v1.0.0"`, `want 1.x`},
		{`"1.0"`, `"banana"`, `want 1.x`},
		{`"1.0"`, `""`, `want 1.x`},
		{`"1.0"`, `"1.0.0.0"`, `want 1.x`},
		{`"1.0"`, `"1."`, `want 1.x`},
		{`"1.0"`, `"1.-1"`, `want 1.x`},
		{`"1.0"`, `"10.0"`, `want 1.x`},
		{`"1.0"`, `1`, `found a number, want a string`},
		{`,"version":7`, ``, `member "version" is missing`},
		{`,"version":7`, `,"Version":7`, `member "version" is missing`},
		{`"version":7`, `"version":0`, `found 0, want an integer from 1 to 9223372036854775807`},
		{`"version":7`, `"version":-1`, `found -1`},
		{`"version":7`, `"version":"2"`, `found a string, want an integer`},
		{`"version":7`, `"version":1.0`, `not an integer`},
		{`"version":7`, `"version":1e3`, `not an integer`},
		{`"version":7`, `"version":9223372036854775808`, `found 9223372036854775808`},
		{`"version":7`, `"version":-9223372036854775809`, `found -9223372036854775809`},
		{`"version":7`, `"version":1` + strings.Repeat("0", 400), `found 10000000000000000000000000000000...`},
		{`"expires":"2030-01-02T00:00:00Z",`, ``, `member "expires" is missing`},
		{`"2030-01-02T00:00:00Z"`, `""`, `found "", want a time`},
		{`"2030-01-02T00:00:00Z"`, `null`, `found null, want a string`},
		{`"2030-01-02T00:00:00Z"`, `"garbage"`, `found "garbage", want a time like`},
		{`"2030-01-02T00:00:00Z"`, `"2026-02-30T00:00:00Z"`, `want a time`},
		{`"2030-01-02T00:00:00Z"`, `"2030-01-02T24:00:00Z"`, `want a time`},
		{`"2030-01-02T00:00:00Z"`, `"2030-01-02T00:00:60Z"`, `want a time`},
		{`"2030-01-02T00:00:00Z"`, `"2030-01-02T0:00:00Z"`, `want a time`},
		{`"2030-01-02T00:00:00Z"`, `"2030-01-02T00:00:00,5Z"`, `want a time`},
		{`"2030-01-02T00:00:00Z"`, `"2030-01-02T00:00:00.Z"`, `want a time`},
		{`"2030-01-02T00:00:00Z"`, `"2030-01-02T00:00:00z"`, `want a time`},
		{`"2030-01-02T00:00:00Z"`, `"2030-01-02 00:00:00Z"`, `want a time`},
		{`"2030-01-02T00:00:00Z"`, `"2030-01-02T00:00:00"`, `want a time`},
		{`"2030-01-02T00:00:00Z"`, `"2030-01-02T00:00:00+0100"`, `want a time`},
		{`"2030-01-02T00:00:00Z"`, `"2030-01-02T00:00:00Z "`, `want a time`},
	})
	for _, v := range []string{"1.0", "1.0.0", "1.0.34", "1.7.2"} {
		require.Equal(t, v, mustDecode[metadata.Timestamp](t, strings.Replace(goodTimestamp, "1.0", v, 1)).SpecVersion)
	}
	for text, want := range map[string]time.Time{
		"2030-01-02T00:00:00Z":            time.Date(2030, 1, 2, 0, 0, 0, 0, time.UTC),
		"2021-12-18T13:28:12.99008-06:00": time.Date(2021, 12, 18, 19, 28, 12, 990080000, time.UTC), // Sigstore's root v1
		"2100-01-01T00:00:00.000000000Z":  time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
		"2030-01-02T00:00:00+03:00":       time.Date(2030, 1, 1, 21, 0, 0, 0, time.UTC),
	} {
		c := mustDecode[metadata.Timestamp](t, strings.Replace(goodTimestamp, "2030-01-02T00:00:00Z", text, 1))
		require.True(t, want.Equal(c.Expires), text)
		require.Equal(t, text, c.ExpiresText())
	}
	for _, v := range []int64{1, 10, 123456789012345678, 999999999999999999, 1000000000000000000, 1<<63 - 1} {
		c := mustDecode[metadata.Timestamp](t,
			strings.Replace(goodTimestamp, `"version":7`, fmt.Sprintf(`"version":%d`, v), 1))
		require.Equal(t, v, c.Version)
	}
}

func TestMember(t *testing.T) {
	c := mustDecode[metadata.Targets](t,
		strings.Replace(goodTargets, `"version":7`, `"version":7,"x-note":{"b":"\t","a":1}`, 1))
	raw, ok := c.Member("x-note")
	require.True(t, ok)
	require.JSONEq(t, `{"a":1,"b":"\t"}`, string(raw))
	_, ok = c.Member("nothing")
	require.False(t, ok)
	_, ok = new(metadata.Header).Member("version")
	require.False(t, ok)
}
