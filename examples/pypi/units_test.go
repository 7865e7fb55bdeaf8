package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	version "github.com/aquasecurity/go-pep440-version"
	"github.com/stretchr/testify/require"
)

func TestTargetPath(t *testing.T) {
	const base = "https://files.example:8443/pypi"
	const good = "packages/aa/bb/cc/anvil-1.0-py3-none-any.whl"
	for link, want := range map[string]string{
		base + "/" + good:                         good,
		"https://FILES.example:8443/pypi/" + good: good,
		"HTTPS://files.example:8443/pypi/" + good: good,
		base + "/packages/anvil-1.0%2Bcpu.whl":    "packages/anvil-1.0+cpu.whl",
		base + "/packages/anvil-1.0+cpu.whl":      "packages/anvil-1.0+cpu.whl",
		base + "/packages/%61nvil.whl":            "packages/anvil.whl",
		base + "/packages/..anvil..whl":           "packages/..anvil..whl",
		base + "/packages/100%25.whl":             "packages/100%.whl",
		base + "/a%253Fb":                         "a%3Fb", // decoded once
		base + "/%C3%A4.whl":                      "ä.whl",
	} {
		for _, b := range []string{base, base + "/"} {
			got, err := targetPath(b, link)
			require.NoError(t, err, link)
			require.Equal(t, want, got)
		}
	}
	for link, because := range map[string]string{
		"":                                       "is not absolute",
		good:                                     "is not absolute",
		"/pypi/" + good:                          "is not absolute",
		"//files.example:8443/pypi/" + good:      "is not absolute",
		"https:pypi/" + good:                     "is not absolute",
		"http://files.example:8443/pypi/" + good: "is not below",
		"ftp://files.example:8443/pypi/" + good:  "is not below",
		"https://files.example/pypi/" + good:     "is not below",
		"https://evil.example:8443/pypi/" + good: "is not below",
		"https://files.example:8443.evil.example/pypi/": "cannot be parsed",
		"https://files.example:8443/" + good:            "is not below",
		"https://files.example:8443/pypi-evil/" + good:  "is not below",
		"https://files.example:8443/pypi":               "is not below",
		"https://files.example:8443/PYPI/" + good:       "is not below",
		"https://files.example:8443/%70ypi/" + good:     "is not below",
		"https://me:secret@files.example:8443/pypi/x":   "has a user name",
		base + "/x?":          "has a query",
		base + "/x?y=1":       "has a query",
		base + "/x#":          "has a fragment",
		base + "/x#sha256=00": "has a fragment",
		base + "/":            "has an empty segment",
		base + "//x":          "has an empty segment",
		base + "/x/":          "has an empty segment",
		base + "/../x":        "has a segment of dots",
		base + "/a/./x":       "has a segment of dots",
		base + "/a/%2e%2E/x":  "has a segment of dots",
		base + "/a/.%2e":      "has a segment of dots",
		base + "/a%2Fb":       "has an encoded slash or a backslash",
		base + "/a%2fb":       "has an encoded slash or a backslash",
		base + `/a\b`:         "has an encoded slash or a backslash",
		base + "/a%5Cb":       "has an encoded slash or a backslash",
		base + "/a%00b":       "has a control character",
		base + "/a%0Ab":       "has a control character",
		base + "/a\nb":        "cannot be parsed",
		base + "/a%zz":        "cannot be parsed",
	} {
		_, err := targetPath(base, link)
		e := new(URLError)
		require.ErrorAs(t, err, &e, link)
		require.Contains(t, e.Error(), because)
	}
}

func TestRequirements(t *testing.T) {
	for text, versions := range map[string]string{ // allowed versions
		"Tongs_Set":            "1.0 2.0rc1 2.0",
		"tongs.set>=1.0,<2":    "1.0 1.9 1.10 1.0.post1",
		"tongs-set (~=1.4)":    "1.4 1.10",
		"tongs-set == 1.*":     "1.0 1.10",
		"tongs-set!=1.0":       "1.1 0.9",
		"tongs-set>1.9":        "1.10 2.0",
		"tongs-set==1.0":       "1 1.0.0",
		"tongs-set >= 2.0RC1 ": "2.0rc1 2.0",
	} {
		r, err := parseRequirement(text, "test")
		require.NoError(t, err)
		require.Equal(t, "tongs-set", r.name)
		for _, v := range strings.Fields(versions) {
			require.True(t, r.allows(version.MustParse(v)), "%s: %s", text, v)
		}
		if r.specs != nil {
			all := !slices.ContainsFunc([]string{"0.1", "1.0", "9!1"}, func(v string) bool {
				return !r.allows(version.MustParse(v))
			})
			require.False(t, all, text)
		}
	}
	for text, because := range map[string]string{
		"":                       "is not a requirement",
		"-x":                     "is not a requirement",
		"../evil":                "is not a requirement",
		"tongs[hot]":             "asks for extras",
		"tongs @ https://evil/x": "names a URL",
		"tongs 1.0":              "is not a version specifier",
		"tongs=1.0":              "is not a version specifier",
		"tongs>=1.0 || ==5":      "is not a version specifier",
		"tongs>=1,":              "is not a version specifier",
		"tongs>=one":             "improper",
		"tongs~=1":               "compatible operator",
		`tongs; extra == "hot"`:  "is not a version specifier",
		"tongs>=1.*":             "wild card",
		"to/ngs":                 "is not a version specifier",
	} {
		_, err := parseRequirement(text, "test")
		require.ErrorContains(t, err, because, text)
	}
}

