package main

import (
	"image/color"
	"io"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// viewColors are those of the curves of part refresh.
var viewColors = []color.RGBA{{0x0b, 0x4f, 0x9e, 0xff}, {0xe8, 0x8b, 0x2e, 0xff}}

// refreshChart has two panels against the number of refreshes: the time of
// each, and the heap after it.
func refreshChart(w io.Writer, views []*longView) error {
	times, heaps := newPlot(), newPlot()
	times.Title.Text = "A view of 16,384 bins, of which 1 in 100 is another one each time"
	times.Y.Label.Text, heaps.Y.Label.Text = "time of a refresh, ms", "heap in use, MB"
	heaps.X.Label.Text = "refreshes"
	for i, v := range views {
		var t, h plotter.XYs
		for _, p := range v.points {
			if p.n%4 == 1 { // the first update, 0, loads all bins
				t = append(t, plotter.XY{X: float64(p.n), Y: float64(p.time.Microseconds()) / 1000})
			}
			if p.heap > 0 {
				h = append(h, plotter.XY{X: float64(p.n), Y: float64(p.heap) / 1e6})
			}
		}
		dots, err := plotter.NewScatter(t)
		if err != nil {
			return err
		}
		dots.Color, dots.Radius, dots.Shape = viewColors[i], vg.Points(1), draw.CircleGlyph{}
		times.Add(dots)
		line, err := plotter.NewLine(h)
		if err != nil {
			return err
		}
		line.Color, line.Width = viewColors[i], vg.Points(1.6)
		heaps.Add(line)
		heaps.Legend.Add(v.title, line)
	}
	times.Y.Min, heaps.Y.Min = 0, 0
	heaps.Y.Max *= 1.3 // room for the legend
	heaps.Legend.Top = true
	panels := [][]*plot.Plot{{times}, {heaps}}
	return writeSVG(w, vg.Points(860), vg.Points(560), func(dc draw.Canvas) {
		tiles := draw.Tiles{Rows: 2, Cols: 1, PadY: vg.Points(12)}
		for i, canvases := range plot.Align(panels, tiles, dc) {
			panels[i][0].Draw(canvases[0])
		}
	})
}
