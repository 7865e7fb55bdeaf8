package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/client/clienttest"
	"github.com/tufwalk/tufwalk/internal/cli"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

func TestANewVersionTakesOver(t *testing.T) {
	w := newWorld(t, time.Now())
	agent := w.start("1m")
	agent.says("up to date")
	agent.healthy(w.one)

	w.publish(w.two)
	agent.says("installed a new version")
	agent.says("started", buildOf(w.two))
	agent.says("the new version is well")
	w.installed(w.two)
	agent.healthy(w.two)
	require.NoFileExists(t, beside(w.program, next))

	_, numbers := agent.get("/metrics")
	for _, line := range []string{
		fmt.Sprintf("agent_build_info{build=%q} 1", buildOf(w.two)),
		`tuf_role_version{role="timestamp"} 3`,
		`tuf_expires_timestamp_seconds `,
	} {
		require.Contains(t, numbers, line)
	}
	require.Regexp(t, `tuf_answers_total{result="body",source="127\.0\.0\.1[^"]*"} \d`, numbers)
	require.Regexp(t, `tuf_updates_total [1-9]`, numbers)

	if runtime.GOOS != "windows" { // which has no such signal
		require.NoError(t, agent.cmd.Process.Signal(os.Interrupt))
		agent.ends()
		require.True(t, agent.cmd.ProcessState.Success(), agent.all.String())
	}
	w.start("1m").says("started", buildOf(w.two))
}

func TestAVersionThatIsNotWellIsRolledBack(t *testing.T) {
	for _, c := range []struct{ name, program, patience, says string }{
		{"is no program", "This is no program.\n", "1m", "fork/exec"},
		{"ends at once", "#!/bin/sh\nexit 1\n", "1m", "it ended at once: exit status 1"},
		{"ends and says nothing", "#!/bin/sh\nexit 0\n", "1m", "it ended at once: exit status 0"},
		{"ends as if there were a new version", "#!/bin/sh\nexit 10\n", "1m", "it ended at once: exit status 10"},
		{"hangs", "#!/bin/sh\nexec sleep 1000\n", "300ms", "it did not say that it is well within 300ms"},
		{"says farewell", says("farewell", 1), "300ms", "it did not say that it is well"},
		{"says well to the user", says("well", 1), "300ms", "it did not say that it is well"},
		{"says well in the log", says("well", 2), "300ms", "it did not say that it is well"},
		{"says farewell to the keeper", says("farewell", 3), "300ms", "it did not say that it is well"},
		{"says too much to the keeper", says("well, well", 3), "300ms", "it did not say that it is well"},
		{"says it in another line", says("I am\nwell", 3), "300ms", "it did not say that it is well"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if runtime.GOOS == "windows" && strings.HasPrefix(c.program, "#!") {
				t.Skip("a script is no program here")
			}
			w := newWorld(t, time.Now())
			agent := w.start(c.patience)
			agent.says("up to date")

			w.publish([]byte(c.program))
			agent.says("back to the old version", c.says)
			agent.says("started", buildOf(w.one))
			agent.says("still the version that was not well")
			w.installed(w.one)
			agent.healthy(w.one)
			agent.kill()

			w.publish(w.two) // the next one that is well takes over
			agent = w.start("1m")
			agent.says("the new version is well")
			w.installed(w.two)
		})
	}
}

// says is a program that says something, and cannot update itself.
func says(text string, descriptor int) string {
	return fmt.Sprintf("#!/bin/sh\necho '%s' >&%d\nexec sleep 1000\n", text, descriptor)
}

// A version that cannot update itself could never be replaced, so it is not
// well.
func TestAVersionThatCannotUpdateIsNotWell(t *testing.T) {
	w := newWorld(t, time.Now())
	agent := w.start("1s")
	agent.says("up to date")
	w.server.Always("/targets/*", func(honest http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			honest.ServeHTTP(rw, r)
			w.server.Always("/metadata/*", clienttest.Status(http.StatusServiceUnavailable))
		})
	})
	w.publish(w.two)
	agent.says("installed a new version")
	agent.says("back to the old version", "it did not say that it is well")
	agent.says("started", buildOf(w.one))
	w.installed(w.one)
}

// Nor can one that looks for a target that does not exist, however often the
// repository changes.
func TestAVersionWithoutATargetIsNotWell(t *testing.T) {
	w := newWorld(t, time.Now())
	agent := w.start("2s")
	agent.says("up to date")
	w.server.Always("/targets/*", func(honest http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			honest.ServeHTTP(rw, r)
			w.unpublish()
		})
	})
	w.publish(w.two)
	agent.says("installed a new version")
	agent.says("there is no such target", "target=agent")
	w.server.Heal()
	w.unpublish()
	agent.says("up to date")
	agent.says("back to the old version", "it did not say that it is well")
	agent.says("started", buildOf(w.one))
	agent.says("there is no such target", "target=agent")
	w.installed(w.one)

	w.publish(append(w.two, "again\n"...))
	agent.says("the new version is well")
}

