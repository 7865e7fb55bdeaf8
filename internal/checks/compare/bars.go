package main

import (
	"fmt"
	"image/color"
	"io"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// barHeight is the height of one client's bar, rowHeight that of one row.
const (
	barHeight = vg.Length(11)
	rowHeight = vg.Length(52)
)

// barChart shows each client's time for each row, in multiples of the
// yardstick.
func barChart(w io.Writer, rows []row) error {
	p := newPlot()
	p.Title.Text = "Cold start to resolved targets: time, in multiples of the yardstick"
	p.X.Label.Text = "yardstick = 1: sha256 of the files needed, the signatures needed, and json.Valid"
	p.X.Min = 0
	p.Legend.Top = false
	p.Legend.YPosition = draw.PosBottom
	names := make([]string, len(rows))
	for i, r := range rows {
		// The first row is at the top.
		names[len(rows)-1-i] = fmt.Sprintf("%s\n%s", r.title, size(uint64(r.bytes)))
	}
	for i, client := range []string{yardstickName, walkName, goTUFName} {
		if err := addBars(p, rows, client, vg.Length(1-i)*(barHeight+2)); err != nil {
			return err
		}
	}
	p.NominalY(names...)
	p.Y.Min, p.Y.Max = -0.6, float64(len(rows))-0.4
	p.X.Tick.Marker = multiples(p.X.Max)
	p.X.Max *= 1.22 // room for the numbers next to the bars
	height := vg.Length(len(rows))*rowHeight + vg.Points(90)
	return writeSVG(w, vg.Points(860), height, func(dc draw.Canvas) { p.Draw(dc) })
}

// multiples returns about ten whole numbers, up to the largest.
func multiples(largest float64) plot.ConstantTicks {
	step := 1
	for largest/float64(step) > 10 {
		step *= 2
		if step == 4 {
			step = 5
		}
	}
	var ticks plot.ConstantTicks
	for x := 0; float64(x) <= largest; x += step {
		ticks = append(ticks, plot.Tick{Value: float64(x), Label: strconv.Itoa(x)})
	}
	return ticks
}

// addBars adds one client's bars, with a text next to each.
func addBars(p *plot.Plot, rows []row, client string, offset vg.Length) error {
	done, stopped := make(plotter.Values, len(rows)), make(plotter.Values, len(rows))
	var texts plotter.XYLabels
	for i, r := range rows {
		at := len(rows) - 1 - i
		k := slices.IndexFunc(r.lines, func(l line) bool { return l.client == client })
		if k < 0 {
			continue
		}
		l := r.lines[k]
		x := float64(l.time) / float64(r.lines[0].time)
		text := fmt.Sprintf("%.1f× (%s)", x, duration(l.time))
		if l.err == nil {
			done[at] = x
		} else {
			stopped[at] = x
			text = fmt.Sprintf("finds no target, after %s", duration(l.time))
		}
		texts.XYs = append(texts.XYs, plotter.XY{X: x, Y: float64(at)})
		texts.Labels = append(texts.Labels, text)
	}
	bars, err := barsOf(done, offset, colors[client])
	if err != nil {
		return err
	}
	unfinished, err := barsOf(stopped, offset, halted)
	if err != nil {
		return err
	}
	p.Add(bars, unfinished)
	p.Legend.Add(client, bars)
	labels, err := plotter.NewLabels(texts)
	if err != nil {
		return err
	}
	labels.Offset = vg.Point{X: vg.Points(4), Y: offset}
	for i := range labels.TextStyle {
		labels.TextStyle[i] = textStyle(p, 9, ink)
		labels.TextStyle[i].YAlign = draw.YCenter
	}
	p.Add(labels)
	return nil
}

func barsOf(values plotter.Values, offset vg.Length, fill color.Color) (*plotter.BarChart, error) {
	bars, err := plotter.NewBarChart(values, barHeight)
	if err != nil {
		return nil, err
	}
	bars.Horizontal, bars.Offset, bars.LineStyle.Width, bars.Color = true, offset, 0, fill
	return bars, nil
}
