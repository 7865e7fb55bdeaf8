package gate

import (
	"cmp"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics are those that Prometheus reads.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	sent     *prometheus.CounterVec
	metadata *prometheus.CounterVec
	blame    *prometheus.CounterVec
	refresh  *prometheus.CounterVec

	answerHit, answerMiss, fileSent, fileFilled prometheus.Counter
}

func newMetrics(g *Gate) *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "tufwalk", Name: name, Help: help}, labels)
		m.registry.MustRegister(c)
		return c
	}
	m.requests = counter("requests_total", "Requests by outcome.", "route", "protocol", "outcome")
	m.sent = counter("sent_bytes_total", "Bytes of bodies that were sent.", "route")
	m.metadata = counter("metadata_requests_total", "Requests for metadata to mirrors.", "upstream", "mirror", "result")
	m.blame = counter("blame_total", "What mirrors did wrong.", "upstream", "mirror", "kind")
	m.refresh = counter("refresh_total", "Updates.", "upstream", "result")
	answers := counter("answers_total", "Answers from memory, and searches.", "from")
	m.answerHit, m.answerMiss = answers.WithLabelValues("memory"), answers.WithLabelValues("search")
	files := counter("files_total", "Verified files that were sent, and downloads.", "what")
	m.fileSent, m.fileFilled = files.WithLabelValues("sent"), files.WithLabelValues("downloaded")
	m.seconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: "tufwalk", Name: "request_seconds", Help: "Time of a request.",
		Buckets: []float64{.001, .005, .025, .1, .5, 2, 10, 60},
	}, []string{"route"})
	m.registry.MustRegister(m.seconds, &views{g}, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// routeMetrics are those of one route, found once.
type routeMetrics struct {
	requests [len(outcomes)]prometheus.Counter
	sent     prometheus.Counter
	seconds  prometheus.Observer
}

func (m *metrics) of(prefix, protocol string) *routeMetrics {
	r := &routeMetrics{sent: m.sent.WithLabelValues(prefix), seconds: m.seconds.WithLabelValues(prefix)}
	for i, name := range outcomes {
		r.requests[i] = m.requests.WithLabelValues(prefix, protocol, name)
	}
	return r
}

// note counts a request.
func (m *routeMetrics) note(q *request, took time.Duration) {
	m.requests[q.outcome].Inc()
	m.sent.Add(float64(q.w.bytes))
	m.seconds.Observe(took.Seconds())
}

// views tells the age and the expiry of each view, when Prometheus asks.
type views struct{ gate *Gate }

var (
	viewAge = prometheus.NewDesc("tufwalk_view_age_seconds", "How long ago the update of the view began.",
		[]string{"upstream"}, nil)
	viewExpires = prometheus.NewDesc("tufwalk_view_expires_timestamp_seconds", "When the view expires; 0: there is none.",
		[]string{"upstream", "repository"}, nil)
	viewBytes = prometheus.NewDesc("tufwalk_metadata_bytes", "Bytes of targets metadata since the last renewal.",
		[]string{"upstream"}, nil)
	fileCount = prometheus.NewDesc("tufwalk_cached_files", "Verified files.", nil, nil)
	fileBytes = prometheus.NewDesc("tufwalk_cached_bytes", "Bytes of verified files.", nil, nil)
)

// Describe implements prometheus.Collector.
func (v *views) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{viewAge, viewExpires, viewBytes, fileCount, fileBytes} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (v *views) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	for name, u := range v.gate.upstreams {
		gauge(viewBytes, float64(u.came.Load()), name)
		view := u.client.Load().View()
		if view == nil {
			gauge(viewExpires, 0, name, name)
			continue
		}
		gauge(viewAge, v.gate.config.Now().Sub(view.Time).Seconds(), name)
		for _, r := range view.Repositories {
			expires := 0.0
			if !r.Expires.IsZero() {
				expires = float64(r.Expires.Unix())
			}
			gauge(viewExpires, expires, name, cmp.Or(r.Repository, name))
		}
	}
	files, bytes := v.gate.config.Files.Usage()
	gauge(fileCount, float64(files))
	gauge(fileBytes, float64(bytes))
}