func TestResolve(t *testing.T) {
	for name, c := range map[string]struct {
		market, asked []string
		want          string // or the error
	}{
		"newest":             {[]string{"a 1.9", "a 1.10"}, []string{"a"}, "a 1.10"},
		"no pre-release":     {[]string{"a 1.0", "a 2.0rc1"}, []string{"a"}, "a 1.0"},
		"only a pre-release": {[]string{"a 1.0", "a 2.0rc1"}, []string{"a>1.0"}, "a 2.0rc1"},
		"not yanked":         {[]string{"a 1.0", "a 2.0 yanked"}, []string{"a"}, "a 1.0"},
		"yanked, but exact":  {[]string{"a 1.0", "a 2.0 yanked"}, []string{"a==2.0"}, "a 2.0"},
		"both must agree": {[]string{"a 1.0: c<2", "b 1.0: c>=1.1", "c 1.0", "c 1.1", "c 2.0"}, []string{"a", "b"},
			"a 1.0, b 1.0, c 1.1"},
		"a circle is no problem": {[]string{"a 1.0: b", "b 1.0: a>=1"}, []string{"a"}, "a 1.0, b 1.0"},
		"no effect of what is not chosen": {
			[]string{"a 1.0", "a 2.0: d", "b 1.0: c", "c 1.0: a<2", "d 1.0"}, []string{"a", "b"},
			"a 1.0, b 1.0, c 1.0",
		},
		"conflict": {[]string{"a 1.0: c<2", "b 1.0: c>=2", "c 1.0", "c 2.0"}, []string{"a", "b"},
			"no version of c fits: want c<2 (a 1.0), c>=2 (b 1.0); there are wheels of 2.0, 1.0"},
		"undoes itself": {[]string{"a 1.0", "a 2.0: b", "b 1.0: a<2"}, []string{"a"}, "go in circles"},
	} {
		t.Run(name, func(t *testing.T) {
			var asked []requirement
			for _, text := range c.asked {
				r, err := parseRequirement(text, "you")
				require.NoError(t, err)
				asked = append(asked, r)
			}
			chosen, m, err := resolve(asked, market(t, c.market...))
			if err != nil {
				require.Contains(t, err.Error(), c.want)
				return
			}
			require.False(t, m.any())
			var list []*release
			for _, name := range []string{"a", "b", "c", "d"} {
				if r := chosen[name]; r != nil {
					list = append(list, r)
				}
			}
			require.Equal(t, c.want, names(list))
		})
	}
}

func TestWheelNames(t *testing.T) {
	for name, want := range map[string]string{
		"tongs_set-1.0-py3-none-any.whl":            "1.0",
		"Tongs.Set-1.0-2-py2.py3-none-any.whl":      "1.0",
		"tongs_set-1.0+cpu-py3-none-any.whl":        "1.0+cpu",
		"tongs-set-1.0-py3-none-any.whl":            "", // project tongs, version "set"
		"tongs_sets-1.0-py3-none-any.whl":           "",
		"tongs_set-1.0-py2-none-any.whl":            "",
		"tongs_set-1.0-cp313-cp313-win_amd64.whl":   "",
		"tongs_set-one-py3-none-any.whl":            "",
		"tongs_set-1.0.tar.gz":                      "",
		"../tongs_set-1.0-py3-none-any.whl":         "",
		"tongs_set-1.0-py3-none-any.whl/../any.whl": "",
	} {
		v, ok := wheelVersion(name, "tongs-set")
		require.Equal(t, want != "", ok, name)
		if ok {
			require.Equal(t, want, v.String())
		}
	}
}

func TestShareOfTheBarForAll(t *testing.T) {
	var all bytes.Buffer
	s := &share{all: &all}
	write := func(text string) {
		n, err := s.Write([]byte(text))
		require.NoError(t, err)
		require.Equal(t, len(text), n)
	}
	write("abc")
	s.again()
	write("ab")
	write("cde")
	require.Equal(t, "abcde", all.String(), "a second attempt counts only bytes beyond the first")
}
