package main

import (
	"bytes"
	"image/color"
	"io"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// The charts have a white background, so that they look the same on a dark
// page. The colours of the clients differ in lightness too, for readers who
// cannot tell the colours apart.
var (
	ink    = color.RGBA{0x24, 0x29, 0x2f, 0xff}
	pale   = color.RGBA{0xe1, 0xe4, 0xe8, 0xff}
	colors = map[string]color.RGBA{
		yardstickName: {0x9a, 0xa0, 0xa6, 0xff},
		walkName:      {0x0b, 0x4f, 0x9e, 0xff},
		goTUFName:     {0xe8, 0x8b, 0x2e, 0xff},
	}
	halted = color.RGBA{0xf9, 0xde, 0xc1, 0xff} // of go-tuf, where it found no target
)

// newPlot returns an empty plot in the style of all charts.
func newPlot() *plot.Plot {
	plot.DefaultFont = font.Font{Typeface: "Liberation", Variant: "Sans"}
	p := plot.New()
	p.BackgroundColor = color.White
	p.Title.TextStyle.Font.Size = vg.Points(13)
	p.Title.TextStyle.Font.Weight = 2 // bold
	p.Title.TextStyle.Color = ink
	p.Title.Padding = vg.Points(8)
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Label.TextStyle.Font.Size = vg.Points(11)
		a.Tick.Label.Font.Size = vg.Points(10)
		a.Label.TextStyle.Color, a.Tick.Label.Color, a.Color, a.Tick.Color = ink, ink, ink, ink
	}
	p.Legend.TextStyle.Font.Size = vg.Points(10)
	p.Legend.TextStyle.Color = ink
	p.Legend.Padding = vg.Points(3)
	return p
}

// textStyle is the style of numbers inside a plot.
func textStyle(p *plot.Plot, size float64, ink color.Color) draw.TextStyle {
	style := p.Legend.TextStyle
	style.Font.Size, style.Color = vg.Points(size), ink
	return style
}

// writeSVG draws a canvas and writes it as SVG. Few machines have the font that
// the library knows, so similar fonts follow in the list.
func writeSVG(w io.Writer, width, height vg.Length, paint func(draw.Canvas)) error {
	canvas := vgsvg.NewWith(vgsvg.UseWH(width, height))
	dc := draw.New(canvas)
	dc.SetColor(color.White)
	dc.Fill(dc.Rectangle.Path())
	paint(draw.Crop(dc, vg.Points(10), -vg.Points(14), vg.Points(8), -vg.Points(10)))
	var buf bytes.Buffer
	if _, err := canvas.WriteTo(&buf); err != nil {
		return err
	}
	const only, similar = "font-family:Liberation Sans;", "font-family:Liberation Sans,Arial,Helvetica,sans-serif;"
	_, err := io.WriteString(w, strings.ReplaceAll(buf.String(), only, similar))
	return err
}
