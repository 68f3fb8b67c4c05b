package browsertest_test

import (
	"bytes"
	"flag"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
)

var update = flag.Bool("update", false, "take the screenshots of the documentation again")

// TestScreenshots takes the pictures in docs/images, if it is asked to; else it
// sees that they are there and small.
func TestScreenshots(t *testing.T) {
	shots := []struct {
		name, theme string
		width       int64
		place       string
	}{
		{"runs-light", "light", 1280, "runs"},
		{"runs-dark", "dark", 1280, "runs"},
		{"runs-320", "light", 320, "runs"},
		{"runs-empty", "light", 1280, "runs, nothing"},
		{"runs-readonly", "light", 1280, "runs, readonly"},
		{"overview", "light", 1280, "overview"},
		{"notifications", "light", 1280, "notifications"},
		{"run-running", "light", 1280, "run, status=running"},
		{"run-succeeded", "light", 1280, "run, outcome=succeeded"},
		{"run-partially-succeeded", "light", 1280, "run, outcome=partially_succeeded"},
		{"run-failed", "dark", 1280, "run, outcome=failed"},
		{"inventory", "light", 1280, "inventory"},
	}
	dir := filepath.Join("..", "..", "docs", "images")
	if *update {
		b := demo(t, newWorld(t))
		all := make(map[string]place)
		for _, p := range places(b) {
			all[p.name] = p
		}
		for _, s := range shots {
			p := all[s.place]
			b.be(p.user)
			b.look(s.width, s.theme)
			b.see(p)
			picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, s.name+".png"), smaller(t, picture), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, s := range shots {
		info, err := os.Stat(filepath.Join(dir, s.name+".png"))
		if err != nil {
			t.Error(err)
		} else if info.Size() > 100<<10 {
			t.Errorf("%s has %d bytes, want 100 KiB at most", info.Name(), info.Size())
		}
	}
}

// smaller stores a picture with its 256 most frequent colours.
func smaller(t *testing.T, picture []byte) []byte {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	count := make(map[color.Color]int)
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			count[img.At(x, y)]++
		}
	}
	colours := slices.SortedFunc(maps.Keys(count), func(a, b color.Color) int { return count[b] - count[a] })
	few := image.NewPaletted(img.Bounds(), colours[:min(len(colours), 256)])
	draw.Draw(few, img.Bounds(), img, image.Point{}, draw.Src)
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&out, few); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
