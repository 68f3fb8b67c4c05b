package browsertest_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// axe-core is taken from its package, once, and kept in the user's cache; it is
// not part of this repository.
const (
	axeVersion = "4.14.1"
	axeSum     = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
)

func axe(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	file := filepath.Join(cache, "tenantatlas", "axe-core-"+axeVersion+".min.js")
	script, err := os.ReadFile(file)
	if err != nil {
		if script, err = downloadAxe(t.Context(), t.TempDir()); err != nil {
			missing(t, "there is no axe-core: "+err.Error())
		}
	}
	if sum := sha256.Sum256(script); hex.EncodeToString(sum[:]) != axeSum {
		t.Fatalf("axe-core %s is not the one that it was: %x; remove %s if it is there", axeVersion, sum, file)
	}
	if err := keep(file, script); err != nil {
		t.Logf("axe-core will be downloaded again: %v", err)
	}
	return string(script)
}

// downloadAxe gets the package with npm, which need not run anything of it.
func downloadAxe(ctx context.Context, dir string) ([]byte, error) {
	for _, args := range [][]string{
		{"npm", "pack", "--silent", "--ignore-scripts", "axe-core@" + axeVersion},
		{"tar", "-xzf", "axe-core-" + axeVersion + ".tgz", "package/axe.min.js"},
	} {
		c := exec.CommandContext(ctx, args[0], args[1:]...)
		c.Dir = dir
		if out, err := c.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s: %w %s", strings.Join(args, " "), err, out)
		}
	}
	return os.ReadFile(filepath.Join(dir, "package", "axe.min.js"))
}

// keep writes a file whole or not at all.
func keep(file string, data []byte) error {
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	part := fmt.Sprint(file, ".", os.Getpid())
	if err := os.WriteFile(part, data, 0o644); err != nil {
		return err
	}
	return os.Rename(part, file)
}

// check reports what axe finds on the page.
func (b *tab) check(axe string) []string {
	b.Helper()
	if !run[bool](b, `'axe' in window`) { // it stays until the next page comes
		run[bool](b, axe+"; true")
	}
	found := run[string](b, `axe.run({
		runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
		resultTypes: ['violations'],
		preload: false, // style sheets, which no rule here reads
	}).then((r) => JSON.stringify(r.violations.flatMap((v) => v.nodes.map((n) =>
		v.id + ': ' + v.help + ': ' + n.html.slice(0, 300) + ' ' + [...n.any, ...n.all, ...n.none].map((c) => c.message).join('; ')))))`)
	var all []string
	if err := json.Unmarshal([]byte(found), &all); err != nil {
		b.Fatal(err)
	}
	return all
}

// reflow reports what makes the page wider than the window.
func (b *tab) reflow() string {
	b.Helper()
	return run[string](b, `(() => {
		const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
		if (wide <= 0) return '';
		const held = (e) => e.parentElement && (getComputedStyle(e.parentElement).overflowX !== 'visible' || held(e.parentElement));
		const e = [...document.body.querySelectorAll('*')].find((e) => e.getBoundingClientRect().right > document.documentElement.clientWidth && !held(e));
		return wide + ' px too wide: ' + (e ? e.outerHTML.slice(0, 200) : '?');
	})()`)
}