func TestKilledAtAnyMoment(t *testing.T) {
	w := newWorld(t, time.Now())
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 20 {
		w.reinstall()
		broken, wanted := round%4 == 3, w.two
		if broken {
			w.publish([]byte("This is no program.\n"))
			wanted = w.one
		} else {
			w.publish(w.two)
		}
		agent := w.start("1m")
		for range random.IntN(8) { // there are seven until version 2 is well
			agent.line()
		}
		time.Sleep(time.Duration(random.IntN(20_000)) * time.Microsecond)
		if round%2 == 0 {
			agent.kill()
		} else {
			agent.killAll()
		}

		data, err := os.ReadFile(w.program)
		require.NoError(t, err)
		build := buildOf(data)
		require.Contains(t, []string{buildOf(w.one), buildOf(wanted)}, build)
		agent = w.start("1m")
		agent.says("started", build)
		switch {
		case broken:
			agent.says("back to the old version")
			agent.says("still the version that was not well")
		case build == buildOf(w.one):
			agent.says("the new version is well")
		default:
			agent.says("up to date")
		}
		w.installed(wanted)
		agent.healthy(wanted)
		agent.kill()
	}
}

func TestABadMirrorChangesNothing(t *testing.T) {
	forger := verifytest.New(verifytest.Options{Seed: "forger", Start: time.Now()})
	forger.Targets().AddTarget("agent", []byte("forged"))
	forger.Publish()
	for _, c := range []struct {
		name string
		lie  func(*world)
		says string
	}{
		{"a tampered file", func(w *world) {
			w.server.Always("/targets/*", clienttest.Wrong())
			w.publish(w.two)
		}, "not updated"},
		{"a file cut short", func(w *world) {
			w.server.Always("/targets/*", clienttest.Cut(1000))
			w.publish(w.two)
		}, "not updated"},
		{"tampered metadata", func(w *world) {
			w.server.Always("/metadata/timestamp.json", clienttest.Change(func(body []byte) []byte {
				return bytes.Replace(body, []byte(`"version": 3`), []byte(`"version": 9`), 1)
			}))
			w.publish(w.two)
		}, "rejected"},
		{"forged metadata", func(w *world) { w.server.Publish(forger) }, "rejected"},
		{"no metadata", func(w *world) {
			w.server.Always("/metadata/*", clienttest.Status(http.StatusNotFound))
			w.publish(w.two)
		}, "kind="},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, time.Now())
			agent := w.start("1m")
			agent.says("up to date")
			c.lie(w)
			agent.says(c.says)
			w.installed(w.one)
			agent.healthy(w.one)
			require.NoFileExists(t, beside(w.program, next))

			w.server.Heal()
			w.publish(w.two)
			agent.says("the new version is well")
			w.installed(w.two)
		})
	}
}

// A frozen mirror is noticed when its timestamp expires.
func TestAFrozenMirrorChangesNothing(t *testing.T) {
	// A timestamp lives a day: this one only a few seconds more, in which a
	// slow machine starts the agent.
	w := newWorld(t, time.Now().Add(12*time.Second-24*time.Hour))
	agent := w.start("1m")
	agent.says("up to date")
	agent.healthy(w.one)
	w.sign(w.two)         // the mirror does not have it
	agent.says("no news") // soon
	agent.says("no news") // it has expired
	code, body := agent.get("/healthz")
	require.Equal(t, http.StatusServiceUnavailable, code)
	require.Contains(t, body, "nothing that is valid is known")
	w.installed(w.one)
	require.NoFileExists(t, beside(w.program, next))

	w.repo.Advance(24 * time.Hour)
	w.publish(w.two)
	agent.says("the new version is well")
	agent.healthy(w.two)
}

func TestDemo(t *testing.T) {
	t.Setenv(asProgram, "1")
	var stdout, stderr bytes.Buffer
	require.Equal(t, cli.OK, run(context.Background(), nil, &stdout, &stderr), stderr.String())
	for _, text := range []string{"the new version is well", "back to the old version", "as before. Done.\n"} {
		require.Contains(t, stdout.String(), text)
	}
	inColumns(t, stdout.String())
	require.LessOrEqual(t, strings.Count(stdout.String(), "\n"), 25)
}

func TestCommandLine(t *testing.T) {
	var stdout, stderr bytes.Buffer
	require.Equal(t, cli.OK, run(context.Background(), []string{"--help"}, &stdout, &stderr))
	require.Contains(t, stdout.String(), "/healthz")
	inColumns(t, stdout.String())
	require.Equal(t, cli.Usage, run(context.Background(), []string{"agent"}, &stdout, &stderr))
	require.Contains(t, stderr.String(), "missing flags: --metadata-url=URL, --root=FILE, --targets-url=URL")
}

func inColumns(t *testing.T, text string) {
	for line := range strings.Lines(text) {
		require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), 80, line)
	}
}
