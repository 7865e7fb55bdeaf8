package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// barHeight and rowHeight are those of one client and of one row.
const (
	barHeight = vg.Length(11)
	rowHeight = vg.Length(52)
)

// barChart shows how many times its floor each client took for each row.
func barChart(w io.Writer, rows []row) error {
	p := newPlot()
	p.Title.Text = "Cold start to resolved targets: time, in multiples of the floor"
	p.X.Label.Text = "floor = 1: sha256 of the files needed, the signatures needed, and json.Valid"
	p.X.Min = 0
	p.Legend.Top = false
	p.Legend.YPosition = draw.PosBottom
	names := make([]string, len(rows))
	for i, r := range rows {
		names[len(rows)-1-i] = fmt.Sprintf("%s\n%s", r.title, size(uint64(r.bytes))) // the first row is the topmost
	}
	for i, client := range []string{floorName, walkName, goTUFName} {
		if err := addBars(p, rows, client, vg.Length(1-i)*(barHeight+2)); err != nil {
			return err
		}
	}
	p.NominalY(names...)
	p.Y.Min, p.Y.Max = -0.6, float64(len(rows))-0.4
	p.X.Tick.Marker = multiples(p.X.Max)
	p.X.Max *= 1.22 // for what stands behind the bars
	height := vg.Length(len(rows))*rowHeight + vg.Points(90)
	return writeSVG(w, vg.Points(860), height, func(dc draw.Canvas) { p.Draw(dc) })
}

// multiples are at most about ten whole numbers up to a largest.
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

// addBars adds one client's bars, with what they say behind them.
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
	for values, fill := range map[*plotter.Values]int{&done: 0, &stopped: 1} {
		bars, err := plotter.NewBarChart(*values, barHeight)
		if err != nil {
			return err
		}
		bars.Horizontal, bars.Offset, bars.LineStyle.Width, bars.Color = true, offset, 0, colors[client]
		if fill == 1 {
			bars.Color = halted
		} else {
			p.Legend.Add(client, bars)
		}
		p.Add(bars)
	}
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
