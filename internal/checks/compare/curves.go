package main

import (
	"fmt"
	"image/color"
	"io"
	"math"
	"slices"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// figure is the quantity on the vertical axis of a panel.
type figure struct {
	label string
	of    func(sample) float64
	ticks plot.ConstantTicks
}

var figures = []figure{
	{
		"time",
		func(s sample) float64 { return float64(s.time) / float64(time.Second) },
		plot.ConstantTicks{
			{Value: 1e-3, Label: "1 ms"}, {Value: 1e-2, Label: "10 ms"}, {Value: 1e-1, Label: "100 ms"},
			{Value: 1, Label: "1 s"}, {Value: 10, Label: "10 s"}, {Value: 100, Label: "100 s"},
		},
	},
	{
		"memory allocated, in all",
		func(s sample) float64 { return float64(s.bytes) },
		plot.ConstantTicks{
			{Value: 1e5, Label: "0.1 MB"}, {Value: 1e6, Label: "1 MB"}, {Value: 1e7, Label: "10 MB"},
			{Value: 1e8, Label: "100 MB"}, {Value: 1e9, Label: "1 GB"}, {Value: 1e10, Label: "10 GB"},
		},
	},
}

// metadataTicks are the ticks of the horizontal axes, by what grows.
var metadataTicks = map[string]plot.ConstantTicks{
	"bins": {
		{Value: 1e5, Label: "0.1 MB"}, {Value: 1e6, Label: "1 MB"}, {Value: 1e7, Label: "10 MB"},
		{Value: 1e8, Label: "100 MB"},
	},
	"targets": {
		{Value: 2e6, Label: "2 MB"}, {Value: 5e6, Label: "5 MB"}, {Value: 1e7, Label: "10 MB"},
		{Value: 2e7, Label: "20 MB"}, {Value: 5e7, Label: "50 MB"},
	},
}

// growthChart has a panel for each figure against the bytes of metadata: once
// for more and more bins, once for more and more targets.
func growthChart(w io.Writer, curves []curve) error {
	var panels [][]*plot.Plot
	for _, f := range figures {
		var across []*plot.Plot
		for _, grows := range []string{"bins", "targets"} {
			p, err := growthPanel(f, grows, curves)
			if err != nil {
				return err
			}
			across = append(across, p)
		}
		panels = append(panels, across)
	}
	legend := panels[0][0].Legend // the other panels have the same curves, or fewer
	for _, p := range slices.Concat(panels...) {
		p.Legend = plot.NewLegend()
	}
	panels[1][0].Legend = legend // this panel has room for it
	panels[0][0].Title.Text = "Growth with the number of bins: 1,024 to 65,536"
	panels[0][1].Title.Text = "and of targets: 1 to 1,000, in 16,384 bins"
	return writeSVG(w, vg.Points(860), vg.Points(700), func(dc draw.Canvas) {
		tiles := draw.Tiles{Rows: 2, Cols: 2, PadX: vg.Points(18), PadY: vg.Points(12)}
		for i, canvases := range plot.Align(panels, tiles, dc) {
			for j, c := range canvases {
				panels[i][j].Draw(c)
			}
		}
	})
}

func growthPanel(f figure, grows string, curves []curve) (*plot.Plot, error) {
	p := newPlot()
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	x, y := metadataTicks[grows], f.within(curves)
	p.X.Tick.Marker, p.Y.Tick.Marker = x, y
	p.X.Label.Text, p.Y.Label.Text = "metadata that the client needs", f.label
	if err := addGuides(p); err != nil {
		return nil, err
	}
	for _, c := range curves {
		for _, client := range []string{yardstickName, walkName, goTUFName} {
			if c.grows != grows {
				continue
			}
			if err := addCurve(p, f, c, client); err != nil {
				return nil, err
			}
		}
	}
	p.X.Min, p.X.Max = x[0].Value, x[len(x)-1].Value
	p.Y.Min, p.Y.Max = y[0].Value, y[len(y)-1].Value
	return p, nil
}

// within returns the ticks up to the largest value. Panels side by side show
// the same range.
func (f figure) within(curves []curve) plot.ConstantTicks {
	largest := 0.0
	for _, c := range curves {
		for _, pt := range c.points {
			for _, l := range pt.lines {
				largest = max(largest, f.of(l.sample))
			}
		}
	}
	n := slices.IndexFunc(f.ticks, func(t plot.Tick) bool { return t.Value > largest })
	if n < 0 {
		return f.ticks
	}
	return f.ticks[:n+1]
}

// addGuides draws lines on which a figure is proportional to the bytes.
func addGuides(p *plot.Plot) error {
	for exponent := -12; exponent <= 8; exponent++ {
		k := math.Pow(10, float64(exponent))
		guide, err := plotter.NewLine(plotter.XYs{{X: 1e4, Y: 1e4 * k}, {X: 1e9, Y: 1e9 * k}})
		if err != nil {
			return err
		}
		guide.Color = pale
		p.Add(guide)
		if exponent == 0 {
			p.Legend.Add("proportional to the metadata", guide)
		}
	}
	return nil
}

// addCurve adds one client's curve: a solid line for classic bins, a dashed one
// for succinct bins.
func addCurve(p *plot.Plot, f figure, c curve, client string) error {
	if client == yardstickName && f.label != "time" { // it allocates almost nothing
		return nil
	}
	var at plotter.XYLabels
	for _, pt := range c.points {
		k := slices.IndexFunc(pt.lines, func(l line) bool { return l.client == client })
		if k < 0 {
			continue
		}
		at.XYs = append(at.XYs, plotter.XY{X: float64(pt.bytes), Y: f.of(pt.lines[k].sample)})
		at.Labels = append(at.Labels, grouped(uint64(pt.n)))
		if n := len(at.XYs) - 1; n > 0 && at.XYs[n].X < 1.15*at.XYs[n-1].X { // one label for both points
			at.Labels[n], at.Labels[n-1] = at.Labels[n-1]+", "+at.Labels[n], ""
		}
	}
	if len(at.XYs) == 0 {
		return nil
	}
	lines, dots, err := plotter.NewLinePoints(at.XYs)
	if err != nil {
		return err
	}
	lines.Color, lines.Width = colors[client], vg.Points(1.6)
	dots.Color, dots.Radius, dots.Shape = colors[client], vg.Points(3), draw.CircleGlyph{}
	if c.kind == "succinct" {
		lines.Dashes = []vg.Length{vg.Points(5), vg.Points(3)}
		dots.Shape = draw.SquareGlyph{}
	}
	p.Add(lines, dots)
	p.Legend.Add(fmt.Sprintf("%s, %s bins", client, c.kind), lines, dots)
	if client == yardstickName {
		return nil
	}
	return addNumbers(p, at, colors[client], client == walkName && c.kind == "succinct")
}

// addNumbers writes the number of bins or targets next to each point.
func addNumbers(p *plot.Plot, at plotter.XYLabels, ink color.Color, below bool) error {
	labels, err := plotter.NewLabels(at)
	if err != nil {
		return err
	}
	labels.Offset = vg.Point{X: vg.Points(-4), Y: vg.Points(5)}
	if below {
		labels.Offset = vg.Point{X: vg.Points(4), Y: vg.Points(-12)}
	}
	for i := range labels.TextStyle {
		labels.TextStyle[i] = textStyle(p, 8, ink)
		if !below {
			labels.TextStyle[i].XAlign = draw.XRight
		}
	}
	p.Add(labels)
	return nil
}
