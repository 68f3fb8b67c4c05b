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

// A shot is a picture of a place.
type shot struct {
	name, theme string
	width       int64
	place       string
}

// hubShots are taken of the demo, hostShots of a stage.
func hubShots() []shot {
	return []shot{
		{"runs-light", "light", 1280, "runs"},
		{"runs-dark", "dark", 1280, "runs"},
		{"runs-320", "light", 320, "runs"},
		{"runs-empty", "light", 1280, "runs, nothing"},
		{"runs-readonly", "light", 1280, "runs, readonly"},
		{"runs-forced-colors", "forced", 1280, "runs"},
		{"overview", "light", 1280, "overview"},
		{"notifications", "light", 1280, "notifications"},
		{"widget", "dark", 1280, "inventory, never synced"},
		{"run-running", "light", 1280, "run, status=running"},
		{"run-succeeded", "light", 1280, "run, outcome=succeeded"},
		{"run-partially-succeeded", "light", 1280, "run, outcome=partially_succeeded"},
		{"run-failed", "dark", 1280, "run, outcome=failed"},
		{"run-320", "dark", 320, "run, outcome=failed"},
		{"inventory", "light", 1280, "inventory of the demo"},
	}
}

func hostShots() []shot {
	return []shot{
		{"backup-set", "light", 1280, "a set"},
		{"version-diff", "light", 1280, "two versions"},
		{"restore-select", "light", 1280, "restore, select"},
		{"restore-scope", "light", 1280, "restore, scope"},
		{"restore-mapping", "light", 1280, "restore, mapping"},
		{"restore-preview", "light", 1280, "restore, preview"},
		{"restore-execute", "light", 1280, "restore, execute"},
		{"restore-executed", "dark", 1280, "restore, executed"},
		{"run-items", "light", 1280, "run, items"},
		{"restore-320", "light", 320, "restore, execute"},
	}
}

// TestScreenshots takes the pictures in docs/images, if it is asked to; else it
// sees that they are there and small.
func TestScreenshots(t *testing.T) {
	if *update {
		w := newWorld(t)
		b := demo(t, w)
		b.shoot(hubShots(), places(b), b.be)
		s := newStage(t, w)
		b = w.visit(t, s.host.base)
		b.as("dana")
		b.shoot(hostShots(), s.places(), func(string) {})
	}
	for _, s := range append(hubShots(), hostShots()...) {
		info, err := os.Stat(s.file())
		if err != nil {
			t.Error(err)
		} else if info.Size() > 100<<10 {
			t.Errorf("%s has %d bytes, want 100 KiB at most", info.Name(), info.Size())
		}
	}
}

func (s shot) file() string { return filepath.Join("..", "..", "docs", "images", s.name+".png") }

// shoot takes pictures of places.
func (b *tab) shoot(shots []shot, all []place, be func(user string)) {
	b.Helper()
	for _, s := range shots {
		p := all[slices.IndexFunc(all, func(p place) bool { return p.name == s.place })]
		be(p.user)
		b.look(s.width, s.theme)
		b.see(p)
		b.until("what was told is gone", `!document.querySelector('.ops-toast')`)
		picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
		if err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(s.file(), smaller(b, picture), 0o644); err != nil {
			b.Fatal(err)
		}
	}
}

// smaller stores a picture with its 256 most frequent colours.
func smaller(t testing.TB, picture []byte) []byte {
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
