package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

// observe logs what happens. slog quotes what must not reach a terminal.
func observe(log *slog.Logger, e client.Event) {
	switch e := e.(type) {
	case client.Answer:
		log.Debug("answer", "source", e.Source, "path", e.Path, "bytes", e.Bytes, "elapsed", e.Elapsed, "error", e.Err)
	case client.Rejected:
		log.Warn("rejected", "source", e.Source, "path", e.Path, "error", e.Err)
	case client.MirrorFailed:
		log.Warn("no file from this mirror", "source", e.Err.Name, "target", e.Path, "error", e.Err.Err)
	case client.Warning:
		log.Warn("warning", "kind", verify.KindOf(e.Err).String(), "error", e.Err)
	case client.ExpiryAhead:
		log.Error("no news", "expires", e.Expires, "left", e.Left.Round(time.Second), "error", e.Err)
	case client.ViewChanged:
		now := e.New.Repositories[0]
		if e.Old == nil || e.Old.Repositories[0].Timestamp != now.Timestamp {
			log.Info("up to date", "root", now.Root, "timestamp", now.Timestamp, "snapshot", now.Snapshot)
		}
	}
}

// metrics are numbers for Prometheus. Their labels have few values: names of
// sources from the command line, roles, kinds of errors.
type metrics struct {
	registry *prometheus.Registry
	answers  *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	rejected *prometheus.CounterVec
	failed   *prometheus.CounterVec
	warnings *prometheus.CounterVec
	updates  prometheus.Counter
	updated  prometheus.Gauge
	expires  prometheus.Gauge
	versions *prometheus.GaugeVec
}

func newMetrics(build string) *metrics {
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	m := &metrics{
		registry: prometheus.NewRegistry(),
		answers:  counters("tuf_answers_total", "Answers to requests for metadata.", "source", "result"),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tuf_answer_seconds", Help: "Time from a request for metadata to the end of the answer.",
		}, []string{"source"}),
		rejected: counters("tuf_rejected_total", "Metadata files that were wrong.", "source"),
		failed:   counters("tuf_mirror_failed_total", "Downloads that a mirror did not have the right file for.", "source"),
		warnings: counters("tuf_warnings_total", "Warnings, such as updates that failed.", "kind"),
		updates: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tuf_updates_total", Help: "Updates that succeeded.",
		}),
		updated: gauge("tuf_updated_timestamp_seconds", "When the last update that succeeded began."),
		expires: gauge("tuf_expires_timestamp_seconds", "When the view in use expires."),
		versions: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "tuf_role_version", Help: "Version of a top-level role that is trusted.",
		}, []string{"role"}),
	}
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "agent_build_info", Help: "Which version runs.",
	}, []string{"build"})
	info.WithLabelValues(build).Set(1)
	m.registry.MustRegister(m.answers, m.seconds, m.rejected, m.failed, m.warnings, m.updates, m.updated, m.expires,
		m.versions, info)
	return m
}

// observe counts what happens.
func (m *metrics) observe(e client.Event) {
	switch e := e.(type) {
	case client.Answer:
		result := "body"
		if errors.Is(e.Err, verify.ErrNotAtSource) {
			result = "absent"
		} else if e.Err != nil {
			result = "error"
		}
		m.answers.WithLabelValues(e.Source, result).Inc()
		m.seconds.WithLabelValues(e.Source).Observe(e.Elapsed.Seconds())
	case client.Rejected:
		m.rejected.WithLabelValues(e.Source).Inc()
	case client.MirrorFailed:
		m.failed.WithLabelValues(e.Err.Name).Inc()
	case client.Warning:
		m.warnings.WithLabelValues(verify.KindOf(e.Err).String()).Inc()
	case client.ViewChanged:
		m.updates.Inc()
		m.updated.Set(float64(e.New.Time.Unix()))
		m.expires.Set(float64(e.New.Expires.Unix()))
		r := e.New.Repositories[0]
		m.versions.WithLabelValues(metadata.RoleRoot).Set(float64(r.Root))
		m.versions.WithLabelValues(metadata.RoleTimestamp).Set(float64(r.Timestamp))
		m.versions.WithLabelValues(metadata.RoleSnapshot).Set(float64(r.Snapshot))
		m.versions.WithLabelValues(metadata.RoleTargets).Set(float64(r.Targets))
	}
}

// serve serves /healthz and /metrics until the context ends, and says where.
func serve(
	ctx context.Context, stdout io.Writer, address, build string, c *client.Client, m *metrics,
) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "serving http://%s/healthz\n", listener.Addr())
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		expires := c.Expires()
		if !time.Now().Before(expires) { // zero: there is no view
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintf(w, "no updates: build %s, nothing that is valid is known\n", build)
			return
		}
		fmt.Fprintf(w, "ok: build %s, valid until %s\n", build, expires.UTC().Format(time.RFC3339))
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(listener); ctx.Err() == nil {
		return err
	}
	return nil
}
